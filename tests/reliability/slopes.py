"""Whether a quantity rises: a straight line through blocks of measurements, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

BLOCKS = 12
"""Neighbouring measurements are alike; the means of so many blocks are taken as independent."""


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something rises."""

    per_hour: float
    low: float
    """Lower end of the 90 % confidence interval."""
    high: float
    """Upper end of it."""

    @property
    def zero_within_noise(self) -> bool:
        """Whether the interval does not lie above 0."""
        return self.low <= 0.0


def slope_of(hours: Sequence[float], values: Sequence[float]) -> Slope:
    """Return the slope of `values` over `hours`, by least squares through the means of blocks.

    Fewer than three blocks of measurements say nothing: the interval is without bounds.
    """
    count = min(BLOCKS, len(hours))
    if count < 3 or hours[-1] <= hours[0]:
        return Slope(0.0, float("-inf"), float("inf"))
    x = np.array([block.mean() for block in np.array_split(np.asarray(hours, float), count)])
    y = np.array([block.mean() for block in np.array_split(np.asarray(values, float), count)])
    line = stats.linregress(x, y)
    reach = float(stats.t.ppf(0.95, count - 2) * line.stderr)
    return Slope(float(line.slope), float(line.slope) - reach, float(line.slope) + reach)
