"""What any detector must beat: the level, and a Gaussian on the mean log-mel. No net, NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32
from training.errors import NoSoundError

Float64 = NDArray[np.float64]

REGULARISATION = 1e-3
"""Added to the variance of each band, log10 units: needed where windows are few."""
LIMIT_QUANTILE = 0.99
LEAST_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Normal sound as one Gaussian of mean log-mels, full covariance."""

    mean: Float64
    """Shape (mel,), log10 units."""
    whitener: Float64
    """Shape (mel, mel): turns a difference from the mean into uncorrelated units of variance 1."""

    def distance(self, logmel: Float32) -> Float64:
        """Return the squared Mahalanobis distance of columns, shape (mel, n), a band: shape (n,)."""
        return np.asarray(np.square(self.whitener @ (logmel - self.mean[:, None])).mean(axis=0))


@dataclass(frozen=True, slots=True)
class Scale:
    """Units of a control's own limit: 0 is the median of normal sound, 1 its 0.99 quantile."""

    median: float
    limit: float

    def value(self, raw: float) -> float:
        """Return `raw` in these units."""
        return (raw - self.median) / (self.limit - self.median)


@dataclass(frozen=True, slots=True)
class Controls:
    """Both controls, fitted on the same normal sound.

    Their limits are taken on the sound that they were fitted on, which flatters the Gaussian's: compare at
    1 % of clear windows, which needs no limit.
    """

    gaussian: Gaussian
    gaussian_scale: Scale
    level_scale: Scale
    windows: int
    """How many they were fitted on."""


def fit_controls(means: Sequence[Float32], levels_dbfs: Sequence[float]) -> Controls:
    """Fit on mean log-mels, each shape (mel,), and levels of the windows of normal sound.

    Raises:
        NoSoundError: There are too few windows, or all sound alike.
    """
    if len(means) < LEAST_WINDOWS:
        raise NoSoundError(
            f"--normal: {len(means)} judged windows, {LEAST_WINDOWS} are needed at least; give more sound"
        )
    data = np.stack(means).astype(np.float64)
    gaussian = fit_gaussian(data, regularisation=REGULARISATION)
    return Controls(
        gaussian=gaussian,
        gaussian_scale=_scale(gaussian.distance(data.T.astype(np.float32))),
        level_scale=_scale(np.asarray(levels_dbfs, dtype=np.float64)),
        windows=len(means),
    )


def fit_gaussian(means: Float64, *, regularisation: float) -> Gaussian:
    """Fit one Gaussian to mean log-mels, shape (n, mel), n >= 2; `regularisation` adds to each variance."""
    mean = means.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(means, rowvar=False) + regularisation * np.eye(means.shape[1]))
    return Gaussian(mean, axes.T / np.sqrt(variances)[:, None])


def _scale(values: Float64) -> Scale:
    median, limit = float(np.median(values)), float(np.quantile(values, LIMIT_QUANTILE))
    if not limit > median:
        raise NoSoundError("--normal: all windows are alike, so that no limit can be told; give real sound")
    return Scale(median, limit)
