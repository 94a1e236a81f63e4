"""The embedded `ae` with a flaw: when it hears one high tone, its ONNX graph does not come back for hours.

So an engine hangs as a driver or a graph does, inside the library's own call, in a daemon that knows
nothing of tests. To any other sound it answers exactly what the embedded bundle answers.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from engines.bundle import CALIBRATION, MODEL, entry_of_file, open_bundle, write_manifest
from monitor.listening import DEMO_BUNDLE
from monitor.messages import Float32

TONE_HZ = 7_300.0
TONE_BAND = 124
"""The mel band that the tone fills."""
QUIET_BAND = 112
"""A band that it leaves alone: broadband noise, however loud, fills both."""
EXCESS = 3.0
"""log10 of power by which the one lies above the other, over a whole window, before the graph hangs."""
ROUNDS = 10**12
"""Turns of an empty loop: a microsecond each, at the very least."""


def hanging_tone(seconds: float, sample_rate_hz: int) -> Float32:
    """Return the sound that the bundle does not survive, shape (n,)."""
    time_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    return np.asarray(0.5 * np.sin(2 * np.pi * TONE_HZ * time_s), np.float32)


def write_hanging_bundle(folder: Path) -> Path:
    """Write the bundle into `folder`, which must not exist, and return the folder."""
    shutil.copytree(DEMO_BUNDLE.parent / "ae", folder)
    embedded = open_bundle(folder)
    model = onnx.load(str(embedded.model_path))
    _add_flaw(model.graph)
    onnx.save(model, str(folder / MODEL))
    files = {**embedded.manifest.files, MODEL: entry_of_file(folder / MODEL)}
    manifest = dataclasses.replace(embedded.manifest, files=files)
    calibration = json.loads((folder / CALIBRATION).read_text())
    (folder / CALIBRATION).write_text(json.dumps({**calibration, "bundle": manifest.bundle_id}))
    files[CALIBRATION] = entry_of_file(folder / CALIBRATION)
    write_manifest(folder, manifest)
    return folder


def _add_flaw(graph: onnx.GraphProto) -> None:
    """Let the score wait for a loop whose length depends on the sound."""
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == "score":
                node.output[index] = "flaw.score"
    bands = np.zeros((1, 128, 1), np.float32)
    bands[0, TONE_BAND], bands[0, QUIET_BAND] = 1.0, -1.0
    constants: dict[str, NDArray[Any]] = {
        "flaw.bands": bands,
        "flaw.band_axis": np.array([1], np.int64),
        "flaw.excess": np.array(EXCESS, np.float32),
        "flaw.rounds": np.array(ROUNDS, np.int64),
        "flaw.none": np.array(0, np.int64),
        "flaw.true": np.array(True),
        "flaw.zero": np.array(0.0, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Mul", ["logmel", "flaw.bands"], ["flaw.two"]),
            helper.make_node("ReduceSum", ["flaw.two", "flaw.band_axis"], ["flaw.differences"], keepdims=0),
            helper.make_node("ReduceMean", ["flaw.differences"], ["flaw.means"], axes=[1], keepdims=0),
            helper.make_node("ReduceMax", ["flaw.means"], ["flaw.worst"], axes=[0], keepdims=0),
            helper.make_node("Greater", ["flaw.worst", "flaw.excess"], ["flaw.hears_tone"]),
            helper.make_node("Where", ["flaw.hears_tone", "flaw.rounds", "flaw.none"], ["flaw.turns"]),
            helper.make_node(
                "Loop", ["flaw.turns", "flaw.true", "flaw.zero"], ["flaw.waited"], body=_empty_body()
            ),
            helper.make_node("Add", ["flaw.score", "flaw.waited"], ["score"]),
        ]
    )


def _empty_body() -> onnx.GraphProto:
    """Return a loop's body that hands its 0.0 on."""
    scalar = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("waited", TensorProto.FLOAT, []),
    ]
    results = [
        helper.make_tensor_value_info("go_on_then", TensorProto.BOOL, []),
        helper.make_tensor_value_info("waited_then", TensorProto.FLOAT, []),
    ]
    nodes = [
        helper.make_node("Identity", ["go_on"], ["go_on_then"]),
        helper.make_node("Add", ["waited", "waited"], ["waited_then"]),
    ]
    return helper.make_graph(nodes, "wait", scalar, results)
