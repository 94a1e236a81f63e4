"""Heads as they are before anything is fitted: for weights that were fitted once and are loaded again."""

from __future__ import annotations

import numpy as np
from torch import nn

from training.errors import TrainingError
from training.heads.choice import HEADS
from training.heads.joint import JointViews
from training.heads.residual import ResidualMahalanobis
from training.heads.simple import MeanError, TopBins, Verdict, WorstStretch
from training.heads.views import VIEWS
from training.heads.whitening import Whitening
from training.models.reconstructor import Comparison

_SIMPLE = {"mean": MeanError, "top": TopBins, "worst": WorstStretch, "verdict": Verdict}


def unfitted_head(name: str, found: Comparison) -> nn.Module:
    """Return the head `name` in the sizes that it has for comparisons like `found`; its answers mean nothing.

    Raises:
        TrainingError: The name is not known.
    """
    if name in VIEWS:
        views = VIEWS[name]
        return JointViews(views, [_whitening(view(found).shape[-1]) for view in views.values()])
    if name == "mahalanobis":
        mel = found.error_map.shape[1]
        return ResidualMahalanobis(_whitening(mel), _whitening(mel))
    if name in _SIMPLE:
        return _SIMPLE[name]()
    raise TrainingError(f"scoring head {name!r} is not known; known are {', '.join(HEADS)}")


def _whitening(dimensions: int) -> Whitening:
    return Whitening(mean=np.zeros(dimensions), matrix=np.eye(dimensions))
