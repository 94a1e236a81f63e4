"""What normal sound of one source is like, band by band: learned slowly, from windows that were normal.

Until enough has been heard it is what the bundle was standardised with. An event keeps the Reference that it
began with, so that a long event does not become its own normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands, Float64

ENOUGH_FRAMES = 300
"""About ten seconds: from then on nothing of the bundle's own figures is left."""
RECENT_FRAMES = 900
"""About half a minute: how the machine runs at present, which is what a change is heard against."""
MEMORY_FRAMES = 20_000
"""About ten minutes: normal sound is forgotten at this pace, so that seasons do not become events."""
DB_PER_LOG10 = 10.0
SPREAD_FLOOR_DB = 0.5
GAUSS_QUARTER = 1.27
"""Mean of the highest quarter of Gaussian numbers, in standard deviations, ..."""
GAUSS_LIMIT = 2.7
"""... and what the mean of the highest quarter of sixteen exceeds in no frame of thousands."""
LIMIT_SPREADS = 2.0
"""Normal sound exceeds the mean of its windows' extremes by so many standard deviations now and then only."""
NEPER = math.log(10.0) / 10.0
LN10_20 = np.log(10.0) / 20.0


PACKED: Mapping[str, tuple[type, bool]] = {
    "mean": (np.float16, False),
    "spread": (np.uint8, False),
    "power": (np.uint8, False),
    "model_mean": (np.int8, False),
    "model_spread": (np.uint8, False),
    "high": (np.float16, True),
    "low": (np.float16, True),
}
"""Name of a stored array -> (its type, whether it has two rows of groups instead of one of bands)."""


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
    """Shape (mel,), mean of the model's recent reconstructions."""
    model_spread_db: Float64
    """Shape (mel,), how far the reconstruction went from its mean in normal sound; 0: do not follow it."""
    high: Float64
    """Shape (2, groups): mean of each group's highest quarter of excess, and what it hardly ever exceeds."""
    low: Float64
    """Shape (2, groups): the same of the lowest quarter, and what it hardly ever falls below."""
    level_dbfs: float
    """Mean level of normal windows; NaN: none was heard."""

    def packed(self) -> dict[str, NDArray[Any]]:
        """Return its arrays as the few bytes that they are rounded to, by the names of PACKED."""
        return {
            "mean": self.mean_db.astype(np.float16),
            "spread": _steps(self.spread_db, 8.0, np.uint8),
            "power": _steps(self.power_db - self.mean_db, 8.0, np.uint8),
            "model_mean": _steps(self.model_mean_db - self.mean_db, 4.0, np.int8),
            "model_spread": _steps(self.model_spread_db, 8.0, np.uint8),
            "high": self.high.astype(np.float16),
            "low": self.low.astype(np.float16),
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, NDArray[Any]], level_dbfs: float) -> Reference:
        """Return the reference that was packed."""
        values = {name: array.astype(np.float64) for name, array in packed.items()}
        mean = values["mean"]
        return cls(
            mean_db=mean,
            spread_db=values["spread"] / 8.0,
            power_db=mean + values["power"] / 8.0,
            model_mean_db=mean + values["model_mean"] / 4.0,
            model_spread_db=values["model_spread"] / 8.0,
            high=values["high"],
            low=values["low"],
            level_dbfs=level_dbfs,
        )

    def expected_db(self, reconstruction_db: Float64 | None) -> Float64:
        """Return what was to be expected, shape (mel, 1) or (mel, frames).

        The model says how loud normal sound would be just here, and is believed as far as its
        reconstructions went in normal sound: beyond that it may be repeating the fault.
        """
        if reconstruction_db is None:
            return self.mean_db[:, None]
        bound = 2.0 * self.model_spread_db[:, None]
        return self.mean_db[:, None] + _within(reconstruction_db - self.model_mean_db[:, None], bound)


