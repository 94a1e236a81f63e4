"""An hour is kept in steps, whatever the clock does, and never more than an hour."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.messages import Quality, Score, Span
from monitor.trends import STEP_S, STEPS, Trend

UTC_S = 1_700_000_000.0


def score(
    end_utc_s: float, value: float | None = 0.5, level: float | None = -20.0, quality: Quality = Quality.OK
) -> Score:
    span = Span("pump", 0, 0.0, 2.0, end_utc_s - 2.0, quality, level)
    return Score(span, value, None, None, None, "mae-1")


def trend_of(*scores: Score) -> Trend:
    trend = Trend()
    for each in scores:
        trend.add(each)
    return trend


def test_before_the_first_window_nothing_is_known() -> None:
    assert Trend().steps() is None


def test_a_step_keeps_the_highest_value_the_loudest_level_and_the_worst_input() -> None:
    steps = trend_of(
        score(UTC_S + 1, 0.25, -30.0),
        score(UTC_S + 2, 1.5, -40.0),
        score(UTC_S + 3, None, -10.0, Quality.CLIPPED),
        score(UTC_S + 4, 0.5, None, Quality.GAP),
        score(UTC_S + 5, 0.125, -50.0, Quality.SILENT),
    ).steps()
    assert steps is not None
    assert UTC_S + STEP_S == steps.end_utc_s
    assert (1.5, -10.0, Quality.GAP) == (steps.value[-1], steps.level_dbfs[-1], steps.quality[-1])
    assert {None} == set(steps.value[:-1])


def test_what_was_not_judged_is_null_and_not_zero() -> None:
    steps = trend_of(score(UTC_S, None, None, Quality.ABSENT), score(UTC_S + 1, math.nan)).steps()
    assert steps is not None
    assert (None, Quality.ABSENT) == (steps.value[-1], steps.quality[-1])


def test_a_pause_leaves_empty_steps_and_what_is_older_than_an_hour_is_gone() -> None:
    trend = trend_of(score(UTC_S, 3.0), score(UTC_S + 40, 0.5))
    steps = trend.steps()
    assert steps is not None
    assert [3.0, None, None, None, 0.5] == list(steps.value[-5:])
    trend.add(score(UTC_S + STEP_S * (STEPS - 1)))
    steps = trend.steps()
    assert steps is not None
    assert 3.0 == steps.value[0]
    trend.add(score(UTC_S + STEP_S * STEPS))
    steps = trend.steps()
    assert steps is not None
    assert 3.0 not in steps.value


@pytest.mark.parametrize("jump_s", [-86400.0, -100.0, 86400.0])
def test_a_clock_that_is_set_begins_the_hour_anew(jump_s: float) -> None:
    steps = trend_of(score(UTC_S, 3.0), score(UTC_S + jump_s, 0.5)).steps()
    assert steps is not None
    assert UTC_S + jump_s + STEP_S >= steps.end_utc_s
    assert [0.5] == [value for value in steps.value if value is not None]


def test_a_window_that_comes_a_little_late_still_counts_where_it_ended() -> None:
    steps = trend_of(score(UTC_S + 20), score(UTC_S + 5, 2.0)).steps()
    assert steps is not None
    assert [2.0, None, 0.5] == list(steps.value[-3:])


@given(st.lists(st.tuples(st.integers(-200, 5000), st.floats(-1, 9, width=16)), min_size=1, max_size=60))
def test_whatever_comes_the_hour_has_its_length_and_ends_with_what_came(
    windows: list[tuple[int, float]],
) -> None:
    trend = trend_of(*(score(UTC_S + second, value) for second, value in windows))
    steps = trend.steps()
    assert steps is not None
    assert STEPS == len(steps.value) == len(steps.level_dbfs) == len(steps.quality)
    assert 0 == steps.end_utc_s % STEP_S
    assert {value for value in steps.value if value is not None} <= {round(v, 3) for _, v in windows}
    last_step = math.floor((UTC_S + windows[-1][0]) / STEP_S)
    assert steps.quality[-1 - round(steps.end_utc_s / STEP_S - 1 - last_step)] is Quality.OK
