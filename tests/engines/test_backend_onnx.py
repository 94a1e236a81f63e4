"""Whatever ONNX Runtime raises reaches the daemon as an EngineError."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from engines.backend_onnx import CALL_WINDOWS, RUNTIME_ERRORS, OnnxEngine, open_engine
from engines.bundle import MODEL, Bundle, open_bundle
from engines.errors import EngineError
from engines.golden import check_golden
from engines.runtime import EngineOutput, Float32
from monitor.listening import DEMO_BUNDLE


@pytest.fixture
def bundle() -> Bundle:
    return open_bundle(DEMO_BUNDLE)


def test_onnx_runtimes_own_errors_are_known() -> None:
    assert {"Fail", "InvalidArgument", "InvalidProtobuf", "RuntimeException"} <= {
        kind.__name__ for kind in RUNTIME_ERRORS
    }


def test_a_model_that_is_no_model_is_an_engine_error(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / MODEL).write_bytes(b"no protobuf")
    with pytest.raises(EngineError, match="ONNX Runtime cannot open it"):
        open_engine(dataclasses.replace(bundle, folder=tmp_path))


def test_a_call_that_onnx_runtime_refuses_is_an_engine_error(bundle: Bundle) -> None:
    session = ort.InferenceSession(str(bundle.model_path), providers=["CPUExecutionProvider"])
    # the manifest promises other windows than the model takes: the base cannot see it, ONNX Runtime does
    wider = dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, frames=70))
    engine = OnnxEngine(wider, session)
    with pytest.raises(EngineError, match="ONNX Runtime failed on mae-"):
        engine.infer(np.zeros((1, 128, 70), np.float32))


def test_either_precision_of_a_bundle_can_be_run(plan_bundle: Bundle) -> None:
    for precision in ("fp32", "fp16"):
        engine = open_engine(plan_bundle, precision=precision)
        assert f"onnxruntime {ort.__version__} cpu {precision}" == engine.backend
        assert precision == engine.precision
        check_golden(engine)


def test_no_call_is_larger_than_a_few_windows_for_a_session_keeps_what_its_largest_took(
    plan_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(plan_bundle)
    shape = (2 * CALL_WINDOWS + 1, plan_bundle.manifest.mel, plan_bundle.manifest.frames)
    batch = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    calls: list[int] = []
    call = engine._call

    def counted(part: Float32) -> EngineOutput:
        calls.append(len(part))
        return call(part)

    monkeypatch.setattr(engine, "_call", counted)
    whole = engine.infer(batch)
    assert [CALL_WINDOWS, CALL_WINDOWS, 1] == calls
    for window in (0, CALL_WINDOWS, 2 * CALL_WINDOWS):
        alone = engine.infer(batch[window : window + 1])
        np.testing.assert_allclose(whole.error_map[window], alone.error_map[0], rtol=1e-4, atol=1e-5)
