"""Mahalanobis distance: what lies far from normal, in units of normal's own spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Float64 = NDArray[np.float64]

LEAST_DEVIATION = 1e-6
"""Of a dimension that hardly moves, before it is divided by."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """What makes features of normal sound uncorrelated with unit variance."""

    mean: Float64
    """Shape (dimensions,)."""
    matrix: Float64
    """Shape (dimensions, dimensions); (x - mean) @ matrix is white."""


class Whitener(nn.Module):
    """The distance from normal in units of normal's own spread, in every direction alike."""

    def __init__(self, whitening: Whitening) -> None:
        super().__init__()
        self.mean: Tensor
        self.matrix: Tensor
        self.register_buffer("mean", torch.from_numpy(whitening.mean).float())
        self.register_buffer("matrix", torch.from_numpy(whitening.matrix).float())

    def forward(self, x: Tensor) -> Tensor:
        """Return the Mahalanobis distance over the last axis, shape (...) from (..., dimensions)."""
        return ((x - self.mean) @ self.matrix).square().sum(-1).sqrt()


def fit_whitening(samples: Float64) -> Whitening:
    """Fit mean and whitening matrix of samples, shape (n, dimensions), with a Ledoit-Wolf covariance.

    Dimensions are brought to unit variance first, so that what is shrunk is their correlation: else a quiet
    dimension's variance is drawn towards the loud ones'.
    """
    mean, deviation = samples.mean(0), np.maximum(samples.std(0), LEAST_DEVIATION)
    correlation = ledoit_wolf_covariance((samples - mean) / deviation)
    values, vectors = np.linalg.eigh(correlation)
    # symmetric root of the inverse: unlike an eigenvector's, its signs do not depend on the library
    root = (vectors / np.sqrt(np.maximum(values, 1e-12))) @ vectors.T
    return Whitening(mean=mean, matrix=root / deviation[:, None])


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
