"""Runs a bundle's ONNX file, of either precision, with ONNX Runtime on the CPU: the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from engines.bundle import INPUT_NAME, OUTPUT_NAMES, Bundle
from engines.errors import EngineError
from engines.runtime import Engine, EngineOutput, Float32, PlanSettings, join_outputs

NAME = "onnxruntime"
CALL_WINDOWS = 8
"""Most windows in one call: on a CPU more make none cheaper, and the session keeps what its largest took."""
RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(ort_state).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)
"""Fail, InvalidGraph, NoSuchFile ...: ONNX Runtime's own, which have no common base but Exception."""


class OnnxEngine(Engine):
    """An ONNX Runtime session with the bundle's three outputs."""

    def __init__(self, bundle: Bundle, session: Any, precision: str = "fp32") -> None:  # noqa: ANN401 - onnxruntime has no types
        super().__init__(bundle, f"{NAME} {ort.__version__} cpu {precision}", precision)
        self.call_windows = CALL_WINDOWS
        self._session = session

    def _infer(self, batch: Float32) -> EngineOutput:
        cuts = range(0, len(batch), CALL_WINDOWS)
        return join_outputs([self._call(batch[first : first + CALL_WINDOWS]) for first in cuts])

    def _call(self, batch: Float32) -> EngineOutput:
        try:
            score, error_map, reconstruction = self._session.run(list(OUTPUT_NAMES), {INPUT_NAME: batch})
        except RUNTIME_ERRORS as error:
            raise EngineError(f"ONNX Runtime failed on {self.bundle.bundle_id}: {error}") from error
        return EngineOutput(score, error_map, reconstruction)


def open_engine(
    bundle: Bundle,
    *,
    precision: str = "fp32",
    threads: int = 1,
    plans: PlanSettings | None = None,  # noqa: ARG001 - every backend is opened alike; this one has no plans
) -> OnnxEngine:
    """Open a bundle's ONNX file of that precision.

    Raises:
        BundleError: The bundle has no such file.
        EngineError: ONNX Runtime cannot read the file, or it has other inputs and outputs than a bundle's.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # without this, idle worker threads spin and one quiet microphone costs a whole core
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = bundle.model_path_of(precision)
    try:
        session = ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except RUNTIME_ERRORS as error:
        raise EngineError(f"{path}: ONNX Runtime cannot open it: {error}; export the bundle anew") from error
    _check_signature(bundle, path, session)
    return OnnxEngine(bundle, session, precision)


def _check_signature(bundle: Bundle, path: Path, session: Any) -> None:  # noqa: ANN401 - onnxruntime has no types
    inputs = {item.name: item.shape[1:] for item in session.get_inputs()}
    outputs = {item.name for item in session.get_outputs()}
    expected = [bundle.manifest.mel, bundle.manifest.frames]
    if inputs != {INPUT_NAME: expected} or not set(OUTPUT_NAMES) <= outputs:
        raise EngineError(
            f"{path}: takes {inputs} and gives {sorted(outputs)}; a bundle's model takes "
            f"{INPUT_NAME} (n, {expected[0]}, {expected[1]}) and gives {', '.join(OUTPUT_NAMES)}: "
            "export it anew"
        )
