"""What time it is, and whether the box knows: the wall clock held against one that never jumps.

A box under a conveyor may start in 1970 and be told the time a minute later, or hours; NTP and people set its
clock forth and back. Nothing waits by the wall clock: it dates what people read, and a jump of it is noticed
here, so that what was dated before can be put right.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

CLOCK_SET_UTC_S = 1_577_836_800.0
"""2020-01-01. A box whose clock says less has not been told the time; see monitor/known_time.py."""
CORRECTED_FROM_S = 60.0
"""By how much a clock must have been put forward for what it had dated to be put right: for less it cannot be
told which of the two had dated a row, as a window or a clip is dated some seconds after it began."""
STEP_S = 0.5
"""A wall clock that has moved more than this against the other since the last look was set, not adjusted."""
REMEMBERED_S = 60.0
"""For so long after a jump sound may still be on its way that was dated before it."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How the wall clock stands against the clock that counts from the start of the box."""

    boot_id: str
    """Names this run of the box; another one counts from 0 again."""
    offset_s: float
    """Wall clock less seconds since the box started."""
    is_set: bool
    """Whether the wall clock can be right."""
    up_s: float
    """Seconds since the box started, when this was read."""


@dataclass(frozen=True, slots=True)
class ClockStep:
    """One jump of the wall clock."""

    by_s: float
    """Forth, or back when negative."""
    was_set: bool
    """Whether the wall clock could be right before."""
    reading: ClockReading
    """How it stands since."""


def since_boot_s() -> float:
    """Return the seconds since the box started, those asleep too; never set, never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def this_boot() -> str:
    """Return the kernel's name for this run of the box; one of our own where it cannot be read."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"unknown-{uuid.uuid4()}"


def utc_text(utc_s: float) -> str:
    """Return a time for a person, to the second."""
    return f"{datetime.fromtimestamp(utc_s, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def is_set(utc_s: float) -> bool:
    """Say whether a clock that says `utc_s` can have been set, by what it says alone."""
    return utc_s >= CLOCK_SET_UTC_S


class WallClock:
    """Notices jumps. Belongs to one thread."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] | None = None,
        since_boot: Callable[[], float] = since_boot_s,
        boot_id: str | None = None,
        known: Callable[[float], bool] = is_set,
    ) -> None:
        """`wall` None: time.time as it is when asked. `known` says whether what it says can be right."""
        self._wall = wall or (lambda: time.time())  # noqa: PLW0108 - tests replace it
        self._since_boot = since_boot
        self._boot_id = this_boot() if boot_id is None else boot_id
        self._known = known
        self._was_put_forward = False
        self.reading = self._read()
        """As at the last look."""
        self._step_s, self._stepped_at_s = 0.0, -REMEMBERED_S

    def look(self) -> ClockStep | None:
        """Read both clocks; return how far the wall clock has jumped since the last look, None: it has not.

        To be called every second or so: what NTP adjusts in that time is no jump.
        """
        before, self.reading = self.reading, self._read()
        by_s = self.reading.offset_s - before.offset_s
        if by_s >= CORRECTED_FROM_S and not self._was_put_forward:
            self._was_put_forward = True  # somebody knows the time: chronyd, or a person
            self.reading = self._read()
        if abs(by_s) < STEP_S:
            return None
        self._step_s, self._stepped_at_s = by_s, self._since_boot()
        return ClockStep(by_s, before.is_set, self.reading)

    def age_s(self, utc_s: float) -> float:
        """Return how long ago a moment of the last minute was, also one dated before the clock jumped."""
        age_s = self._wall() - utc_s
        if self._since_boot() - self._stepped_at_s >= REMEMBERED_S:
            return max(age_s, 0.0)
        return min((age for age in (age_s, age_s - self._step_s) if age >= 0.0), default=0.0)

    def _read(self) -> ClockReading:
        wall_s, up_s = self._wall(), self._since_boot()
        known = is_set(wall_s) and (self._was_put_forward or self._known(wall_s))
        return ClockReading(self._boot_id, wall_s - up_s, known, up_s)
