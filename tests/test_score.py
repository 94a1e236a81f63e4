from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from monitor.calibration import fit_calibration
from monitor.errors import CalibrationMismatchError
from monitor.messages import Inference, Quality, Span
from monitor.score import Scorer

CALIBRATION = fit_calibration(
    np.random.default_rng(1).gamma(4, size=1000), hop_s=1.0, bundle_id="ae-1", fitted_utc_s=0.0
)
SPAN = Span("pump-3", 0, 0.0, 2.048, 1.7e9, Quality.OK, -30.0)


def inference(raw: float, *, quality: Quality = Quality.OK, bundle_id: str = "ae-1") -> Inference:
    error_map = np.arange(12, dtype=np.float32).reshape(4, 3)
    span = dataclasses.replace(SPAN, quality=quality)
    return Inference(span, raw, error_map, error_map, bundle_id)


def test_a_raw_score_at_the_limit_has_value_one_and_costs_the_whole_budget() -> None:
    for budget in (0.5, 1.0, 50.0):
        scorer = Scorer(CALIBRATION, false_alarms_per_week=budget)
        score = scorer.score_from_inference(inference(scorer.limit_raw))
        assert 1.0 == score.value
        assert budget / 7.0 == pytest.approx(score.expected_per_day)
        assert scorer.limit_raw == score.raw


def test_a_score_says_which_engine_answered_unless_it_was_not_judged() -> None:
    scorer = Scorer(CALIBRATION, false_alarms_per_week=1.0)
    answered = dataclasses.replace(inference(3.0), engine="onnxruntime 1.20.1 cpu fp32")
    assert "onnxruntime 1.20.1 cpu fp32" == scorer.score_from_inference(answered).engine
    assert scorer.unjudged_score(SPAN).engine is None


def test_the_profile_is_the_mean_over_the_mel_bands() -> None:
    score = Scorer(CALIBRATION, false_alarms_per_week=1.0).score_from_inference(inference(3.0))
    assert score.profile is not None
    assert [4.5, 5.5, 6.5] == score.profile.tolist()
    assert np.float32 == score.profile.dtype
    assert not score.profile.flags.writeable


@pytest.mark.parametrize("quality", [quality for quality in Quality if quality is not Quality.OK])
def test_bad_input_is_not_judged_whatever_the_model_said(quality: Quality) -> None:
    scorer = Scorer(CALIBRATION, false_alarms_per_week=1.0)
    judged = scorer.score_from_inference(inference(1e9, quality=quality))
    unheard = scorer.unjudged_score(dataclasses.replace(SPAN, quality=quality), "ae-1")
    assert unheard == judged
    assert (None, None, None, None) == (judged.value, judged.expected_per_day, judged.raw, judged.profile)


def test_another_bundles_inference_is_refused() -> None:
    scorer = Scorer(CALIBRATION, false_alarms_per_week=1.0)
    with pytest.raises(CalibrationMismatchError, match=r"mae-2.*ae-1"):
        scorer.score_from_inference(inference(1.0, bundle_id="mae-2"))
