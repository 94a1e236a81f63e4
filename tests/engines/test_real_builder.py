"""NVIDIA's own parser and builder make a plan of every kind's two files, and refuse a broken one.

TensorRT for RTX builds ahead of time on a CPU. Its plans cannot be run here: what a GPU answers is for the
plan's own parity check on the box.
"""

from __future__ import annotations

import importlib
import platform
from collections import Counter
from collections.abc import Callable
from typing import Any

import onnx
import pytest
from tiny_detector import FRAMES, MEL
from tiny_kinds import CASES

from engines.build.half import PRODUCTS, SUFFIX
from engines.bundle import INPUT_NAME, OUTPUT_NAMES, Bundle
from engines.errors import EngineBuildError
from engines.tensorrt.library import Library, open_log
from engines.tensorrt.plan import BuiltPlan, PlanRequest, network_flags, plan_from_onnx

BundleOfCase = Callable[[str], Bundle]
BATCHES = (1, 8, 32)
HERE = (platform.system(), platform.machine())
pytestmark = pytest.mark.skipif(
    HERE != ("Linux", "x86_64"), reason=f"TensorRT for RTX has no wheel for {HERE[0]} on {HERE[1]}"
)


@pytest.fixture(scope="module")
def library() -> Library:
    trt: Any = importlib.import_module("tensorrt_rtx_bindings")
    return Library(trt, "tensorrt-rtx", str(trt.__version__))


def plan_of(library: Library, model: bytes, precision: str, timing: bytes = b"") -> BuiltPlan:
    return plan_from_onnx(library, PlanRequest(model, precision, (MEL, FRAMES), BATCHES, timing))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("case", CASES)
def test_a_plan_is_made_of_every_kind_in_both_precisions(
    library: Library, bundle_of_case: BundleOfCase, case: str, precision: str
) -> None:
    model = bundle_of_case(case).model_path_of(precision).read_bytes()
    assert len(plan_of(library, model, precision).plan) > len(model) / 4


@pytest.mark.parametrize("case", CASES)
def test_the_parser_reads_the_types_of_the_fp16_file(
    library: Library, bundle_of_case: BundleOfCase, case: str
) -> None:
    trt, path = library.trt, bundle_of_case(case).model_path_of("fp16")
    log = open_log(trt)
    builder = trt.Builder(log)
    network = builder.create_network(network_flags(trt))
    parser = trt.OnnxParser(network, log)
    assert parser.parse(path.read_bytes())
    ends = [network.get_input(0), *(network.get_output(i) for i in range(network.num_outputs))]
    assert dict.fromkeys((INPUT_NAME, *OUTPUT_NAMES), trt.float32) == {end.name: end.dtype for end in ends}
    kinds = (trt.LayerType.CONVOLUTION, trt.LayerType.DECONVOLUTION, trt.LayerType.MATRIX_MULTIPLY)
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    read = Counter(layer.get_output(0).dtype == trt.float16 for layer in layers if layer.type in kinds)
    products = (node for node in onnx.load(str(path)).graph.node if node.op_type in PRODUCTS)
    assert read == Counter(node.output[0].endswith(SUFFIX) for node in products)


def broken(model: onnx.ModelProto, change: str) -> bytes:
    node = next(node for node in model.graph.node if node.op_type == "Conv")
    if change == "unknown operator":
        node.op_type = "Wheeltap"
    elif change == "missing weights":
        weights = [tensor for tensor in model.graph.initializer if tensor.name != node.input[1]]
        del model.graph.initializer[:]
        model.graph.initializer.extend(weights)
    elif change == "bands that do not fit":
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = MEL + 1
    content: bytes = model.SerializeToString()
    return content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("unknown operator", r"cannot read the model: .*Wheeltap"),
        (
            "missing weights",
            r"cannot read the model: .*(is not produced|not found|undefined|Failed|Assertion)",
        ),
        ("bands that do not fit", r"(?s)cannot read the model: .*broadcast dimensions must be conformable"),
    ],
)
def test_a_broken_graph_is_refused_with_the_parsers_words(
    library: Library, bundle_of_case: BundleOfCase, change: str, said: str
) -> None:
    model = broken(onnx.load(str(bundle_of_case("ae").model_path)), change)
    with pytest.raises(EngineBuildError, match=said):
        plan_of(library, model, "fp32")


def test_a_file_cut_short_is_refused(library: Library, bundle_of_case: BundleOfCase) -> None:
    model = bundle_of_case("ae").model_path.read_bytes()
    with pytest.raises(EngineBuildError, match="cannot read the model"):
        plan_of(library, model[: len(model) // 2], "fp32")


def test_a_profile_of_other_windows_is_refused_with_the_builders_log(
    library: Library, bundle_of_case: BundleOfCase
) -> None:
    model = bundle_of_case("ae").model_path.read_bytes()
    with pytest.raises(EngineBuildError, match=r"cannot make a plan.*TensorRT's log: .*logmel"):
        plan_from_onnx(library, PlanRequest(model, "fp32", (MEL, FRAMES + 1), BATCHES))
