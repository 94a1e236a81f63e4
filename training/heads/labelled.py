"""The recipe's head, raised where a judge that learned from labels says that it knows this anomaly.

The judge's verdict is put in units of how far it strays on normal sound that the model has not learned from,
and so is the recipe's score: a unit of either is as rare in normal sound. Only what the judge says beyond its
own unit counts, so that it can raise a score and never lower one: it has heard a few anomalies, and that a
window is not like them says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.heads.joint import LEAST_SPREAD, LEAST_UNSEEN_WINDOWS, STRAYING_SHARE
from training.heads.residual import require_windows
from training.models.reconstructor import Comparison

SUFFIX = "+labels"
"""Ends the name of a head that is raised so: `joint+labels`."""


class RaisedByLabels(nn.Module):
    """A head's score plus what the judge says beyond its own straying, in the head's units."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.centre: Tensor
        self.spread: Tensor
        self.unit: Tensor
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("unit", torch.ones(()))

    def forward(self, found: Comparison) -> Tensor:
        """Return shape (n,).

        Raises:
            TrainingError: There is no judge.
        """
        if found.verdict is None:
            raise TrainingError("the model has no judge that learned from labels; fit another scoring head")
        score: Tensor = self.head(found)
        beyond = torch.relu((found.verdict - self.centre) / self.spread - 1.0)
        return score + self.unit * beyond


def fit_raised_by_labels(head: nn.Module, unseen: Iterable[Comparison]) -> RaisedByLabels:
    """Return the head, raised, with units from normal sound that neither model nor judge has learned from.

    Raises:
        TrainingError: There are too few windows.
    """
    pairs = [(head(found), found.verdict) for found in unseen]
    scores = torch.cat([score for score, _ in pairs]) if pairs else torch.zeros(0)
    verdicts = torch.cat([verdict for _, verdict in pairs if verdict is not None]) if pairs else scores
    require_windows(len(verdicts), LEAST_UNSEEN_WINDOWS, "normal sound that was not learned from")
    raised = RaisedByLabels(head)
    raised.centre, raised.spread = _straying(verdicts)
    raised.unit = _straying(scores)[1]
    return raised


def _straying(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the median, and how far the outermost twentieth lies above it."""
    centre = values.median()
    return centre, (values.quantile(1.0 - STRAYING_SHARE) - centre).clamp_min(LEAST_SPREAD)
