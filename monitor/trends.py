"""The last hour of each source in steps of ten seconds, in memory: what the page draws against the limit.

A step holds the highest value, the loudest level and the worst input of the windows that ended in it. It is
bounded by construction and lost with the process: the store has the events, the broker had every score.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.messages import Quality, Score

STEP_S = 10.0
STEPS = 360
BEHIND_STEPS = 3
"""A window so much older than the newest one means that the clock was set back: the hour begins anew."""
WORST_LAST = (
    Quality.OK,
    Quality.OFF,
    Quality.UNLEARNED,
    Quality.DROPPED,
    Quality.CLIPPED,
    Quality.FLAT,
    Quality.SILENT,
    Quality.GAP,
    Quality.ABSENT,
)
_RANK = {quality: rank for rank, quality in enumerate(WORST_LAST)}
_NOTHING = 255


@dataclass(frozen=True, slots=True)
class TrendSteps:
    """One source's last hour; the lists are equally long, oldest first, None where nothing is known."""

    end_utc_s: float
    """Where the last step ends: a multiple of STEP_S, at most one step after the newest window's end."""
    value: Sequence[float | None]
    """Highest score, in units of the alarm limit; None: no window was judged."""
    level_dbfs: Sequence[float | None]
    """Loudest window."""
    quality: Sequence[Quality | None]
    """Worst input; None: no window ended there."""


class Trend:
    """One source's ring of steps, 3 kB. Belongs to whoever holds the lock of the book it is in."""

    def __init__(self) -> None:
        self._newest: int | None = None
        """Number of the running step, counted from 1970."""
        self._clear()

    def _clear(self) -> None:
        self._value = array("f", [math.nan]) * STEPS
        self._level_dbfs = array("f", [math.nan]) * STEPS
        self._quality = bytearray([_NOTHING]) * STEPS

    def add(self, score: Score) -> None:
        """Take a window's score into the step in which the window ended."""
        step = math.floor(score.span.end_utc_s / STEP_S)
        newest = self._newest
        if newest is None or not newest - BEHIND_STEPS <= step < newest + STEPS:
            self._clear()
            newest = step
        for number in range(newest + 1, step + 1):
            self._empty(number % STEPS)
        self._newest = max(newest, step)
        place = step % STEPS
        self._value[place] = _higher(self._value[place], score.value)
        self._level_dbfs[place] = _higher(self._level_dbfs[place], score.span.level_dbfs)
        rank, known = _RANK[score.span.quality], self._quality[place]
        self._quality[place] = rank if known == _NOTHING else max(rank, known)

    def _empty(self, place: int) -> None:
        self._value[place] = self._level_dbfs[place] = math.nan
        self._quality[place] = _NOTHING

    def steps(self) -> TrendSteps | None:
        """Return the hour as it is now; None before the first window."""
        if self._newest is None:
            return None
        order = [number % STEPS for number in range(self._newest + 1 - STEPS, self._newest + 1)]
        return TrendSteps(
            end_utc_s=(self._newest + 1) * STEP_S,
            value=[_number(self._value[place], 3) for place in order],
            level_dbfs=[_number(self._level_dbfs[place], 1) for place in order],
            quality=[
                None if (rank := self._quality[place]) == _NOTHING else WORST_LAST[rank] for place in order
            ],
        )


def _higher(known: float, new: float | None) -> float:
    if new is None or math.isnan(new):
        return known
    return new if math.isnan(known) else max(known, new)


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
