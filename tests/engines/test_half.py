"""The fp16 file halves the network and nothing else, and is left out with numbers where it would stray."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tiny_detector import MEL, tiny_bundle, tiny_card, tiny_detector, tiny_windows
from tiny_kinds import CASES
from torch import Tensor

from engines.backend_onnx import open_engine
from engines.build.export import OPSET, export_bundle
from engines.build.half import BETWEEN, PRODUCTS, SUFFIX, count_halved, half_from_model
from engines.build.half_check import (
    NOTE,
    RELATIVE_LIMIT,
    VALUE_LIMIT,
    with_half,
    with_half_judged,
)
from engines.bundle import GOLDEN, INPUT_NAME, MODEL_FP16, OUTPUT_NAMES, Bundle, open_bundle, write_manifest
from engines.errors import BundleError
from engines.golden import SCORE_LIMIT, check_golden, read_golden, write_golden
from monitor.calibration import fit_calibration, load_calibration

DEMO = Path(__file__).parents[2] / "engines" / "demo"
NEED_RANGE = {
    *("Log", "Exp", "Pow", "Sqrt", "Div", "Softmax", "BatchNormalization", "LayerNormalization"),
    *("ReduceMean", "ReduceSum", "AveragePool", "GlobalAveragePool"),
}
BundleOfCase = Callable[[str], Bundle]


def half_of(bundle: Bundle) -> onnx.ModelProto:
    return onnx.load(str(bundle.model_path_of("fp16")))


@pytest.mark.parametrize("case", CASES)
def test_every_kind_has_an_fp16_file_that_answers_alike(bundle_of_case: BundleOfCase, case: str) -> None:
    bundle = bundle_of_case(case)
    engine = open_engine(bundle, precision="fp16")
    check_golden(engine)
    unseen = tiny_windows(30, seed=5)
    full, half = open_engine(bundle).infer(unseen).score, engine.infer(unseen).score
    assert not np.array_equal(full, half)
    assert np.abs(half - full).max() < SCORE_LIMIT * full.std()


@pytest.mark.parametrize("case", CASES)
def test_every_kind_takes_and_gives_fp32_and_halves_most_products(
    bundle_of_case: BundleOfCase, case: str
) -> None:
    half = half_of(bundle_of_case(case))
    assert [OPSET] == [entry.version for entry in half.opset_import]
    ends = {end.name: end.type.tensor_type.elem_type for end in (*half.graph.input, *half.graph.output)}
    assert dict.fromkeys((INPUT_NAME, *OUTPUT_NAMES), TensorProto.FLOAT) == ends
    halved, products = count_halved(half)
    assert halved > products / 2
    note = bundle_of_case(case).manifest.metrics[NOTE]
    assert (halved, products) == (note["halved_products"], note["products"])


@pytest.mark.parametrize("case", CASES)
def test_only_products_of_the_network_and_what_joins_them_are_half(
    bundle_of_case: BundleOfCase, case: str
) -> None:
    halved = [
        node
        for node in half_of(bundle_of_case(case)).graph.node
        if node.op_type != "Cast" and any(name.endswith(SUFFIX) for name in (*node.input, *node.output))
    ]
    assert PRODUCTS | BETWEEN >= {node.op_type for node in halved}
    assert set() == NEED_RANGE & {node.op_type for node in halved}
    assert [] == [node.name for node in halved if node.name.startswith(("/head/", "/standardiser/"))]


def test_the_whitening_of_a_scoring_head_keeps_its_weights_to_the_bit(bundle_of_case: BundleOfCase) -> None:
    bundle = bundle_of_case("mae")
    full, half = onnx.load(str(bundle.model_path)), half_of(bundle)
    taken = {name for node in full.graph.node if node.name.startswith("/head/") for name in node.input}
    weights = [tensor for tensor in full.graph.initializer if tensor.name in taken]
    assert {"head.window.matrix", "head.stretch.matrix"} < {tensor.name for tensor in weights}
    assert weights == [tensor for tensor in half.graph.initializer if tensor.name in taken]


def test_the_same_weights_give_the_same_fp16_bytes(tmp_path: Path, bundle_of_case: BundleOfCase) -> None:
    again = tiny_bundle(tmp_path / "again", "mae")
    assert bundle_of_case("mae").manifest.files[MODEL_FP16] == again.manifest.files[MODEL_FP16]


def product(weights: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> onnx.ModelProto:
    """A network of one matrix product that gives the reconstruction."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", len(weights)])
        for name in (INPUT_NAME, OUTPUT_NAMES[2])
    ]
    node = helper.make_node("MatMul", [INPUT_NAME, "weights"], [OUTPUT_NAMES[2]])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


@pytest.mark.parametrize(("largest", "halved"), [(65504.0, 1), (65520.0, 0)])
def test_a_product_whose_weights_exceed_fp16_stays_in_fp32(largest: float, halved: int) -> None:
    model = half_from_model(product(np.full((2, 2), largest, np.float32)))
    assert (halved, 1) == count_halved(model)
    assert OUTPUT_NAMES[2] == model.graph.output[0].name


