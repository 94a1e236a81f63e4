"""Counts the windows of one source as they are judged. Some microseconds a window; no disk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from monitor.drift.period import BLOCK_S, GROUPS, HOUR_S, Levels, Period
from monitor.drift.scale import BINS, Float64, Unit, bin_of

BANDS_EVERY = 16
"""Of so many normal windows one has its bands looked at."""
HOURS_KEPT = 48
"""While the store takes nothing so many hours wait; the oldest goes then."""


@dataclass(slots=True)
class _Hour:
    start_utc_s: int
    cut: float
    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    levels: int = 0
    level_sum: float = 0.0
    banded: int = 0
    bands_sum: Float64 | None = None
    peaks: dict[int, float] = field(default_factory=dict)

    def period(self) -> Period:
        level = Levels(self.levels, (self.level_sum / self.levels,)) if self.levels else Levels()
        total = self.bands_sum
        mean = () if total is None else tuple((total / self.banded).tolist())
        return Period(
            self.start_utc_s,
            HOUR_S,
            np.array(self.counts, np.int64),
            level,
            Levels(self.banded, mean),
            self.peaks,
            self.cut,
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """One judged window."""

    end_utc_s: float
    """When it ended, by the clock of the box, which knows the time."""
    raw: float
    """The model's score."""
    level_dbfs: float | None
    """RMS level."""
    normal: bool
    """Whether it counts as normal: no alarm is active."""


class Tally:
    """One source under one basis. Whoever calls holds a lock."""

    def __init__(self, basis: str, unit: Unit, cut: float) -> None:
        """Begin with nothing; of scores below `cut`, in units, no peaks are kept."""
        self.basis = basis
        self.cut = cut
        self._unit = unit
        self._hours: dict[int, _Hour] = {}
        self._normal = 0

    def note(self, heard: Heard, bands_db: Callable[[], Float64]) -> None:
        """Take a window; `bands_db` returns shape (groups,), and is asked now and then."""
        units = self._unit.of_raw(heard.raw)
        if not math.isfinite(units):
            return
        hour = self._hour(int(heard.end_utc_s // HOUR_S) * HOUR_S)
        if units >= hour.cut:
            block = int((heard.end_utc_s - hour.start_utc_s) // BLOCK_S)
            if units > hour.peaks.get(block, -math.inf):
                hour.peaks[block] = units
        if not heard.normal:
            return
        hour.counts[bin_of(units)] += 1
        if heard.level_dbfs is not None and math.isfinite(heard.level_dbfs):
            hour.levels += 1
            hour.level_sum += heard.level_dbfs
        if self._normal % BANDS_EVERY == 0:
            bands = bands_db()
            hour.bands_sum = bands if hour.bands_sum is None else hour.bands_sum + bands
            hour.banded += 1
        self._normal += 1

    def _hour(self, start_utc_s: int) -> _Hour:
        hour = self._hours.get(start_utc_s)
        if hour is None:
            hour = self._hours[start_utc_s] = _Hour(start_utc_s, self.cut)
            if len(self._hours) > HOURS_KEPT:
                del self._hours[min(self._hours)]
        return hour

    def take(self) -> list[Period]:
        """Return what has come since the last time, and begin anew."""
        taken, self._hours = self._hours, {}
        return [hour.period() for hour in taken.values()]


def groups_db(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Float64:
    """Return shape (groups,): mean level of each group of bands, dB; `values` as LogMel.values."""
    bands = 10.0 * np.add.reduce(values, axis=1, dtype=np.float64) / values.shape[1]
    places = _places(len(bands))
    return np.asarray(np.add.reduceat(bands, places[:-1]) / np.diff(places))


def group_edges_hz(edges_hz: Float64) -> Float64:
    """Return shape (groups + 1,): where the groups lie; `edges_hz` as of the front end, shape (mel + 2,)."""
    places = _places(len(edges_hz) - 2)
    return np.asarray((edges_hz[places] + edges_hz[places + 1]) / 2.0)


def _places(bands: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return shape (groups + 1,): with which band each group begins, and where the last one ends."""
    return np.linspace(0, bands, min(GROUPS, bands) + 1).astype(np.intp)
