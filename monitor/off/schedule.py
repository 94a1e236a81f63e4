"""Off at certain times of the week, on the clock of a time zone with all its changes.

Each time is turned into a moment: one that a change of the clock brings twice is the first of the two, one
that it skips is the moment of the change. So every stretch begins and ends once.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from monitor.clock import is_set
from monitor.config.off import OffSchedule, OffTimes

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ScheduleCondition:
    """The stretches of one source's schedule. Belongs to the thread that judges."""

    def __init__(self, section: OffSchedule) -> None:
        self._section = section
        self._zone = section.zone
        self._day: date | None = None
        self._stretches: list[tuple[float, float, str]] = []

    def reason_at(self, at_utc_s: float) -> str:
        """Return in words why it is off at a time; empty: it is not, by this."""
        if not is_set(at_utc_s):
            return ""  # it knows no weekday
        day = datetime.fromtimestamp(at_utc_s, self._zone).date()
        if day != self._day:
            self._day, self._stretches = day, self._stretches_around(day)
        return next((why for begin, end, why in self._stretches if begin <= at_utc_s < end), "")

    def _stretches_around(self, day: date) -> list[tuple[float, float, str]]:
        """Return what begins on a day or on the one before: begin and end in UTC, and in words."""
        return [
            (
                utc_s_of(first, times.begin_minute, self._zone),
                utc_s_of(first, times.end_minute, self._zone),
                f"schedule, {_words(times)} {self._section.time_zone}",
            )
            for first in (day - timedelta(days=1), day)
            for times in self._section.times
            if WEEK[first.weekday()] in times.days
        ]


def utc_s_of(day: date, minute: int, zone: tzinfo) -> float:
    """Return the moment at which a zone's clock shows so many minutes after a day's midnight, by the wall."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    first_s = wall.replace(tzinfo=zone, fold=0).timestamp()
    if datetime.fromtimestamp(first_s, zone).replace(tzinfo=None) == wall:
        return first_s
    # skipped: the two readings lie on either side of the change, found by halving
    before_s, after_s = int(wall.replace(tzinfo=zone, fold=1).timestamp()), int(first_s)
    offset_before = datetime.fromtimestamp(before_s, zone).utcoffset()
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if datetime.fromtimestamp(middle_s, zone).utcoffset() == offset_before:
            before_s = middle_s
        else:
            after_s = middle_s
    return float(after_s)


def _words(times: OffTimes) -> str:
    return f"{' '.join(times.days)} {times.begin} to {times.end}"
