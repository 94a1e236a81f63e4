"""Scoring heads without anything to fit."""

from __future__ import annotations

from torch import Tensor, nn

from training.errors import TrainingError
from training.heads.residual import STRETCH_FRAMES, STRETCH_STEP_FRAMES
from training.models.reconstructor import Comparison

TOP_SHARE = 0.05
"""Of the bins of a window: 400 of 128 x 64."""


class MeanError(nn.Module):
    """The plain mean of the error map: the score of the papers."""

    def forward(self, found: Comparison) -> Tensor:
        """Return the mean error of each window, shape (n,)."""
        return found.error_map.mean((1, 2))


class TopBins(nn.Module):
    """The mean of the largest twentieth of the error map: for what is wrong in a few bins only."""

    def forward(self, found: Comparison) -> Tensor:
        """Return the mean of the highest bins of each window, shape (n,)."""
        return top_of_bins(found.error_map)


def top_of_bins(error_map: Tensor) -> Tensor:
    """Return the mean of the highest twentieth of each map, shape (n,) from (n, mel, frames)."""
    bins = error_map.flatten(1)
    return bins.topk(max(1, int(TOP_SHARE * bins.shape[1])), dim=1).values.mean(1)


class WorstStretch(nn.Module):
    """The mean error of the half second where it is highest: for what is short."""

    def forward(self, found: Comparison) -> Tensor:
        """Return the mean error of the worst stretch of each window, shape (n,)."""
        return error_of_worst_stretch(found.error_map, STRETCH_FRAMES, STRETCH_STEP_FRAMES)


def error_of_worst_stretch(error_map: Tensor, frames: int, step_frames: int) -> Tensor:
    """Return the highest mean error of `frames` frames in a row, `step_frames` apart, shape (n,)."""
    of_frames = error_map.mean(1, keepdim=True)
    return nn.functional.avg_pool1d(of_frames, frames, step_frames).amax((1, 2))


class Verdict(nn.Module):
    """What a model says that was trained to judge, as it is."""

    def forward(self, found: Comparison) -> Tensor:
        """Return the model's verdict, shape (n,).

        Raises:
            TrainingError: The model gives none.
        """
        if found.verdict is None:
            raise TrainingError("the model gives no verdict of its own; fit another scoring head")
        return found.verdict
