"""The embedded bundles do what the demo promises: faults alarm, normal sound does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import training.judge
from engines.bundle import Bundle, open_bundle
from engines.golden import check_golden
from engines.runtime import open_engine
from monitor.calibration import load_calibration
from monitor.listening import DEMO_BUNDLE
from monitor.messages import Quality, Score, Span
from monitor.simulate.schedule import KINDS
from training.judge import false_alarms, judge_fault, normal_hour

GAP_S = 5.0
LIMIT_BYTES = 3_000_000
UNSEEN_SEED = 977
"""No bundle was trained, fitted, calibrated or tuned on this day of the pump."""


@pytest.fixture(params=["ae", "mae"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return open_bundle(DEMO_BUNDLE.parent / request.param)


@pytest.fixture
def mae() -> Bundle:
    return open_bundle(DEMO_BUNDLE)


def test_a_demo_bundle_is_small_sealed_and_agrees_with_torch(bundle: Bundle) -> None:
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < LIMIT_BYTES
    check_golden(open_engine(bundle))
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    assert calibration.exposure_h > 1.0
    assert 0 == calibration.set_aside_windows


def test_a_demo_bundle_is_judged_on_no_sound_that_it_was_made_with(bundle: Bundle) -> None:
    used = {name for names in bundle.manifest.training["recordings"].values() for name in names}
    assert 30 == len(used)
    assert not used & {f"pump-seed-{seed}" for seed in (1, UNSEEN_SEED)}


def test_a_belt_that_squeals_reaches_the_alarm_limit(mae: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.judge, "FAULT_START_S", 3.0)
    monkeypatch.setattr(training.judge, "FAULT_DURATION_S", 4.0)
    found = judge_fault(mae, "belt_squeal", seed=UNSEEN_SEED)
    assert found.highest is not None
    assert found.highest >= 1.0
    assert 0 == found.refused_windows


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, UNSEEN_SEED])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dropout"])
def test_every_fault_of_sound_reaches_the_limit_of_one_false_alarm_a_week(
    mae: Bundle, kind: str, seed: int
) -> None:
    found = judge_fault(mae, kind, seed=seed)
    assert found.median is not None
    assert found.median >= 1.0, "not one lucky window but the usual one"
    assert 0 == found.refused_windows


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_dropout_is_refused_as_input_and_not_judged(bundle: Bundle) -> None:
    found = judge_fault(bundle, "dropout", seed=1)
    assert found.refused_windows >= 15
    assert found.median is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_hour_of_another_normal_day_raises_no_alarm(mae: Bundle) -> None:
    scores = normal_hour(mae, seed=UNSEEN_SEED)
    values = [score.value for score in scores if score.value is not None]
    assert 3500 < len(values) == len(scores)
    assert 0 == false_alarms(scores, gap_s=GAP_S)
    assert abs(float(np.median(values))) < 0.2


def score_at(start_s: float, value: float | None) -> Score:
    span = Span("p", 0, start_s, start_s + 2.0, 0.0, Quality.OK, -20.0)
    return Score(span, value, None, value, None, "b")


def test_high_windows_close_together_are_one_alarm() -> None:
    values = [0.5, 1.0, 1.2, 0.3, None, 1.1, *[0.2] * 6, 1.0]
    scores = [score_at(float(i), value) for i, value in enumerate(values)]
    assert 2 == false_alarms(scores, gap_s=GAP_S)
    assert 3 == false_alarms(scores, gap_s=2.0)
    assert 0 == false_alarms([score_at(0.0, 0.999), score_at(1.0, None)], gap_s=GAP_S)


def test_the_demo_lies_where_the_daemon_looks_for_it() -> None:
    assert Path("engines/demo/mae") == DEMO_BUNDLE.relative_to(DEMO_BUNDLE.parents[2])
