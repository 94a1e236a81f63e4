"""Scores of a machine that runs normally, with a known distribution and dependence in time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.signal import lfilter

HOP_S = 1.024
WINDOWS_PER_HOUR = 3515
DISTRIBUTIONS = {
    "exponential": stats.expon(),
    "gamma": stats.gamma(4),
    "lognormal": stats.lognorm(0.5),
    "beta": stats.beta(2, 6),
}


def normal_scores(name: str, windows: int, *, correlation: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """Draw scores whose Gaussian ranks follow an AR(1) process with this correlation."""
    noise = np.random.default_rng(seed).standard_normal(windows)
    noise[1:] *= math.sqrt(1.0 - correlation**2)
    gaussian = lfilter([1.0], [1.0, -correlation], noise)
    return np.asarray(DISTRIBUTIONS[name].ppf(stats.norm.cdf(gaussian)))


def true_alarms_per_week(
    name: str, limit: float, *, correlation: float, gap_windows: int, seed: int = 0
) -> float:
    """Return how often separate stretches really exceed `limit`: windows above it that end a stretch."""
    above = float(DISTRIBUTIONS[name].sf(limit))
    if above <= 0.0:
        return 0.0
    rng = np.random.default_rng(seed)
    level = stats.norm.isf(above)
    now = stats.norm.isf(above * rng.random(4000))
    last = np.ones(4000, dtype=bool)
    for _ in range(gap_windows):
        now = correlation * now + math.sqrt(1.0 - correlation**2) * rng.standard_normal(4000)
        last &= now <= level
    return above * float(last.mean()) * 7 * 86400.0 / HOP_S
