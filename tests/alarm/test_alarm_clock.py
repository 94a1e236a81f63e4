"""What an operator set aside for an hour is set aside for an hour, whatever the wall clock does."""

from __future__ import annotations

import json

import pytest

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.messages import AlarmState, ChangeReason

AT_ONCE = AlarmConfig(on_delay_s=0.0, off_delay_s=0.0)
TRUE_S = 1_790_000_000.0
"""What a right wall clock says when the box starts."""
HOUR_S = 3600.0


class Box:
    """An alarm on a box whose wall clock is `offset_s` ahead of the seconds since it started."""

    def __init__(self, offset_s: float) -> None:
        self.up_s, self.offset_s, self.boot_id = 100.0, offset_s, "boot-1"
        self.alarm = Alarm("pump-3", AT_ONCE)
        self.alarm.follow_clock(self.boot_id, self.offset_s)

    @property
    def wall_s(self) -> float:
        return self.up_s + self.offset_s

    def wait(self, seconds: float) -> list[ChangeReason]:
        self.up_s += seconds
        return [change.reason for change in self.alarm.expire(self.wall_s)]

    def set_clock(self, offset_s: float) -> bool:
        self.offset_s = offset_s
        return self.alarm.follow_clock(self.boot_id, self.offset_s)

    def restart(self, *, boot_id: str | None = None, away_s: float = 0.0) -> None:
        stored = json.loads(json.dumps(self.alarm.snapshot.to_tree()))
        self.up_s = self.up_s + away_s if boot_id is None else 5.0
        self.boot_id = boot_id or self.boot_id
        self.alarm = Alarm("pump-3", AT_ONCE, AlarmSnapshot.from_tree(stored))
        self.alarm.follow_clock(self.boot_id, self.offset_s)


@pytest.mark.parametrize("before_s", [0.0, TRUE_S - 600.0, TRUE_S + 9e6, TRUE_S + 1.0])
def test_shelving_for_an_hour_lasts_an_hour_though_the_clock_is_set(before_s: float) -> None:
    box = Box(before_s)
    box.alarm.shelve("ada", box.wall_s, duration_s=HOUR_S)
    assert [] == box.wait(1800.0)
    assert box.set_clock(TRUE_S)
    assert [] == box.wait(0.0)
    assert TRUE_S + 100.0 + HOUR_S == box.alarm.snapshot.shelved_until_utc_s
    assert [] == box.wait(1799.0)
    assert [ChangeReason.SHELVING_EXPIRED] == box.wait(1.0)


@pytest.mark.parametrize("before_s", [0.0, TRUE_S - 600.0, TRUE_S + 9e6])
def test_a_restart_takes_nothing_from_it_even_if_the_clock_was_set_meanwhile(before_s: float) -> None:
    box = Box(before_s)
    box.alarm.shelve("ada", box.wall_s, duration_s=HOUR_S)
    assert [] == box.wait(1000.0)
    box.offset_s = TRUE_S
    box.restart(away_s=500.0)
    assert [] == box.wait(2099.0)
    assert [ChangeReason.SHELVING_EXPIRED] == box.wait(1.0)


def test_after_a_power_cut_on_a_box_with_a_clock_it_ends_when_it_would_have() -> None:
    box = Box(TRUE_S)
    box.alarm.shelve("ada", box.wall_s, duration_s=HOUR_S)
    end_s = box.wall_s + HOUR_S
    box.offset_s = TRUE_S + 2000.0  # off for about so long
    box.restart(boot_id="boot-2")
    assert [] == box.wait(end_s - box.wall_s - 1.0)
    assert [ChangeReason.SHELVING_EXPIRED] == box.wait(1.0)


def test_after_a_power_cut_on_a_box_without_a_clock_it_lasts_no_longer_than_was_asked_for() -> None:
    box = Box(TRUE_S)
    box.alarm.shelve("ada", box.wall_s, duration_s=HOUR_S)
    box.offset_s = 0.0
    box.restart(boot_id="boot-2")
    assert [] == box.wait(0.0)
    assert [] == box.wait(600.0)
    box.set_clock(TRUE_S + 9000.0)
    assert [] == box.wait(2999.0)
    assert [ChangeReason.SHELVING_EXPIRED] == box.wait(1.0)


def test_an_open_event_is_dated_right_once_the_clock_is_set_and_keeps_its_id() -> None:
    unset = AlarmSnapshot("pump-3", active=True, event_id="e1", event_start_utc_s=50.0, peak=1.5)
    alarm = Alarm("pump-3", AT_ONCE, unset)
    alarm.follow_clock("boot-1", 0.0)
    assert alarm.follow_clock("boot-1", TRUE_S)
    facts = alarm.snapshot
    assert ("e1", TRUE_S + 50.0, AlarmState.UNACKNOWLEDGED) == (
        facts.event_id,
        facts.event_start_utc_s,
        alarm.state,
    )
    assert not alarm.follow_clock("boot-1", TRUE_S)
    alarm.follow_clock("boot-1", TRUE_S + HOUR_S)
    assert TRUE_S + 50.0 == alarm.snapshot.event_start_utc_s, "what a set clock has dated stays"


def test_an_open_event_that_was_dated_by_a_plausible_guess_is_dated_right_once_the_time_is_known() -> None:
    guess_s = TRUE_S - 86_400.0
    unset = AlarmSnapshot("pump-3", active=True, event_id="e1", event_start_utc_s=guess_s + 50.0, peak=1.5)
    alarm = Alarm("pump-3", AT_ONCE, unset)
    alarm.follow_clock("boot-1", guess_s)
    assert alarm.follow_clock("boot-1", TRUE_S, was_set=False)
    assert TRUE_S + 50.0 == alarm.snapshot.event_start_utc_s


def test_an_event_of_before_the_box_was_switched_off_keeps_its_start_when_the_time_is_known() -> None:
    guess_s = TRUE_S - 86_400.0
    before = AlarmSnapshot("pump-3", active=True, event_id="e1", event_start_utc_s=guess_s - 50.0, peak=1.5)
    alarm = Alarm("pump-3", AT_ONCE, before)
    alarm.follow_clock("boot-1", guess_s)
    alarm.follow_clock("boot-1", TRUE_S, was_set=False)
    assert guess_s - 50.0 == alarm.snapshot.event_start_utc_s