class Magnified(torch.nn.Module):
    """A detector whose network works in units so large that fp16 overflows, though each weight would fit."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = tiny_detector("ae")
        self.up = torch.nn.Conv1d(MEL, MEL, 1, bias=False)
        self.down = torch.nn.Conv1d(MEL, MEL, 1, bias=False)
        for layer, gain in ((self.up, 6e4), (self.down, 1 / 6e4)):
            layer.weight.data = gain * torch.eye(MEL)[..., None]

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answers: tuple[Tensor, Tensor, Tensor] = self.detector(self.down(self.up(logmel)))
        return answers


def test_a_file_that_strays_is_left_out_with_numbers_and_fp32_stays_good(tmp_path: Path) -> None:
    bundle = export_bundle(tmp_path / "bundle", Magnified(), tiny_card("ae"), tiny_windows(36, seed=1))
    assert MODEL_FP16 not in bundle.manifest.files
    assert not (bundle.folder / MODEL_FP16).exists()
    assert "answered with a score that is not a number" in bundle.manifest.metrics[NOTE]["refused"]
    assert [] == [key for key in bundle.manifest.parity if "fp16" in key]
    with pytest.raises(BundleError, match=r"only fp32 \(.* a score that is not a number\); export"):
        open_engine(bundle, precision="fp16")
    check_golden(open_engine(bundle), limit=1e-4)


def demo_bundle(folder: Path) -> Bundle:
    """The demo's mae with an fp16 file, as if it had just been exported."""
    shutil.copytree(DEMO / "mae", folder)
    old = open_bundle(folder)
    write_manifest(folder, with_half(old, read_golden(old).logmel))
    return open_bundle(folder)


def test_a_trained_model_alarms_on_the_same_windows_in_fp16(tmp_path: Path) -> None:
    bundle = demo_bundle(tmp_path / "mae")
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    judged = with_half_judged(bundle, calibration)
    assert judged == open_bundle(bundle.folder)
    note = judged.manifest.metrics[NOTE]
    assert 0 == note["alarms_changed"]
    assert 10 < note["alarms_in_fp32"] < note["alarms_compared"]
    assert note["value_difference_below_2"] < VALUE_LIMIT / 4


def test_a_file_that_alarms_otherwise_is_left_out_with_numbers(tmp_path: Path) -> None:
    bundle = demo_bundle(tmp_path / "mae")
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    other = onnx.load(str(bundle.model_path_of("fp16")))
    (centre,) = (tensor for tensor in other.graph.initializer if tensor.name == "head.centre")
    centre.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(centre) + 10, "head.centre"))
    onnx.save(other, str(bundle.folder / MODEL_FP16))
    judged = with_half_judged(bundle, calibration)
    assert MODEL_FP16 not in judged.manifest.files
    assert not (judged.folder / MODEL_FP16).exists()
    assert re.search(r"alarms otherwise on \d+ of 64 windows", judged.manifest.metrics[NOTE]["refused"])


@pytest.mark.parametrize(("shift", "alarms"), [(1e6, 0), (-1e6, 64)])
def test_a_file_whose_alarms_cannot_be_compared_is_left_out_with_the_numbers(
    tmp_path: Path, shift: float, alarms: int
) -> None:
    bundle = demo_bundle(tmp_path / "mae")
    scores = shift + np.random.default_rng(0).exponential(size=5000)
    calibration = fit_calibration(
        scores, hop_s=1.024, bundle_id=bundle.bundle_id, fitted_utc_s=1.7e9, source="exponential"
    )
    judged = with_half_judged(bundle, calibration)
    assert MODEL_FP16 not in judged.manifest.files
    refused = judged.manifest.metrics[NOTE]["refused"]
    assert f"cannot be told: {alarms} of 64 windows" in refused


def test_a_file_that_every_box_would_refuse_is_left_out(tmp_path: Path) -> None:
    shutil.copytree(DEMO / "mae", tmp_path / "mae")
    bundle = open_bundle(tmp_path / "mae")
    golden = read_golden(bundle)
    expected = replace(golden.expected, score=golden.expected.score * np.float32(1.06))
    write_golden(bundle.folder / GOLDEN, replace(golden, expected=expected))
    manifest = with_half(bundle, golden.logmel)
    assert MODEL_FP16 not in manifest.files
    assert "on the golden windows strays" in manifest.metrics[NOTE]["refused"]


def test_the_manifest_tells_the_files_parity_within_the_limit(bundle_of_case: BundleOfCase) -> None:
    parity = bundle_of_case("mae").manifest.parity
    assert all(0.0 < parity[f"{name}_max_relative_fp16"] < RELATIVE_LIMIT for name in OUTPUT_NAMES)


def test_an_old_bundle_gets_its_fp16_file_from_its_fp32_file(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    entry = bundle.manifest.files[MODEL_FP16]
    (bundle.folder / MODEL_FP16).unlink()
    files = {name: found for name, found in bundle.manifest.files.items() if name != MODEL_FP16}
    old = replace(bundle, manifest=replace(bundle.manifest, files=files))
    assert entry == with_half(old, tiny_windows(36, seed=1)).files[MODEL_FP16]
    assert bundle == open_bundle(bundle.folder)
