"""Off by the week's clock: the edges, midnight, and both nights on which the clock is changed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.off import OffSchedule
from monitor.off.schedule import ScheduleCondition

ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def schedule(*times: dict[str, object], zone: str = "Europe/Berlin") -> ScheduleCondition:
    return ScheduleCondition(OffSchedule.model_validate({"time_zone": zone, "times": times}))


def utc_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def off_at(condition: ScheduleCondition, text: str) -> bool:
    return bool(condition.reason_at(utc_s(text)))


@pytest.mark.parametrize(
    ("at", "off"),
    [
        ("2025-11-21T22:59:59.999", False),
        ("2025-11-21T23:00:00", True),
        ("2025-11-23T22:59:59.999", True),
        ("2025-11-23T23:00:00", False),
    ],
)
def test_a_weekend_is_two_whole_local_days(at: str, off: bool) -> None:  # noqa: FBT001 - a table
    assert off == off_at(schedule({"days": ["sat", "sun"]}), at)


@pytest.mark.parametrize(
    ("at", "off"),
    [
        ("2025-11-21T20:59:59", False),
        ("2025-11-21T21:00:00", True),
        ("2025-11-22T04:59:59", True),
        ("2025-11-22T05:00:00", False),
        ("2025-11-22T21:00:00", False),
    ],
)
def test_a_stretch_over_midnight_belongs_to_the_day_on_which_it_begins(at: str, off: bool) -> None:  # noqa: FBT001
    assert off == off_at(schedule({"days": ["fri"], "begin": "22:00", "end": "06:00"}), at)


def stretches(condition: ScheduleCondition, first: str, hours: int) -> list[tuple[str, str]]:
    """Return begin and end, UTC, of every stretch within so many hours, to the minute."""
    begin_s = utc_s(first)
    edges = []
    before = False
    for minute in range(hours * 60 + 1):
        now = bool(condition.reason_at(begin_s + 60 * minute))
        if now is not before:
            edges.append(f"{datetime.fromtimestamp(begin_s + 60 * minute, tz=timezone.utc):%H:%M}")
        before = now
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("22:00", "06:00", ("20:00", "05:00")),
        ("02:15", "02:45", ("00:15", "00:45")),
        ("22:00", "02:30", ("20:00", "00:30")),
        ("02:30", "04:00", ("00:30", "03:00")),
        ("03:00", "04:00", ("02:00", "03:00")),
    ],
)
def test_the_night_in_october_has_every_stretch_once(begin: str, end: str, expected: tuple[str, str]) -> None:
    # 2025-10-26: at 03:00 CEST (01:00 UTC) it becomes 02:00 CET
    night = schedule({"days": ["sat" if begin == "22:00" else "sun"], "begin": begin, "end": end})
    assert [expected] == stretches(night, "2025-10-25T12:00", 20)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("22:00", "06:00", ("21:00", "04:00")),
        ("22:00", "02:30", ("21:00", "01:00")),
        ("02:30", "04:00", ("01:00", "02:00")),
        ("02:00", "03:00", None),
        ("02:15", "02:45", None),
    ],
)
def test_the_night_in_march_takes_a_time_that_is_skipped_for_the_change_itself(
    begin: str, end: str, expected: tuple[str, str] | None
) -> None:
    # 2026-03-29: at 02:00 CET (01:00 UTC) it becomes 03:00 CEST
    night = schedule({"days": ["sat" if begin == "22:00" else "sun"], "begin": begin, "end": end})
    assert ([] if expected is None else [expected]) == stretches(night, "2026-03-28T12:00", 20)


@given(st.integers(0, 366 * 24 * 60), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_whole_days_all_week_are_always_off(minute: int, zone: str) -> None:
    at_utc_s = utc_s("2025-01-01T00:00") + 60.0 * minute
    assert schedule({"days": ALL_DAYS}, zone=zone).reason_at(at_utc_s)


def test_a_box_that_does_not_know_the_time_has_no_schedule() -> None:
    assert "" == schedule({"days": ALL_DAYS}).reason_at(3600.0)


def test_the_reason_names_the_hours_and_the_zone() -> None:
    condition = schedule({"days": ["sat", "sun"]})
    assert "schedule, sat sun 00:00 to 24:00 Europe/Berlin" == condition.reason_at(utc_s("2025-11-22T12:00"))
