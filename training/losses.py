"""Losses per bin of the log-mel, and how they become one number.

A loss is a function of (reconstruction, target) that keeps their shape, so that any model may be trained
with any loss, and so that what a loss does to single bins (LAMP) happens before the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PerBinLoss = Callable[[Tensor, Tensor], Tensor]
"""(reconstruction, target), both (n, mel, frames) in standardised units -> loss of the same shape."""


def squared_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the squared difference of each bin."""
    return torch.square(reconstruction - target)


def absolute_error(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Return the absolute difference of each bin, which outliers in the training sound pull less."""
    return torch.abs(reconstruction - target)


def mean_over(per_bin: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean of a per-bin loss over the bins with weight, or over all bins without."""
    if weight is None:
        return per_bin.mean()
    return (per_bin * weight).sum() / weight.sum().clamp_min(1.0)
