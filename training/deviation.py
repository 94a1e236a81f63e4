"""Deviation losses: normal scores near a reference's mean, anomalous ones a margin above it.

G. Pang et al.: Deep Anomaly Detection with Deviation Networks, KDD 2019, as used by C. Ding et al. (DRA,
CVPR 2022, arXiv 2203.14506). The source draws 5000 reference scores from N(0, 1) at each step to compute
their mean and deviation; these are 0 and 1, and are taken as such here, so that a score is its own deviation.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

DeviationLoss = Callable[[Tensor, Tensor, float], Tensor]
"""(scores, targets, margin), scores and targets of shape (n,), targets 0 or 1 -> one number."""

MARGIN = 5.0
"""How far above normal an anomaly's score is to be, in deviations of the reference; more earns nothing."""


def absolute_deviation(scores: Tensor, targets: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the mean of (1 - y) |s| + y max(0, margin - s): the published loss."""
    return ((1.0 - targets) * scores.abs() + targets * torch.relu(margin - scores)).mean()


def squared_deviation(scores: Tensor, targets: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the mean of (1 - y) s^2 + y max(0, margin - s)^2."""
    return _squares(scores, targets, margin).mean()


def half_weighted_deviation(scores: Tensor, targets: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the mean of |y - 0.5| times the squared deviation: the loss of a report that reproduced DRA.

    For targets of 0 and 1 the weight is 0.5 throughout: half of squared_deviation, and no weighting. It is
    here to be compared. The report draws as many reference scores as the batch has; here they are analytic.
    """
    return ((targets - 0.5).abs() * _squares(scores, targets, margin)).mean()


def class_weighted_deviation(scores: Tensor, targets: Tensor, margin: float = MARGIN) -> Tensor:
    """Return the mean of N / (2 N_y) times the squared deviation: both classes count alike, however rare.

    What the report's weight was probably meant to be. N_y is how many of the N targets are like this one; a
    class that is not there counts for nothing.
    """
    anomalous = targets.sum()
    normal = len(targets) - anomalous
    rarity = targets / anomalous.clamp_min(1.0) + (1.0 - targets) / normal.clamp_min(1.0)
    return (0.5 * len(targets) * rarity * _squares(scores, targets, margin)).mean()


def _squares(scores: Tensor, targets: Tensor, margin: float) -> Tensor:
    return (1.0 - targets) * scores.square() + targets * torch.relu(margin - scores).square()


DEVIATIONS: dict[str, DeviationLoss] = {
    "absolute": absolute_deviation,
    "squared": squared_deviation,
    "half_weighted": half_weighted_deviation,
    "class_weighted": class_weighted_deviation,
}
"""Name -> loss."""
