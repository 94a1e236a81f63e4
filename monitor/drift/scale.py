"""The scale that scores are counted on: fixed edges, so that counts of any two periods can be added.

A score is first put into units of its calibration: 0 is the median that the limit was made from, 1 the raw
score that normal sound was to reach once a week. (The limit itself moves with the budget, this unit does
not.) Edges are even in asinh(unit / 0.1): about even near 0, where most windows lie, and a constant factor
apart far from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.calibration import Calibration

Counts = NDArray[np.int64]
"""Shape (BINS,): windows in each bin."""
Float64 = NDArray[np.float64]

FINE = 0.1
"""Below this much the edges are about even."""
STEP = 0.1
"""From one edge to the next, in asinh: 1 % of a unit near 0, 10 % of the value far from it."""
LOWEST, HIGHEST = -38, 60
"""Steps of the outermost edges: -2.2 and 20 units; beyond them lies one bin each."""
BINS = HIGHEST - LOWEST + 2
EDGES: Float64 = FINE * np.sinh(STEP * np.arange(LOWEST, HIGHEST + 1))
"""Shape (BINS - 1,), rising, in units; bin i holds what lies in [EDGES[i - 1], EDGES[i])."""
CENTRES: Float64 = np.concatenate([EDGES[:1], (EDGES[1:] + EDGES[:-1]) / 2.0, EDGES[-1:]])
"""Shape (BINS,), in units: what stands for a bin."""
PER_WEEK = 1.0
"""One unit above the median is reached so often by the sound that the limit was made from."""


@dataclass(frozen=True, slots=True)
class Unit:
    """How raw scores of one calibration become units, and back."""

    centre_raw: float
    """The raw score of 0."""
    size_raw: float
    """Raw scores in a unit, > 0."""

    def of_raw(self, raw: float) -> float:
        """Return a raw score in units."""
        return (raw - self.centre_raw) / self.size_raw

    def raw_of(self, units: float) -> float:
        """Return the raw score that lies so many units above the median."""
        return self.centre_raw + units * self.size_raw


def unit_of(calibration: Calibration) -> Unit:
    """Return the unit of a calibration."""
    return Unit(calibration.centre, calibration.limit_raw(PER_WEEK) - calibration.centre)


def bin_of(units: float) -> int:
    """Return the bin of a score; it must be finite."""
    return min(max(math.floor(math.asinh(units / FINE) / STEP) - LOWEST + 1, 0), BINS - 1)


def counts_of(units: Float64) -> Counts:
    """Count many scores at once; shape (n,), finite."""
    return np.bincount(np.searchsorted(EDGES, units, side="right"), minlength=BINS).astype(np.int64)


def quantile(counts: NDArray[np.number], share: float) -> float:
    """Return below which score, in units, a share of the windows lies; NaN: there is none."""
    total = float(counts.sum())
    if total <= 0:
        return math.nan
    reached = np.cumsum(counts) / total
    place = int(np.searchsorted(reached, share))
    if place in {0, BINS - 1}:
        return float(CENTRES[min(place, BINS - 1)])
    before = float(reached[place - 1])
    inside = (share - before) / (float(reached[place]) - before)
    return float(EDGES[place - 1] + inside * (EDGES[place] - EDGES[place - 1]))


def share_above(counts: NDArray[np.number], units: float) -> float:
    """Return which share of the windows lies above a score; NaN: there is none."""
    total = float(counts.sum())
    if total <= 0:
        return math.nan
    place = bin_of(units)
    above = float(counts[place + 1 :].sum())
    if 0 < place < BINS - 1:
        above += float(counts[place]) * float((EDGES[place] - units) / (EDGES[place] - EDGES[place - 1]))
    return above / total
