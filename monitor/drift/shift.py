"""By how many standard errors the medians of days have moved, where days are like their neighbours.

A day is like the one before: seven days in a row tell no more of the next weeks than two or three days apart
would. An interval over days drawn one by one, as a bootstrap draws them, is too narrow by that, and looked at
every day it calls half of all machines moving that are not (docs/drift.md has the figures). Here the variance
of a mean of days counts their likeness, as for the mean of an AR(1) series (Zieba, Metrology and Measurement
Systems 17(1), 2010: effective number of observations), and medians do not mind heavy tails.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monitor.drift.likeness import LEAST_WINDOWS, SLOTS, Day
from monitor.drift.scale import Float64, quantile

NEIGHBOURS = 0.6
"""Correlation of a day with the next that is assumed: from so few days it cannot be estimated."""
HOURS_A_DAY = 24.0


def variance_of_mean(days: int) -> float:
    """Return the variance of the mean of so many days in a row, in units of the variance of one."""
    apart = np.arange(1, days)
    return float(1.0 + 2.0 * np.sum((1.0 - apart / days) * NEIGHBOURS**apart)) / days


def moved_since_first(first: Sequence[Day], recent: Sequence[Day]) -> float:
    """Return by how many standard errors the medians of `recent` lie above those of `first`; 0: not known."""
    usual = _medians(np.sum([day.counts for day in first], axis=0))
    before, after = (np.array([_above(day, usual) for day in days]) for days in (first, recent))
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(before), len(after)) < 2:
        return 0.0
    chance = variance_of_mean(len(before)) + variance_of_mean(len(after))
    return _errors(float(after.mean() - before.mean()), _variance_of_day(before, after) * chance)


def moved_since_calibration(recent: Sequence[Day], known_hours: float) -> float:
    """Return the same against the median, 0, of so many hours of sound in a row; 0: not known.

    Hours of less than a day differ as thirds of days do, by whichever shift they were of.
    """
    medians = np.array([quantile(day.counts.sum(axis=0), 0.5) for day in recent])
    if len(medians) < 2:
        return 0.0
    of_day = _variance_of_day(medians)
    if known_hours < HOURS_A_DAY:
        thirds = np.concatenate([_medians(day.counts) for day in recent])
        of_calibration = max(of_day, float(np.nanvar(thirds)) / (1.0 - variance_of_mean(len(medians))))
    else:
        of_calibration = of_day * variance_of_mean(round(known_hours / HOURS_A_DAY))
    return _errors(float(medians.mean()), of_day * variance_of_mean(len(medians)) + of_calibration)


def _variance_of_day(*stretches: Float64) -> float:
    """Return how much single days differ; stretches of like days differ less within than the days would."""
    squares = sum(float(((one - one.mean()) ** 2).sum()) for one in stretches)
    free = sum(len(one) * (1.0 - variance_of_mean(len(one))) for one in stretches)
    return squares / free


def _errors(moved: float, variance: float) -> float:
    return moved / math.sqrt(max(variance, 1e-12))


def _medians(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Float64:
    """Return shape (SLOTS,): the median score of each third of a kind of day; NaN where little was heard."""
    heard = counts.sum(axis=1) >= LEAST_WINDOWS
    return np.array([quantile(counts[slot], 0.5) if heard[slot] else np.nan for slot in range(SLOTS)])


def _above(day: Day, usual: Float64) -> float:
    """Return by how much a day lies above what is usual at its hours; NaN: they have none in common."""
    medians, windows = _medians(day.counts), day.counts.sum(axis=1)
    common = np.isfinite(medians) & np.isfinite(usual)
    if not common.any():
        return float("nan")
    return float(np.average((medians - usual)[common], weights=windows[common]))
