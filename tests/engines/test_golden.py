"""Golden windows tell a good engine from one that strays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_tensorrt import Install
from tiny_detector import tiny_bundle

from engines.build.parity import parity_of_bundle, table_from_parity
from engines.bundle import Bundle
from engines.errors import BundleDamagedError, EngineParityError
from engines.golden import OutputParity, check_golden, compare_outputs, read_golden, tolerance_of
from engines.runtime import Engine, EngineOutput, Float32, open_engine
from monitor.testing.tensorrt_fake import FakeTensorRT


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "bundle")


class Louder(Engine):
    """Answers as another engine does, with one output changed."""

    def __init__(self, engine: Engine, output: str, factor: float) -> None:
        super().__init__(engine.bundle, "louder")
        self._engine, self._output, self._factor = engine, output, np.float32(factor)

    def _infer(self, batch: Float32) -> EngineOutput:
        answer = self._engine.infer(batch)
        return replace(answer, **{self._output: getattr(answer, self._output) * self._factor})


def test_onnx_runtime_agrees_with_torch_far_below_the_limit(bundle: Bundle) -> None:
    parity = check_golden(open_engine(bundle))
    assert max(row.max_relative for row in parity) < 1e-5


@pytest.mark.parametrize("output", ["score", "error_map", "reconstruction"])
def test_an_engine_that_strays_in_one_output_is_refused_with_all_numbers(bundle: Bundle, output: str) -> None:
    strayed = Louder(open_engine(bundle), output, 1.01)
    with pytest.raises(EngineParityError, match=rf"louder on mae-.* {output} 0\.0.* allowed 0\.001"):
        check_golden(strayed)


def test_an_answer_that_is_not_a_number_is_refused(bundle: Bundle) -> None:
    with pytest.raises(EngineParityError, match="error_map inf"):
        check_golden(Louder(open_engine(bundle), "error_map", float("nan")))


def test_a_bundle_without_golden_windows_says_so(bundle: Bundle) -> None:
    engine = open_engine(bundle)
    (bundle.folder / "golden.npz").unlink()
    with pytest.raises(BundleDamagedError, match=r"golden\.npz: no golden windows can be read"):
        check_golden(engine)


def test_golden_windows_are_real_and_differ(bundle: Bundle) -> None:
    golden = read_golden(bundle)
    assert 4 == len(golden.logmel) == len(np.unique(golden.logmel[:, 0, 0]))


def test_the_relative_difference_is_in_units_of_the_references_root_mean_square() -> None:
    expected = EngineOutput(*(np.array([3.0, 0.0], np.float32) for _ in range(3)))
    found = EngineOutput(*(np.array([3.0, 0.3], np.float32) for _ in range(3)))
    rms = np.sqrt(4.5)
    row = compare_outputs(expected, found)[0]
    assert (0.3, 0.3 / rms) == pytest.approx((row.max_absolute, row.max_relative))


def test_parity_is_of_onnx_runtime_unless_another_backend_is_named(
    bundle: Bundle, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    box = install(FakeTensorRT())
    assert parity_of_bundle(bundle.folder)[0].startswith("onnxruntime ")
    assert 0 == box.builds, "a measurement must not spend minutes on a plan"
    assert parity_of_bundle(bundle.folder, "tensorrt")[0].startswith("tensorrt ")


def test_parity_of_a_bundle_is_measured_and_told_but_not_judged(bundle: Bundle) -> None:
    backend, parity = parity_of_bundle(bundle.folder)
    assert backend.startswith("onnxruntime ")
    table = table_from_parity([*parity, OutputParity("strayed", 7.0, 0.5)]).splitlines()
    assert ["output", "score", "error_map", "reconstruction", "strayed"] == [row.split()[0] for row in table]
    assert ["7.00e+00", "5.00e-01"] == table[-1].split()[1:]


def test_the_tolerance_is_the_manifests_else_the_precisions(bundle: Bundle) -> None:
    bare = replace(bundle, manifest=replace(bundle.manifest, tolerance={}))
    assert (1e-3, 5e-2) == (tolerance_of(bare, "fp32"), tolerance_of(bare, "fp16"))
    told = replace(bundle, manifest=replace(bundle.manifest, tolerance={"fp16": 0.01}))
    assert (1e-3, 0.01) == (tolerance_of(told, "fp32"), tolerance_of(told, "fp16"))
    louder = Louder(open_engine(bare), "score", 1.01)
    with pytest.raises(EngineParityError, match=r"allowed 0\.001"):
        check_golden(louder)
    louder.precision = "fp16"
    assert max(row.max_relative for row in check_golden(louder)) > 0.005
