"""Golden windows tell a good engine from one that strays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_tensorrt import Install, with_tolerance
from tiny_detector import tiny_bundle, tiny_card, tiny_detector, tiny_windows

from engines.build.export import export_bundle
from engines.build.parity import parity_of_bundle, table_from_parity
from engines.bundle import OUTPUT_NAMES, Bundle
from engines.errors import BundleDamagedError, EngineParityError
from engines.golden import OutputParity, check_golden, compare_outputs, limits_of, read_golden
from engines.plan_list import QUARANTINED, stored_plans
from engines.runtime import Engine, EngineOutput, Float32, PlanSettings, open_engine
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


def same(limit: float) -> dict[str, float]:
    return dict.fromkeys(OUTPUT_NAMES, limit)


def test_the_tolerance_is_the_manifests_else_the_precisions(bundle: Bundle) -> None:
    golden = read_golden(bundle)
    bare = with_tolerance(bundle)
    assert same(1e-3) == limits_of(bare, "fp32", golden)
    assert same(5e-2) == limits_of(bare, "fp16", golden)
    told = with_tolerance(bundle, fp16=0.2)
    assert (same(1e-3), same(0.2)) == (limits_of(told, "fp32", golden), limits_of(told, "fp16", golden))
    louder = Louder(open_engine(bare), "score", 1.01)
    with pytest.raises(EngineParityError, match=r"allowed 0\.001;"):
        check_golden(louder)
    louder.precision = "fp16"
    assert max(row.max_relative for row in check_golden(louder)) > 0.005


@pytest.mark.parametrize(
    ("scores", "allowed"),
    [
        ([-3.0, 1.0, 1.0, 1.0], 0.05),  # as much apart as they are large: no more than of the other outputs
        ([9.0, 11.0, 9.0, 11.0], 0.1 / np.sqrt(101.0)),
        ([10.0, 10.1, 10.0, 10.1], 1e-3),  # hardly apart: no less than in fp32
        ([10.0, 10.0], 1e-3),
        ([0.0, 0.0], 1e-3),
    ],
)
def test_an_fp16_score_may_move_by_a_tenth_of_what_it_varies_by(
    bundle: Bundle, scores: list[float], allowed: float
) -> None:
    golden = read_golden(bundle)
    told = replace(golden, expected=replace(golden.expected, score=np.array(scores, np.float32)))
    bare = with_tolerance(bundle)
    assert {**same(0.05), "score": pytest.approx(allowed)} == limits_of(bare, "fp16", told)
    assert same(1e-3) == limits_of(bare, "fp32", told)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose score is a mean error: it varies little beside its size, as many trained ones do."""
    folder = tmp_path_factory.mktemp("bundles") / "steady"
    return export_bundle(folder, tiny_detector("ae", head="mean"), tiny_card("ae"), tiny_windows(36, seed=1))


def test_an_fp16_engine_whose_score_moves_too_far_is_refused_though_its_maps_may_stray_further(
    steady: Bundle,
) -> None:
    limit = limits_of(steady, "fp16", read_golden(steady))["score"]
    assert 1e-3 < limit < 0.01
    engine = open_engine(steady, precision="fp16")
    for output in ("error_map", "reconstruction"):
        louder = Louder(engine, output, 1.005)
        louder.precision = "fp16"
        check_golden(louder)
    louder = Louder(engine, "score", 1.01)
    louder.precision = "fp16"
    with pytest.raises(EngineParityError, match=r"score 0\.01.*allowed score 0\.0046, error_map 0\.05, reco"):
        check_golden(louder)


def test_an_fp16_plan_whose_score_moves_too_far_is_set_aside(
    steady: Bundle, install: Install, plans_at: Path
) -> None:
    install(FakeTensorRT(drift=1.01))
    with pytest.raises(EngineParityError, match=r"allowed score 0\.0046, error_map 0\.05"):
        open_engine(steady, backend="tensorrt", precision="fp16", plans=PlanSettings(plans_at))
    (plan,) = stored_plans(plans_at)
    assert plan.record is not None
    assert limits_of(steady, "fp16", read_golden(steady)) == plan.record.tolerance
    assert QUARANTINED == plan.state
