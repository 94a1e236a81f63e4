"""Measures in how many ways a machine was heard: minutes whose mean log-mel is alike are one operating state.

A minute joins the nearest state heard before if its bands lie within STATE_DB of it (root mean square over
the bands), else it begins a new one (leader clustering; Hartigan, Clustering Algorithms, 1975, chapter 3).
The mean over a minute of any steady sound is within a fraction of a decibel of the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

STATE_DB = 2.0
"""Minutes further apart are two operating states. Those of a steady noise differ by 0.1 dB, of the simulated
pump by up to 1.7, of quadcopters by up to 2.8, of a factory machine among others by up to 4.1
(training/LOG.md)."""
MOST_STATES = 64
"""More are not told apart; any such recording is varied enough."""
LEAST_MINUTES = 20
"""Fewer minutes say nothing about variety."""

Float64 = NDArray[np.float64]
Minute = tuple[Float64, int]
"""The sum of the mean log-mels of some windows, shape (mel,), dB, and how many they are: a minute or less."""
NEARLY = 0.9
"""Files of a minute hold two windows less: so much of a minute is one, where a file ends."""


@dataclass(frozen=True, slots=True)
class Variety:
    """In how many ways the machine was heard."""

    minutes: int
    """Whole minutes that were heard."""
    states: int
    """Operating states among them; 0 before the first minute."""
    apart_db: float
    """How far the two most different states are apart, RMS over the bands; 0 with one state."""


class VarietyMeter:
    """Mean log-mel by minutes, and the states they are in."""

    def __init__(self, hop_s: float) -> None:
        """`hop_s`: from one window to the next; that many windows as fill a minute are one."""
        self._per_minute = max(1, round(60.0 / hop_s))
        self._sum: Float64 | None = None
        self._windows = 0
        self._minutes = 0
        self._states: list[Float64] = []

    def add(self, logmel: Float32) -> None:
        """Take the log-mel of the next window that was heard whole, shape (mel, frames)."""
        self._add(mean_db(logmel), 1, self._per_minute)

    def take(self, minute: Minute) -> None:
        """Take the next windows all at once, a minute of them at most."""
        self._add(*minute, NEARLY * self._per_minute)

    def _add(self, total: Float64, windows: int, enough: float) -> None:
        self._sum = total if self._sum is None else self._sum + total
        self._windows += windows
        if self._windows >= enough:
            self._minutes += 1
            self._place(self._sum / self._windows)
            self._sum, self._windows = None, 0

    @property
    def per_minute(self) -> int:
        """Windows that fill a minute."""
        return self._per_minute

    def variety(self) -> Variety:
        """Return what was heard so far; minutes that are not whole do not count."""
        apart = [_distance_db(one, other) for i, one in enumerate(self._states) for other in self._states[:i]]
        return Variety(self._minutes, len(self._states), max(apart, default=0.0))

    def _place(self, minute: Float64) -> None:
        nearest = min((_distance_db(minute, state) for state in self._states), default=np.inf)
        if nearest > STATE_DB and len(self._states) < MOST_STATES:
            self._states.append(minute)


class MinuteSums:
    """Mean log-mels of good windows in a row, summed by minutes, for a VarietyMeter to take later."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minutes: list[Minute] = []

    def add(self, mean: Float64) -> None:
        """Take the mean of the next window, by mean_db."""
        if self._minutes and self._minutes[-1][1] < self._per_minute:
            total, count = self._minutes[-1]
            self._minutes[-1] = (total + mean, count + 1)
        else:
            self._minutes.append((mean, 1))

    def taken(self) -> list[Minute]:
        """Return the minutes so far, the last of them perhaps not whole."""
        return list(self._minutes)


def mean_db(logmel: Float32) -> Float64:
    """Return the mean over time of a window of log-mel (mel, frames), shape (mel,), dB."""
    mean: Float64 = 10.0 * logmel.mean(axis=1, dtype=np.float64)
    return mean


def _distance_db(one: Float64, other: Float64) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))
