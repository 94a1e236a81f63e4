"""Limit, deadband and delays, at their exact boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from alarm_sounds import play, score, when

from monitor.alarm import Alarm
from monitor.config import AlarmConfig
from monitor.messages import AlarmState, ChangeReason

LIMIT, CLEARED = ChangeReason.LIMIT, ChangeReason.CLEARED
BELOW_LIMIT = float(np.nextafter(1.0, 0.0))


def alarm_with(**settings: float) -> Alarm:
    return Alarm("pump-3", AlarmConfig(**{"on_delay_s": 0, "off_delay_s": 0, **settings}))  # type: ignore[arg-type]


def test_the_limit_itself_raises_and_the_next_smaller_number_does_not() -> None:
    assert {} == play(alarm_with(warning_value=1.0), [BELOW_LIMIT] * 5)
    assert [2] == when(play(alarm_with(), [0.0, BELOW_LIMIT, 1.0]), LIMIT)


@pytest.mark.parametrize(
    ("on_delay_s", "raised_at"), [(0.0, 1), (1.0, 2), (3.0, 4), (3.001, 5), (2.999, 4), (4.0, 5)]
)
def test_on_delay_runs_from_the_end_of_the_first_high_window(on_delay_s: float, raised_at: int) -> None:
    changes = play(alarm_with(on_delay_s=on_delay_s), [0.0] + [1.0] * 9)
    assert [raised_at] == when(changes, LIMIT)


def test_on_delay_starts_again_when_the_score_drops_below_the_limit() -> None:
    values = [1.2, 1.2, 1.2, BELOW_LIMIT, 1.2, 1.2, 1.2, 1.2]
    assert [7] == when(play(alarm_with(on_delay_s=3.0), values), LIMIT)


def test_a_delay_of_whole_hops_is_exact_although_hops_are_not_whole_numbers() -> None:
    changes = play(alarm_with(on_delay_s=5.12), [1.0] * 10, hop_s=1.024)
    assert [5] == when(changes, LIMIT)
    # summed as floating point these hops come to 0.2999999999999998
    changes = play(alarm_with(on_delay_s=0.3), [1.0] * 20, hop_s=0.1)
    assert [3] == when(changes, LIMIT)


def test_the_deadband_neither_raises_nor_clears() -> None:
    lower_edge = 1.0 - 0.1
    alarm = alarm_with(deadband=0.1)
    assert [0] == when(play(alarm, [1.0]), LIMIT)
    assert [] == when(play(alarm, [BELOW_LIMIT, 0.95, lower_edge] * 20, first=1), CLEARED)
    assert [61] == when(play(alarm, [float(np.nextafter(lower_edge, 0.0))], first=61), CLEARED)


@pytest.mark.parametrize(("off_delay_s", "cleared_at"), [(0.0, 1), (1.0, 2), (3.0, 4), (3.001, 5)])
def test_off_delay_runs_from_the_end_of_the_first_low_window(off_delay_s: float, cleared_at: int) -> None:
    changes = play(alarm_with(off_delay_s=off_delay_s), [1.0] + [0.0] * 9)
    assert [cleared_at] == when(changes, CLEARED)


def test_off_delay_starts_again_when_the_score_rises_into_the_deadband() -> None:
    values = [1.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.0]
    assert [7] == when(play(alarm_with(off_delay_s=3.0, deadband=0.1), values), CLEARED)


def test_a_score_that_wavers_around_the_limit_alarms_once() -> None:
    rng = np.random.default_rng(1)
    values = (1.0 + rng.uniform(-0.09, 0.09, 2000)).tolist()
    changes = play(alarm_with(deadband=0.1, warning_value=0.5), values)
    assert 1 == len(when(changes, LIMIT))
    assert [] == when(changes, CLEARED)
    without = play(alarm_with(deadband=0.0, warning_value=0.5), values)
    assert 100 < len(when(without, CLEARED))


def test_an_unjudged_window_makes_the_on_delay_wait() -> None:
    # 0: starts; 1: one second; 2, 3: not judged; 4: two seconds; 5: three
    changes = play(alarm_with(on_delay_s=3.0), [1.0, 1.0, None, None, 1.0, 1.0])
    assert [5] == when(changes, LIMIT)


def test_an_unjudged_window_starts_the_off_delay_again() -> None:
    changes = play(alarm_with(off_delay_s=2.0), [1.0, 0.0, 0.0, None, 0.0, 0.0, 0.0])
    assert [6] == when(changes, CLEARED)


def test_unjudged_windows_never_raise_and_never_clear() -> None:
    assert [] == when(play(alarm_with(), [None] * 50), LIMIT)
    alarm = alarm_with()
    play(alarm, [2.0])
    assert [] == when(play(alarm, [None] * 50, first=1), CLEARED)
    assert AlarmState.UNACKNOWLEDGED is alarm.state
    assert [] == when(play(alarm, [float("nan")] * 5, first=51), CLEARED)


def test_uncertain_is_told_once_at_each_transition() -> None:
    alarm = alarm_with()
    changes = play(alarm, [0.0, None, None, None, 0.0, 0.0, None])
    assert [1, 6] == when(changes, ChangeReason.UNCERTAIN)
    assert [4] == when(changes, ChangeReason.CERTAIN)
    assert alarm.snapshot.uncertain


def test_sound_that_was_never_heard_proves_nothing() -> None:
    raising = alarm_with(on_delay_s=10.0)
    raising.judge(score(0, 1.5))
    assert [] == when({100: raising.judge(score(100, 1.5))}, LIMIT)
    clearing = alarm_with(off_delay_s=10.0)
    clearing.judge(score(0, 1.5))
    clearing.judge(score(1, 0.0))
    assert [] == when({100: clearing.judge(score(100, 0.0))}, CLEARED)
    assert [110] == when(play(clearing, [0.0] * 12, first=101), CLEARED)


def test_the_warning_has_its_own_level_the_same_deadband_and_no_delay() -> None:
    alarm = alarm_with(on_delay_s=60.0, off_delay_s=60.0, warning_value=0.7, deadband=0.1)
    clear_level = 0.7 - 0.1
    values = [0.699999, 0.7, 0.65, clear_level, float(np.nextafter(clear_level, 0.0)), 0.65]
    changes = play(alarm, values)
    assert [1] == when(changes, ChangeReason.WARNING)
    assert [4] == when(changes, ChangeReason.WARNING_CLEARED)
    assert AlarmState.NORMAL is alarm.state


def test_the_warning_comes_and_goes_independently_of_the_alarm() -> None:
    alarm = alarm_with(off_delay_s=3.0, warning_value=0.7)
    changes = play(alarm, [1.5, 0.0, 0.0, 0.0, 0.0])
    assert [ChangeReason.WARNING, LIMIT] == [change.reason for change in changes[0]]
    assert [1] == when(changes, ChangeReason.WARNING_CLEARED)
    assert [4] == when(changes, CLEARED)
