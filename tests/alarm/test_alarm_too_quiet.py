"""A machine that is too quiet to be judged and is never off: its alarm says so, never a certain normal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alarm_sounds import START_UTC_S, score

from monitor.alarm import Alarm
from monitor.alarm.delays import DOUBT_S
from monitor.config import AlarmConfig
from monitor.config.off import OffConfig
from monitor.messages import AlarmState, ChangeReason, MachineOff, OffCause, Quality, Score
from monitor.off import OffWatch

OFF = MachineOff((OffCause.LEVEL,), "level", START_UTC_S)
AT_ONCE = AlarmConfig(on_delay_s=0, off_delay_s=0)


def quiet(index: int) -> Score:
    """A window below the level of a machine that is not off yet."""
    return replace(score(index, None), span=replace(score(index, None).span, quality=Quality.OFF))


def told(alarm: Alarm, scores: list[Score]) -> dict[int, ChangeReason]:
    """Return the only change of each window that made one."""
    made = {index: alarm.judge(one) for index, one in enumerate(scores)}
    return {index: changes[0].reason for index, changes in made.items() if changes}


@pytest.mark.parametrize("every", [3, 9, 60])
def test_one_loud_window_now_and_then_leaves_it_uncertain_for_good(every: int) -> None:
    alarm = Alarm("pump-3", AT_ONCE)
    changes = told(alarm, [quiet(i) if i % every else score(i, 0.1) for i in range(3600)])
    assert [ChangeReason.UNCERTAIN] == list(changes.values())
    # with one of three judged, it takes three seconds for one that is unjudged and not made up for
    assert DOUBT_S - 2 <= next(iter(changes)) <= 3 * DOUBT_S


def test_it_is_uncertain_a_minute_after_the_last_judged_sound_whatever_its_level_waits_for() -> None:
    changes = told(Alarm("pump-3", AT_ONCE), [score(0, 0.1), *(quiet(i) for i in range(1, 200))])
    assert {60: ChangeReason.UNCERTAIN} == changes


def test_a_machine_that_is_judged_for_half_of_the_time_is_certain() -> None:
    assert {} == told(
        Alarm("pump-3", AT_ONCE), [score(i, 0.1) if i % 60 < 31 else quiet(i) for i in range(3600)]
    )


def test_it_is_certain_again_when_as_much_was_judged_and_not_with_the_first_loud_window() -> None:
    alarm = Alarm("pump-3", AT_ONCE)
    scores = [*(quiet(i) for i in range(100)), *(score(i, 0.1) for i in range(100, 200))]
    assert [ChangeReason.UNCERTAIN, ChangeReason.CERTAIN] == list(told(alarm, scores).values())
    assert not alarm.snapshot.uncertain


def test_in_doubt_the_loud_windows_raise_the_alarm() -> None:
    alarm = Alarm("pump-3", AT_ONCE)
    told(alarm, [quiet(i) for i in range(100)])
    alarm.judge(score(100, 1.5))
    assert (AlarmState.UNACKNOWLEDGED, True) == (alarm.state, alarm.snapshot.uncertain)


def test_sound_of_a_machine_that_is_off_casts_no_doubt() -> None:
    alarm = Alarm("pump-3", AT_ONCE)
    alarm.take_machine(OFF, START_UTC_S)
    assert {} == told(alarm, [quiet(i) for i in range(500)])


def test_a_machine_that_goes_off_and_on_and_is_hardly_judged_between_is_uncertain() -> None:
    alarm, index = Alarm("pump-3", AT_ONCE), 0
    for _ in range(20):  # 10 s too quiet, 10 s off, 2 s judged
        told(alarm, [quiet(i) for i in range(index, index + 10)])
        alarm.take_machine(OFF, START_UTC_S)
        told(alarm, [quiet(i) for i in range(index + 10, index + 20)])
        alarm.take_machine(None, START_UTC_S)
        told(alarm, [score(i, 0.1) for i in range(index + 20, index + 22)])
        index += 22
    assert alarm.snapshot.uncertain


def test_a_machine_below_its_level_but_for_one_window_in_nine_is_never_normal_for_certain() -> None:
    watch = OffWatch(OffConfig.model_validate({"level": {"below_dbfs": -50, "after_s": 10}, "settle_s": 10}))
    alarm, unjudged = Alarm("pump-3", AT_ONCE), 0
    for index in range(3600):
        span = replace(score(index, 0.1).span, level_dbfs=-55.0 if index % 9 else -45.0)
        verdict = watch.hear(span, None, float(index))
        alarm.take_machine(verdict.machine.off, span.end_utc_s)
        judged = verdict.span.quality is Quality.OK
        alarm.judge(replace(score(index, 0.1 if judged else None), span=verdict.span))
        unjudged = 0 if judged or alarm.snapshot.uncertain or alarm.snapshot.off_reason else unjudged + 1
        assert unjudged <= DOUBT_S
    assert alarm.snapshot.uncertain
