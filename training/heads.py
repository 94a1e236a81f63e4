"""Scoring heads: how an error map becomes one number, inside the graph.

A head takes a Comparison of n windows and gives (n,) scores, high means unusual. Heads are fitted on
normal sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.errors import TrainingError
from training.models.reconstructor import Comparison

Float64 = NDArray[np.float64]

LOG_FLOOR = 1e-4
"""Added to an error before its logarithm: a hundredth of a band's own spread is as good as none."""
STRETCH_FRAMES = 16
"""Half a second at the default front end: as long as a short knock with its echo."""
STRETCH_STEP_FRAMES = 4
LEAST_WINDOWS = 10


class MeanError(nn.Module):
    """The plain mean of the error map: the score of the papers."""

    def forward(self, found: Comparison) -> Tensor:
        """Return the mean error of each window, shape (n,)."""
        return found.error_map.mean((1, 2))


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


@dataclass(frozen=True, slots=True)
class Whitening:
    """What makes log errors of normal sound uncorrelated with unit variance."""

    mean: Float64
    """Shape (mel,)."""
    matrix: Float64
    """Shape (mel, mel); (x - mean) @ matrix is white."""


class Whitener(nn.Module):
    """The distance from normal in units of normal's own spread, in every direction alike."""

    def __init__(self, whitening: Whitening) -> None:
        super().__init__()
        self.mean: Tensor
        self.matrix: Tensor
        self.register_buffer("mean", torch.from_numpy(whitening.mean).float())
        self.register_buffer("matrix", torch.from_numpy(whitening.matrix).float())

    def forward(self, x: Tensor) -> Tensor:
        """Return the Mahalanobis distance over the last axis, shape (...) from (..., mel)."""
        return ((x - self.mean) @ self.matrix).square().sum(-1).sqrt()


class ResidualMahalanobis(nn.Module):
    """How unlike normal the profile of error over the bands is: in the window, and in its worst stretch.

    Two Mahalanobis distances, each as z-score against normal sound, summed: of the log of the error averaged
    over the whole window, and the largest one among stretches of half a second. The logarithm makes a quiet
    band's error count as much as a loud one's; whitening discounts bands that go wrong together.
    """

    def __init__(
        self,
        window: Whitening,
        stretch: Whitening,
        *,
        stretch_frames: int = STRETCH_FRAMES,
    ) -> None:
        super().__init__()
        self.stretch_frames = stretch_frames
        self.window = Whitener(window)
        self.stretch = Whitener(stretch)
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(2))
        self.register_buffer("spread", torch.ones(2))

    def distances(self, error_map: Tensor) -> Tensor:
        """Return the distances of the window and of its worst stretch, shape (n, 2)."""
        return self.distances_of_features(
            _log_error_of_window(error_map), _log_error_of_stretches(error_map, self.stretch_frames)
        )

    def distances_of_features(self, whole: Tensor, parts: Tensor) -> Tensor:
        """Return shape (n, 2) from log errors of shape (n, mel) and (n, stretches, mel)."""
        return torch.stack((self.window(whole), self.stretch(parts).amax(1)), dim=1)

    def forward(self, found: Comparison) -> Tensor:
        """Return the sum of both z-scores, shape (n,)."""
        return ((self.distances(found.error_map) - self.centre) / self.spread).sum(1)


def _log_error_of_window(error_map: Tensor) -> Tensor:
    """Return shape (n, mel)."""
    return torch.log(error_map.mean(2) + LOG_FLOOR)


def _log_error_of_stretches(error_map: Tensor, stretch_frames: int) -> Tensor:
    """Return shape (n, stretches, mel)."""
    means = nn.functional.avg_pool1d(error_map, stretch_frames, STRETCH_STEP_FRAMES)
    return torch.log(means + LOG_FLOOR).transpose(1, 2)


def fit_residual_mahalanobis(
    normal: Iterable[Comparison], *, stretch_frames: int = STRETCH_FRAMES
) -> ResidualMahalanobis:
    """Fit the head on batches of normal sound.

    Raises:
        TrainingError: There are too few windows.
    """
    features = [
        (_log_error_of_window(found.error_map), _log_error_of_stretches(found.error_map, stretch_frames))
        for found in normal
    ]
    windows = sum(len(whole) for whole, _ in features)
    if windows < LEAST_WINDOWS:
        raise TrainingError(
            f"scoring head: {windows} windows of normal sound are too few to fit it; give at least "
            f"{LEAST_WINDOWS}"
        )
    whole = torch.cat([of_window for of_window, _ in features]).cpu()
    parts = torch.cat([of_stretches for _, of_stretches in features]).cpu()
    head = ResidualMahalanobis(
        fit_whitening(whole.double().numpy()),
        fit_whitening(parts.double().numpy().reshape(-1, parts.shape[-1])),
        stretch_frames=stretch_frames,
    )
    distances = head.distances_of_features(whole, parts)
    head.centre = distances.mean(0)
    head.spread = distances.std(0).clamp_min(1e-6)
    return head


def fit_head(normal: Iterable[Comparison]) -> nn.Module:
    """Return the head for a model by what it says of normal sound: its own verdict goes before a fitted one.

    Raises:
        TrainingError: There are too few windows.
    """
    batches = iter(normal)
    first = next(batches, None)
    if first is not None and first.verdict is not None:
        return Verdict()
    return fit_residual_mahalanobis(chain(() if first is None else (first,), batches))


def fit_whitening(samples: Float64) -> Whitening:
    """Fit mean and whitening matrix of samples, shape (n, dimensions), with a Ledoit-Wolf covariance."""
    mean = samples.mean(0)
    covariance = ledoit_wolf_covariance(samples - mean)
    values, vectors = np.linalg.eigh(covariance)
    # symmetric root of the inverse: unlike an eigenvector's, its signs do not depend on the library
    matrix = (vectors / np.sqrt(np.maximum(values, 1e-12))) @ vectors.T
    return Whitening(mean=mean, matrix=matrix)


def ledoit_wolf_covariance(centred: Float64) -> Float64:
    """Return the covariance of centred samples, shape (n, d), shrunk towards a multiple of the identity.

    O. Ledoit, M. Wolf: A well-conditioned estimator for large-dimensional covariance matrices, 2004.
    """
    n, d = centred.shape
    sample = centred.T @ centred / n
    scale = np.trace(sample) / d
    dispersion = np.square(sample).sum() - d * scale**2
    fourth = np.square(np.square(centred).sum(1)).mean()
    estimation_error = (fourth - np.square(sample).sum()) / n
    shrinkage = 0.0 if dispersion <= 0 else float(np.clip(estimation_error / dispersion, 0.0, 1.0))
    covariance: Float64 = (1.0 - shrinkage) * sample + shrinkage * scale * np.eye(d)
    return covariance
