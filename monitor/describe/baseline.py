"""What normal sound of one source is like, band by band: learned slowly, from windows that were normal.

Until enough has been heard it is what the bundle was standardised with. An event keeps the Reference that it
began with, so that a long event does not become its own normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands, Float64

ENOUGH_FRAMES = 300
"""About ten seconds: from then on nothing of the bundle's own figures is left."""
MEMORY_FRAMES = 20_000
"""About ten minutes: normal sound is forgotten at this pace, so that seasons do not become events."""
DB_PER_LOG10 = 10.0
SPREAD_FLOOR_DB = 0.5
GAUSS_QUARTER = 1.27
"""Mean of the highest quarter of Gaussian numbers, in standard deviations."""
LN10_20 = np.log(10.0) / 20.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Normal sound as an event is measured against it. Rounded, so that it survives being stored."""

    mean_db: Float64
    """Shape (mel,), mean level of each band."""
    spread_db: Float64
    """Shape (mel,), standard deviation of a frame's level."""
    power_db: Float64
    """Shape (mel,), level of the mean power: above mean_db, for the mean of levels is lower."""
    model_mean_db: Float64
    """Shape (mel,), mean of the model's reconstruction."""
    model_spread_db: Float64
    """Shape (mel,), how far the reconstruction went from its mean in normal sound; 0: do not follow it."""
    high: Float64
    """Shape (2, groups), mean and standard deviation of the highest quarter of each group's excess."""
    low: Float64
    """Shape (2, groups), the same of the lowest quarter."""

    def expected_db(self, reconstruction_db: Float64 | None) -> Float64:
        """Return what was to be expected, shape (mel, 1) or (mel, frames).

        The model says how loud normal sound would be just here, and is believed as far as its
        reconstructions went in normal sound: beyond that it may be repeating the fault.
        """
        if reconstruction_db is None:
            return self.mean_db[:, None]
        bound = 2.0 * self.model_spread_db[:, None]
        told = np.clip(reconstruction_db - self.model_mean_db[:, None], -bound, bound)
        return np.asarray(self.mean_db[:, None] + told)


class Baseline:
    """Running statistics of one source's normal sound; bounded memory."""

    def __init__(self, bands: Bands, mean: Sequence[float], std: Sequence[float]) -> None:
        """Begin with a bundle's standardisation, in log10 units, shapes (mel,)."""
        self._bands = bands
        self._first_mean = DB_PER_LOG10 * np.asarray(mean, np.float64)
        self._first_spread = np.maximum(DB_PER_LOG10 * np.asarray(std, np.float64), SPREAD_FLOOR_DB)
        self._frames = 0
        n, groups = bands.count, bands.groups
        self._level = Running(n)
        self._power = Running(n)
        self._model = Running(n)
        self._high = Running(groups)
        self._low = Running(groups)

    @property
    def frames(self) -> int:
        """How many normal frames were heard."""
        return self._frames

    def learn(self, level_db: Float64, model_db: Float64 | None) -> None:
        """Take new frames of normal sound, shape (mel, frames), and what the model made of them."""
        count = level_db.shape[1]
        if not count:
            return
        self._frames += count
        self._level.add(level_db)
        self._power.add(10.0 ** (level_db / 10.0))
        if model_db is not None:
            self._model.add(model_db)
        excess = level_db - self._expected(model_db)
        self._high.add(self._bands.group_extremes(excess, highest=True))
        self._low.add(self._bands.group_extremes(excess, highest=False))

    def _expected(self, model_db: Float64 | None) -> Float64:
        expected = self._level.mean[:, None]
        if model_db is None:
            return expected
        bound = 2.0 * self._model.spread[:, None]
        return np.asarray(expected + np.clip(model_db - self._model.mean[:, None], -bound, bound))

    def reference(self) -> Reference:
        """Return normal sound as far as it is known now."""
        share = min(self._frames / ENOUGH_FRAMES, 1.0)
        mean, spread = self._first_mean, self._first_spread
        # of a normal distribution of levels
        power = mean + spread**2 * LN10_20
        group = self._bands.group_means(spread)
        high = np.stack([GAUSS_QUARTER * group, group / 2.0])
        low = np.stack([-GAUSS_QUARTER * group, group])
        if share > 0:
            mean = _mixed(mean, self._level.mean, share)
            spread = _mixed(spread, np.maximum(self._level.spread, SPREAD_FLOOR_DB), share)
            power = _mixed(power, 10.0 * np.log10(np.maximum(self._power.mean, 1e-30)), share)
            high = _mixed(high, np.stack([self._high.mean, self._high.spread]), share)
            low = _mixed(low, np.stack([self._low.mean, self._low.spread]), share)
        model_known = share >= 1.0 and self._model.count > 0
        model_mean = self._model.mean if model_known else mean
        model_spread = self._model.spread if model_known else np.zeros_like(mean)
        mean = mean.astype(np.float16).astype(np.float64)
        return Reference(
            mean_db=mean,
            spread_db=np.maximum(_rounded(spread, 8.0, 0, 255), SPREAD_FLOOR_DB),
            power_db=mean + _rounded(power - mean, 8.0, 0, 255),
            model_mean_db=mean + _rounded(model_mean - mean, 4.0, -127, 127),
            model_spread_db=_rounded(model_spread, 8.0, 0, 255),
            high=high.astype(np.float16).astype(np.float64),
            low=low.astype(np.float16).astype(np.float64),
        )


class Running:
    """Mean and variance of columns, which forgets at the pace of MEMORY_FRAMES."""

    def __init__(self, rows: int) -> None:
        self.mean: Float64 = np.zeros(rows)
        self.variance: Float64 = np.zeros(rows)
        self.count = 0

    def add(self, values: NDArray[np.float64]) -> None:
        """Take new columns, shape (rows, n), n >= 1."""
        n = values.shape[1]
        self.count += n
        share = n / min(self.count, MEMORY_FRAMES)
        mean = values.mean(axis=1)
        step = mean - self.mean
        self.variance += share * (values.var(axis=1) + (1.0 - share) * step**2 - self.variance)
        self.mean += share * step

    @property
    def spread(self) -> Float64:
        """Standard deviation, shape (rows,)."""
        return np.asarray(np.sqrt(self.variance))


def _mixed(first: Float64, learned: Float64, share: float) -> Float64:
    return np.asarray(first + share * (learned - first))


def _rounded(values: Float64, steps_a_db: float, lowest: int, highest: int) -> Float64:
    return np.asarray(np.clip(np.rint(values * steps_a_db), lowest, highest) / steps_a_db)
