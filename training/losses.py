"""Losses per bin of the log-mel, and how they become one number.

A loss is a function of (reconstruction, target) that keeps their shape, so that any model may be trained
with any loss, and so that what a loss does to single bins (LAMP) happens before the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.errors import TrainingError

PerBinLoss = Callable[[Tensor, Tensor], Tensor]
"""(reconstruction, target), both (n, mel, frames) in standardised units -> loss of the same shape."""

BOUND = 1.0 - 1e-3
"""Where LAMP's relative error ends: a bin's gradient is amplified a thousand times at most."""


def squared_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the squared difference of each bin."""
    return torch.square(reconstruction - target)


def absolute_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the absolute difference of each bin, which outliers in the training sound pull less."""
    return torch.abs(reconstruction - target)


def cubic_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the cube of the absolute difference of each bin: steeper than its square, without a barrier."""
    return torch.abs(reconstruction - target) ** 3


def quartic_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the fourth power of the difference of each bin: steeper still, without a barrier."""
    return torch.square(reconstruction - target) ** 2


def lamp(barrier: float) -> PerBinLoss:
    """Return the squared error amplified by a log barrier: -barrier^2 log(1 - e) for each bin.

    e = min((reconstruction - target)^2 / barrier^2, 1 - 1e-3). Choose as barrier the largest difference that
    normal sound has before training, in standardised units, or one that few exceed (BARRIER_QUANTILE): a bin
    beyond it has no gradient.

    After Y. Park et al.: Neural Network Training Strategy to Enhance Anomaly Detection Performance: A
    Perspective on Reconstruction Loss Amplification, ICASSP 2024 (arXiv 2308.14595). Its formula was found
    nowhere: this one is a reconstruction of an unpublished formula. Our proposals are e for standardised
    log-mel; the mean after the logarithm (the logarithm of a mean near 0.01 amplifies nothing); and the
    factor barrier^2, which makes the gradient the squared error's times 1 / (1 - e), alike for small errors.

    Raises:
        TrainingError: The barrier is not above 0.
    """
    if not barrier > 0:
        raise TrainingError(f"the barrier of LAMP is {barrier}; give a difference above 0")

    def amplified_error(reconstruction: Tensor, target: Tensor) -> Tensor:
        relative = torch.square((reconstruction - target) / barrier).clamp_max(BOUND)
        return -(barrier**2) * torch.log1p(-relative)

    amplified_error.__name__ = f"lamp_{barrier:g}"  # what a manifest says of the training
    return amplified_error


BARRIER_QUANTILE = 0.999
"""LAMP's barrier, among the absolute values of the standardised training sound: what a net that has learned
nothing but the mean has as residuals.

At their maximum (13.8 on the flights in LOG.md) LAMP is the squared error but for a few bins in a million. At
this quantile (4.9 there) one bin in a thousand lies beyond when the training begins, where the loss is flat:
such bins teach nothing until others have drawn the reconstruction nearer, and those just before the barrier
pull up to a thousand times as hard.
"""


LAMP = "lamp"
WITHOUT_BARRIER: dict[str, PerBinLoss] = {
    "squared": squared_error,
    "absolute": absolute_error,
    "cubic": cubic_error,
    "quartic": quartic_error,
}
"""Name -> the loss; it knows nothing of the sound."""
LOSSES = (*WITHOUT_BARRIER, LAMP)
"""Names of all losses; LAMP's barrier is fitted to the training sound."""


def make_loss(name: str, magnitudes: Callable[[], NDArray[np.float32]]) -> PerBinLoss:
    """Return a loss by its name.

    `magnitudes` gives absolute values of standardised training sound, any shape; it is called only for a loss
    with a barrier.

    Raises:
        TrainingError: The name is not known.
    """
    if name not in LOSSES:
        raise TrainingError(f"loss {name!r} is not known; known are {', '.join(LOSSES)}")
    if name in WITHOUT_BARRIER:
        return WITHOUT_BARRIER[name]
    return lamp(float(np.quantile(magnitudes(), BARRIER_QUANTILE)))


def mean_over(per_bin: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean of a per-bin loss over the bins with weight, or over all bins without."""
    if weight is None:
        return per_bin.mean()
    return (per_bin * weight).sum() / weight.sum().clamp_min(1.0)
