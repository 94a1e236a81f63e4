"""An alarm whose windows are dropped is uncertain, does not flip with each of them, and never says normal."""

from __future__ import annotations

import dataclasses

import pytest
from alarm_sounds import score

from monitor.alarm import Alarm
from monitor.alarm.delays import DOUBT_S
from monitor.config import AlarmConfig
from monitor.messages import AlarmChange, AlarmState, ChangeReason, Quality, Score


def fresh(off_delay_s: float = 0.0) -> Alarm:
    return Alarm("pump-3", AlarmConfig(on_delay_s=0.0, off_delay_s=off_delay_s))


def dropped(index: int) -> Score:
    given_up = score(index, None)
    return dataclasses.replace(given_up, span=dataclasses.replace(given_up.span, quality=Quality.DROPPED))


def reasons(changes: list[AlarmChange]) -> list[ChangeReason]:
    return [change.reason for change in changes]


@pytest.mark.parametrize("every", [2, 3, 10, 50])
def test_while_windows_are_dropped_now_and_then_it_is_uncertain_once_and_for_all_of_it(every: int) -> None:
    alarm = fresh()
    told = []
    for index in range(600):
        told += reasons(alarm.judge(score(index, 0.1) if index % every else dropped(index)))
    assert [ChangeReason.UNCERTAIN] == told
    assert alarm.snapshot.uncertain


def test_it_is_certain_again_with_the_first_window_a_minute_after_the_last_that_was_dropped() -> None:
    alarm = fresh()
    told = {
        index: reasons(alarm.judge(dropped(0) if not index else score(index, 0.1))) for index in range(99)
    }
    assert {0: [ChangeReason.UNCERTAIN], int(DOUBT_S): [ChangeReason.CERTAIN]} == {
        index: made for index, made in told.items() if made
    }


def test_in_doubt_an_alarm_is_raised_all_the_same_and_cleared_only_by_sound_that_was_all_judged() -> None:
    alarm = fresh(off_delay_s=2.0)
    alarm.judge(dropped(0))
    assert [ChangeReason.WARNING, ChangeReason.LIMIT] == reasons(alarm.judge(score(1, 1.5)))
    told = []
    for index in range(2, 42):
        told += reasons(alarm.judge(score(index, 0.1) if index % 2 else dropped(index)))
    assert [ChangeReason.WARNING_CLEARED] == told
    assert (AlarmState.UNACKNOWLEDGED, True) == (alarm.state, alarm.snapshot.uncertain)
    for index in range(42, 50):
        told += reasons(alarm.judge(score(index, 0.1)))
    assert ChangeReason.CLEARED is told[-1]


def test_a_window_that_could_not_be_judged_for_its_input_casts_no_doubt_on_the_next() -> None:
    alarm = fresh()
    assert [ChangeReason.UNCERTAIN] == reasons(alarm.judge(score(0, None)))
    assert [ChangeReason.CERTAIN] == reasons(alarm.judge(score(1, 0.1)))


def test_a_stream_that_begins_anew_is_not_doubted_for_what_was_dropped_before() -> None:
    alarm = fresh()
    alarm.judge(dropped(1000))
    assert [ChangeReason.CERTAIN] == reasons(alarm.judge(score(0, 0.1)))
