"""An export answers as torch does, gives the same bytes twice, and is refused when it strays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tiny_detector import FRAMES, MEL, tiny_bundle, tiny_card, tiny_detector, tiny_windows
from torch import Tensor

from engines.build.export import OPSET, add_to_bundle, export_bundle, output_of_module
from engines.bundle import INPUT_NAME, OUTPUT_NAMES, open_bundle
from engines.errors import BundleDamagedError, EngineParityError
from engines.golden import compare_outputs
from engines.runtime import open_engine
from training.detector import Detector


@pytest.mark.parametrize("kind", ["ae", "mae"])
def test_the_export_answers_as_torch_does_on_windows_it_was_not_compared_on(
    tmp_path: Path, kind: str
) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", kind)
    windows = tiny_windows(11, seed=7)
    expected = output_of_module(tiny_detector(kind), windows)
    parity = compare_outputs(expected, open_engine(bundle).infer(windows))
    assert max(row.max_relative for row in parity) < 1e-4


@pytest.mark.parametrize("kind", ["ae", "mae"])
def test_the_same_weights_give_the_same_bytes_twice(tmp_path: Path, kind: str) -> None:
    one, other = tiny_bundle(tmp_path / "one", kind), tiny_bundle(tmp_path / "other", kind)
    assert one.manifest.files == other.manifest.files
    assert one.bundle_id == other.bundle_id
    assert (one.folder / "manifest.json").read_bytes() == (other.folder / "manifest.json").read_bytes()


def test_the_manifest_notes_the_parity_of_every_output(tmp_path: Path) -> None:
    parity = tiny_bundle(tmp_path / "bundle").manifest.parity
    expected = {f"{name}_max_{what}" for name in OUTPUT_NAMES for what in ("absolute", "relative")}
    assert expected | {f"{name}_fp16" for name in expected} == set(parity)
    assert all(0.0 <= value < 1e-4 for key, value in parity.items() if key.endswith("relative"))


def test_only_the_batch_is_dynamic_and_nothing_lies_outside_the_file(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    model = onnx.load(str(bundle.model_path))
    assert [OPSET] == [entry.version for entry in model.opset_import]
    (given,) = model.graph.input
    assert INPUT_NAME == given.name
    assert ["n", MEL, FRAMES] == [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert list(OUTPUT_NAMES) == [output.name for output in model.graph.output]
    expected = {"manifest.json", "model.onnx", "model.fp16.onnx", "golden.npz", "weights.safetensors"}
    assert expected == {path.name for path in bundle.folder.iterdir()}


class Strays(torch.nn.Module):
    """Answers one per cent more once it is exported."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        score, error_map, reconstruction = self.detector(logmel)
        return score, error_map * (1.01 if torch.onnx.is_in_onnx_export() else 1.0), reconstruction


def test_an_export_that_strays_is_refused_with_numbers_and_the_old_bundle_stays(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    before = tiny_bundle(folder)
    with pytest.raises(EngineParityError, match=r"export of ae strays .* error_map 0\.0.*, allowed 0\.0001"):
        export_bundle(folder, Strays(tiny_detector("ae")), tiny_card("ae"), tiny_windows(36))
    assert before == open_bundle(folder)
    assert [folder] == list(tmp_path.iterdir())


def test_a_new_export_leaves_no_calibration_of_the_old_model(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    add_to_bundle(tiny_bundle(folder), {"calibration.json": "{}"}, {})
    again = tiny_bundle(folder, "ae")
    assert not again.calibration_path.exists()


def test_what_is_added_to_a_bundle_is_sealed_too(tmp_path: Path) -> None:
    bundle = add_to_bundle(tiny_bundle(tmp_path / "b"), {"calibration.json": "{}"}, {"auc": 0.9})
    assert 0.9 == open_bundle(bundle.folder).manifest.metrics["auc"]
    bundle.calibration_path.write_text("{ }")
    with pytest.raises(BundleDamagedError, match=r"calibration\.json: sha256 is"):
        open_bundle(bundle.folder)


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz"])
def test_a_tampered_bundle_is_refused(tmp_path: Path, name: str) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    content = bytearray((bundle.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle.folder / name).write_bytes(bytes(content))
    with pytest.raises(BundleDamagedError, match=f"{name}: sha256 is"):
        open_bundle(bundle.folder)


def test_the_arguments_are_left_as_they_were(tmp_path: Path) -> None:
    windows = tiny_windows(36)
    before = windows.copy()
    export_bundle(tmp_path / "bundle", tiny_detector("ae"), tiny_card("ae"), windows)
    np.testing.assert_array_equal(before, windows)