class Baseline:
    """Running statistics of one source's normal sound; bounded memory."""

    def __init__(self, bands: Bands, mean: Sequence[float], std: Sequence[float]) -> None:
        """Begin with a bundle's standardisation, in log10 units, shapes (mel,)."""
        self._bands = bands
        self._first_mean = DB_PER_LOG10 * np.asarray(mean, np.float64)
        self._first_spread = np.maximum(DB_PER_LOG10 * np.asarray(std, np.float64), SPREAD_FLOOR_DB)
        self._frames = 0
        n, groups = bands.count, bands.groups
        self._level = RunningSpread(n)
        self._power = RunningMean(n)
        self._model = RunningSpread(n)
        self._recent, self._model_recent = RunningMean(n, RECENT_FRAMES), RunningMean(n, RECENT_FRAMES)
        self._wander = RunningSpread(n)
        self._high, self._highest = RunningMean(groups), RunningSpread(groups)
        self._low, self._lowest = RunningMean(groups), RunningSpread(groups)
        self._levels, self._mean_level_dbfs = 0, 0.0

    def note_level(self, level_dbfs: float | None) -> None:
        """Take the level of a normal window."""
        if level_dbfs is not None:
            self._levels += 1
            share = 1 / min(self._levels, MEMORY_FRAMES)
            self._mean_level_dbfs += share * (level_dbfs - self._mean_level_dbfs)

    @property
    def frames(self) -> int:
        """How many normal frames were heard."""
        return self._frames

    def learn(self, level_db: Float64, model_db: Float64 | None, *, windows: int = 1) -> None:
        """Take new frames of normal sound, shape (mel, frames), and what the model made of them.

        They stand for so many windows: for those too that nobody looked at.
        """
        count = windows * level_db.shape[1]
        if not count:
            return
        self._frames += count
        excess = level_db - self._expected(level_db, model_db)
        mean = self._level.add(level_db, frames=count)
        self._power.add(np.exp(excess * NEPER), frames=count)
        self._wander.add_mean(mean, frames=count)
        self._recent.add_mean(mean, frames=count)
        if model_db is not None:
            self._model_recent.add_mean(self._model.add(model_db, frames=count), frames=count)
        high, low = self._bands.group_quarters(excess)
        self._high.add(high, frames=count)
        self._low.add(low, frames=count)
        self._highest.add_mean(high.max(axis=1), frames=count)
        self._lowest.add_mean(low.min(axis=1), frames=count)

    def _expected(self, level_db: Float64, model_db: Float64 | None) -> Float64:
        """Return what was to be expected of the next normal frames, before they are learned."""
        if not self._level.count:
            return np.asarray(level_db.mean(axis=1, keepdims=True))
        expected = self._present()[:, None]
        if model_db is None or not self._model.count:
            return expected
        bound = 2.0 * self._model.spread[:, None]
        return expected + _within(model_db - self._model_recent.mean[:, None], bound)

    def _present(self) -> Float64:
        """Return the mean of the last half minute, as far as it lies within the range of all normal sound."""
        bound = 2.0 * self._wander.spread
        return self._level.mean + _within(self._recent.mean - self._level.mean, bound)

    def reference(self) -> Reference:
        """Return normal sound as far as it is known now."""
        share = min(self._frames / ENOUGH_FRAMES, 1.0)
        mean, spread = self._first_mean, self._first_spread
        # of a normal distribution of levels
        power = mean + spread**2 * LN10_20
        group = self._bands.group_means(spread)
        high = np.stack([GAUSS_QUARTER * group, GAUSS_LIMIT * group])
        low = -high
        if share > 0:
            present = self._present()
            mean = _mixed(mean, present, share)
            spread = _mixed(spread, np.maximum(self._level.spread, SPREAD_FLOOR_DB), share)
            # of the excess: what is expected anyway does not make a sound louder than the mean of its levels
            over = 10.0 * np.log10(np.maximum(self._power.mean, 1e-30))
            power = _mixed(power, present + over, share)
            limit = self._highest.mean + LIMIT_SPREADS * self._highest.spread
            high = _mixed(high, np.stack([self._high.mean, limit]), share)
            limit = self._lowest.mean - LIMIT_SPREADS * self._lowest.spread
            low = _mixed(low, np.stack([self._low.mean, limit]), share)
        model_known = share >= 1.0 and self._model.count > 0
        model_mean = self._model_recent.mean if model_known else mean
        model_spread = self._model.spread if model_known else np.zeros_like(mean)
        exact = Reference(
            mean_db=mean.astype(np.float16).astype(np.float64),
            spread_db=np.maximum(spread, SPREAD_FLOOR_DB),
            power_db=power,
            model_mean_db=model_mean,
            model_spread_db=model_spread,
            high=high,
            low=low,
            level_dbfs=round(self._mean_level_dbfs, 1) if self._levels else math.nan,
        )
        return Reference.unpacked(exact.packed(), exact.level_dbfs)


class RunningMean:
    """Mean of columns, which forgets at the pace of `memory` frames."""

    def __init__(self, rows: int, memory: int = MEMORY_FRAMES) -> None:
        self._memory = memory
        self.mean: Float64 = np.zeros(rows)
        self.count = 0

    def add(self, values: Float64, *, frames: int) -> None:
        """Take new columns, shape (rows, n), n >= 1, that stand for `frames`."""
        self.add_mean(_mean_column(values), frames=frames)

    def add_mean(self, mean: Float64, *, frames: int) -> None:
        """Take one column, shape (rows,), that stands for so many frames."""
        self.count += frames
        self.mean += frames / min(self.count, self._memory) * (mean - self.mean)


class RunningSpread:
    """Mean and variance of columns, which forgets both at the pace of ten minutes."""

    def __init__(self, rows: int) -> None:
        self.mean: Float64 = np.zeros(rows)
        self.variance: Float64 = np.zeros(rows)
        self.count = 0

    def add(self, values: Float64, *, frames: int) -> Float64:
        """Take new columns, shape (rows, n), n >= 1, that stand for `frames`; return their mean, (rows,)."""
        mean = _mean_column(values)
        away = values - mean[:, None]
        self._take(mean, np.einsum("ij,ij->i", away, away) / values.shape[1], frames)
        return mean

    def add_mean(self, mean: Float64, *, frames: int) -> None:
        """Take one column, shape (rows,), that stands for so many frames."""
        self._take(mean, 0.0, frames)

    def _take(self, mean: Float64, variance: Float64 | float, frames: int) -> None:
        self.count += frames
        share = frames / min(self.count, MEMORY_FRAMES)
        step = mean - self.mean
        self.variance += share * (variance + (1.0 - share) * step * step - self.variance)
        self.mean += share * step

    @property
    def spread(self) -> Float64:
        """Standard deviation, shape (rows,)."""
        return np.asarray(np.sqrt(self.variance))


def _mean_column(values: Float64) -> Float64:
    # every normal window of every source comes by here: no values.mean()
    return np.asarray(np.add.reduce(values, axis=1) / values.shape[1])


def _within(values: Float64, bound: Float64) -> Float64:
    """Return `values`, none of them further from 0 than `bound`."""
    return np.asarray(np.minimum(np.maximum(values, -bound), bound))  # a third of what np.clip costs here


def _mixed(first: Float64, learned: Float64, share: float) -> Float64:
    return np.asarray(first + share * (learned - first))


def _steps(values: Float64, steps_a_db: float, kind: type[np.int8 | np.uint8]) -> NDArray[Any]:
    limits = np.iinfo(kind)
    return np.clip(np.rint(values * steps_a_db), limits.min, limits.max).astype(kind)
