"""By how many standard errors days have moved: days that are alike tell less than their number."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.likeness import DAY_S, Day, days_of
from monitor.drift.period import HOUR_S, Period
from monitor.drift.scale import counts_of
from monitor.drift.shift import moved_since_calibration, moved_since_first, variance_of_mean

MONDAY = 20_003


def days(shifts: list[float], *, heavy: bool = False, first: int = MONDAY) -> list[Day]:
    """Days of scores that lie so much higher each; heavy: one window in thirty is far out."""
    rng, periods = np.random.default_rng(3), []
    for number, shift in enumerate(shifts):
        for hour in range(0, 24, 2):
            scores = 0.2 * rng.standard_normal(200) + shift
            if heavy:
                scores[::30] += 5.0
            start = (first + number) * DAY_S + hour * HOUR_S
            periods.append(Period(start, HOUR_S, counts_of(scores)))
    return days_of(periods)


@pytest.mark.parametrize(("count", "effective"), [(1, 1.0), (2, 1.25), (7, 2.36), (28, 7.50)])
def test_seven_days_tell_what_two_or_three_far_apart_would(count: int, effective: float) -> None:
    assert effective == pytest.approx(1.0 / variance_of_mean(count), abs=0.01)


def test_the_variance_of_a_mean_is_that_of_drawn_series() -> None:
    rng = np.random.default_rng(5)
    series = [rng.standard_normal(20_000)]
    for _ in range(6):
        series.append(0.6 * series[-1] + 0.8 * rng.standard_normal(20_000))
    assert variance_of_mean(7) == pytest.approx(np.mean(series, axis=0).var(), rel=0.05)


@pytest.mark.parametrize("heavy", [False, True])
def test_a_week_that_has_moved_by_far_more_than_days_differ_by_has_many_errors(*, heavy: bool) -> None:
    usual = [0.02, -0.02, 0.03, 0.0, -0.03, 0.01, -0.01]
    moved = [0.3 + one for one in usual]
    both = days([*usual, *moved], heavy=heavy)
    assert 8.0 < moved_since_first(both[:7], both[7:])
    assert -8.0 > moved_since_first(both[7:], both[:7])
    assert 1.0 > abs(moved_since_first(both[:7], days(usual, heavy=heavy, first=MONDAY + 7)))


def test_of_a_calibration_its_hours_count() -> None:
    week = days([0.05, 0.12, 0.08, 0.15, 0.1, 0.06, 0.14])
    short, day, weeks = (moved_since_calibration(week, hours) for hours in (3.0, 24.0, 24.0 * 14))
    assert 0.0 < short <= day < weeks


def test_what_has_no_hours_in_common_is_not_known() -> None:
    working = days([0.1] * 5)
    assert 0.0 == moved_since_first(working, days([0.9, 0.9], first=MONDAY + 5)), "a weekend"
    assert 0.0 == moved_since_calibration(working[:1], 48.0)
