"""What a calibration answers, and what it refuses."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from normal_scores import HOP_S, normal_scores
from numpy.typing import NDArray

from monitor.calibration import Calibration, FitSettings, Scores, fit_calibration
from monitor.calibration.clusters import clusters_above, series_of_recordings
from monitor.errors import (
    CalibrationError,
    ContaminatedScoresError,
    DegenerateScoresError,
    TooFewScoresError,
)

SET_ASIDE = FitSettings(set_aside=True)


def fit(scores: Scores, settings: FitSettings | None = None) -> Calibration:
    return fit_calibration(scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=1.0, settings=settings)


GAMMA = normal_scores("gamma", 3515)
CALIBRATION = fit(GAMMA)


def dirty(scores: NDArray[np.float64], starts: dict[int, int], height: float) -> NDArray[np.float64]:
    spoilt = scores.copy()
    for start, length in starts.items():
        spoilt[start : start + length] = height + 0.1 * np.arange(length)
    return spoilt


def test_the_limit_of_all_normal_sound_lies_above_all_of_it() -> None:
    # anomalib #2433: a threshold chosen on normal data only must not be their minimum
    assert CALIBRATION.largest < CALIBRATION.limit_raw(1.0)
    assert float(GAMMA.max()) == CALIBRATION.largest
    assert float(np.median(GAMMA)) == pytest.approx(CALIBRATION.centre)


def test_the_limit_is_where_the_budget_is_expected() -> None:
    for budget in (0.1, 1.0, 7.0, 1000.0, 20_000.0):
        limit = CALIBRATION.limit_raw(budget)
        assert budget == pytest.approx(CALIBRATION.expected_per_day(limit) * 7.0, rel=1e-6)


def test_value_is_zero_at_the_median_and_one_at_the_limit() -> None:
    limit = CALIBRATION.limit_raw(1.0)
    assert 0.0 == CALIBRATION.value(CALIBRATION.centre, limit)
    assert 1.0 == CALIBRATION.value(limit, limit)
    assert 0.0 > CALIBRATION.value(CALIBRATION.centre - 1.0, limit)


@given(st.lists(st.floats(-5.0, 100.0), min_size=2, max_size=20))
def test_value_rises_and_expected_alarms_fall_with_the_score(raws: list[float]) -> None:
    ordered, limit = sorted(raws), CALIBRATION.limit_raw(1.0)
    values = [CALIBRATION.value(raw, limit) for raw in ordered]
    expected = [CALIBRATION.expected_per_day(raw) for raw in ordered]
    assert sorted(values) == values
    # interpolation may round in the last place
    assert all(more >= fewer * (1 - 1e-12) for more, fewer in itertools.pairwise(expected))
    assert 86400.0 / HOP_S >= expected[0]
    assert 0.0 <= expected[-1]


@given(st.floats(1e-6, 1e9))
def test_a_larger_budget_never_raises_the_limit_and_every_limit_lies_above_the_centre(budget: float) -> None:
    limit = CALIBRATION.limit_raw(budget)
    assert CALIBRATION.limit_raw(budget * 2.0) <= limit
    assert CALIBRATION.centre < limit
    low, high = CALIBRATION.limit_interval(budget)
    assert low <= high


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_budget_is_refused(budget: float) -> None:
    with pytest.raises(CalibrationError, match="false_alarms_per_week"):
        CALIBRATION.limit_raw(budget)


def test_expected_alarms_below_the_threshold_are_those_that_were_heard() -> None:
    level = float(np.quantile(GAMMA, 0.9))
    high = np.flatnonzero(level <= GAMMA)
    heard = 1 + int(((np.diff(high) - 1) >= 5).sum())
    assert heard / (len(GAMMA) * HOP_S / 86400.0) == pytest.approx(
        CALIBRATION.expected_per_day(level), rel=0.05
    )


def test_the_same_scores_give_the_same_calibration() -> None:
    assert CALIBRATION == fit(GAMMA)


def test_the_exposure_counts_judged_windows_only() -> None:
    holed = GAMMA.copy()
    holed[100:400] = np.nan
    calibration = fit(holed)
    assert 3215 == calibration.windows
    assert 3215 * HOP_S / 3600.0 == pytest.approx(calibration.exposure_h)


def test_high_windows_less_than_the_gap_apart_are_one_stretch() -> None:
    scores = np.array([0.0, 9.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 7.0])
    clusters = clusters_above(series_of_recordings([scores], 3), 1.0, 3)
    assert [9.0, 7.0] == clusters.peaks.tolist()
    assert [1, 8] == clusters.first.tolist()
    assert [4, 8] == clusters.last.tolist()


def test_a_stretch_spans_neither_recordings_nor_unjudged_windows() -> None:
    unjudged = series_of_recordings([np.array([0.0, 9.0, np.nan, 8.0])], 3)
    assert [9.0, 8.0] == clusters_above(unjudged, 1.0, 3).peaks.tolist()
    two = series_of_recordings([np.array([0.0, 9.0]), np.array([8.0, 0.0])], 3)
    assert [9.0, 8.0] == clusters_above(two, 1.0, 3).peaks.tolist()
    assert [0, 1] == two.recordings[clusters_above(two, 1.0, 3).first].tolist()


def test_too_few_windows_are_refused_with_the_minutes_that_are_missing() -> None:
    with pytest.raises(TooFewScoresError, match=r"200 judged windows .* record 1\.7 minutes more"):
        fit(GAMMA[:200])
    with pytest.raises(TooFewScoresError, match="0 judged windows"):
        fit([])
    assert 300 == fit(GAMMA[:300]).windows


def test_one_slow_rise_is_not_many_stretches() -> None:
    with pytest.raises(TooFewScoresError, match="only 1 separate stretch"):
        fit(np.linspace(1.0, 2.0, 2000))


@pytest.mark.parametrize(
    "scores",
    [
        np.full(500, 3.7),
        np.zeros(500),
        3.7 + 1e-8 * np.random.default_rng(1).random(500),
        np.concatenate([np.full(490, 3.7), np.full(10, 9.0)]),
    ],
)
def test_scores_that_do_not_vary_are_refused(scores: NDArray[np.float64]) -> None:
    with pytest.raises(DegenerateScoresError, match="do not vary"):
        fit(scores)


def test_an_infinite_score_is_refused() -> None:
    with pytest.raises(CalibrationError, match="infinite"):
        fit(np.append(GAMMA, np.inf))


@pytest.mark.parametrize(
    "starts", [{500: 30}, {500: 10, 1500: 20, 2500: 10}, dict.fromkeys(range(99, 3400, 600), 4)]
)
def test_stretches_that_do_not_belong_are_named(starts: dict[int, int]) -> None:
    with pytest.raises(ContaminatedScoresError) as caught:
        fit({"night.wav": GAMMA, "day.wav": dirty(GAMMA[::-1], starts, 45.0)})
    named = [float(text) for text in re.findall(r"day.wav from ([0-9.]+) to", str(caught.value))]
    assert len(starts) == len(named)
    for start, named_s in zip(sorted(starts), sorted(named), strict=True):
        # a high window just before belongs to the stretch
        assert start * HOP_S == pytest.approx(named_s, abs=10.0)
    assert "night.wav" not in str(caught.value)


def test_setting_them_aside_gives_the_limit_of_the_rest() -> None:
    starts = {500: 10, 1500: 20, 2500: 10}
    spoilt = fit(dirty(GAMMA, starts, 45.0), SET_ASIDE)
    assert 40 <= spoilt.set_aside_windows <= 50
    assert 3515 == spoilt.windows + spoilt.set_aside_windows
    assert CALIBRATION.limit_raw(1.0) == pytest.approx(spoilt.limit_raw(1.0), rel=0.15)
    assert 0 == CALIBRATION.set_aside_windows


def test_clean_correlated_heavy_tailed_sound_is_rarely_refused() -> None:
    refused = 0
    for seed in range(25):
        try:
            fit(normal_scores("lognormal", 3515, correlation=0.7, seed=seed))
        except ContaminatedScoresError:
            refused += 1
    assert 1 >= refused
