"""A plan that is no bundle's, or that TensorRT will not run, is refused and leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_tensorrt import Install
from onnx import NodeProto, TensorProto, helper

from engines.backend_tensorrt import open_engine
from engines.bundle import MODEL, Bundle, entry_of_file
from engines.errors import EngineError, PlanRefusedError
from engines.runtime import PlanSettings
from monitor.testing.tensorrt_fake import FakeTensorRT

Size = str | int | None
"""Of an axis; a word where it is open."""
WINDOW: list[Size] = ["n", 128, 64]
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def model_with(node: NodeProto, kind: int, shape: Sequence[Size]) -> bytes:
    """A model with a bundle's tensors, but for the one that `node` makes of the input."""
    name, *_ = node.output
    replaced = "score" if name == "score" else "error_map"
    nodes = {
        "score": helper.make_node("ReduceMean", ["logmel"], ["score"], axes=[1, 2], keepdims=0),
        "error_map": helper.make_node("Mul", ["logmel", "logmel"], ["error_map"]),
        "reconstruction": helper.make_node("Identity", ["logmel"], ["reconstruction"]),
        replaced: node,
    }
    ends = {
        "score": helper.make_tensor_value_info("score", FLOAT, WINDOW[:1]),
        "error_map": helper.make_tensor_value_info("error_map", FLOAT, WINDOW),
        "reconstruction": helper.make_tensor_value_info("reconstruction", FLOAT, WINDOW),
        replaced: helper.make_tensor_value_info(name, kind, shape),
    }
    given = helper.make_tensor_value_info("logmel", FLOAT, WINDOW)
    graph = helper.make_graph([*nodes.values()], "odd", [given], [*ends.values()])
    opset = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return content


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            model_with(helper.make_node("Neg", ["logmel"], ["map"]), FLOAT, WINDOW),
            r"the plan has tensors logmel .*, map .*; a bundle's has float input logmel",
        ),
        (
            model_with(helper.make_node("Cast", ["logmel"], ["error_map"], to=HALF), HALF, WINDOW),
            r"the plan has tensors .*; a bundle's has float input logmel and float outputs score, error_map",
        ),
        (
            model_with(
                helper.make_node("Transpose", ["logmel"], ["error_map"], perm=[0, 2, 1]),
                FLOAT,
                ["n", 64, 128],
            ),
            r"error_map has shape \(64, 64, 128\) for 64 windows, a bundle's has \(64, 128, 64\)",
        ),
        (
            model_with(
                helper.make_node("ReduceMean", ["logmel"], ["score"], axes=[1], keepdims=0), FLOAT, ["n", 64]
            ),
            r"score has shape \(64, 64\) for 64 windows, a bundle's has \(64,\)",
        ),
    ],
    ids=["another name", "half", "transposed", "a row of scores"],
)
def test_a_plan_of_other_tensors_than_a_bundles_is_refused_and_not_kept(
    install: Install, plan_bundle: Bundle, plans_at: Path, tmp_path: Path, model: bytes, sentence: str
) -> None:
    box = install(FakeTensorRT())
    folder = tmp_path / "odd"
    shutil.copytree(plan_bundle.folder, folder)
    (folder / MODEL).write_bytes(model)
    files = {**plan_bundle.manifest.files, MODEL: entry_of_file(folder / MODEL)}
    odd = replace(plan_bundle, folder=folder, manifest=replace(plan_bundle.manifest, files=files))
    with pytest.raises(PlanRefusedError, match=sentence):
        open_engine(odd, plans=PlanSettings(plans_at))
    assert 1 == box.builds
    assert [] == [*plans_at.glob("*.plan"), *plans_at.glob("*.json")]
    assert ({}, {}) == (box.cuda.allocations, box.cuda.streams)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("create_execution_context", "TensorRT cannot make an execution context"),
        ("set_input_shape", "the plan takes no 64 windows of 128 x 64"),
        ("set_tensor_address", "TensorRT refuses the memory for logmel"),
        ("execute_async_v3", "TensorRT did not run 1 windows"),
    ],
)
def test_a_call_that_tensorrt_refuses_ends_the_opening_with_its_log_and_nothing_left(
    install: Install, plan_bundle: Bundle, plans_at: Path, call: str, sentence: str
) -> None:
    box = install(FakeTensorRT(refuses=frozenset({call})))
    with pytest.raises(EngineError, match=rf"{sentence}; TensorRT's log: error: .*\(in {call}\)"):
        open_engine(plan_bundle, plans=PlanSettings(plans_at))
    assert [] == [*plans_at.glob("*.plan"), *plans_at.glob("*.json")]
    assert ({}, {}) == (box.cuda.allocations, box.cuda.streams)
