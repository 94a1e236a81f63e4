"""One level of an encoder's features: how they are compared, and what their error means on the mel grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STD_FLOOR = 1e-6
"""A channel or row that never changes on normal sound must not divide by 0."""
TINY = 1e-12
"""Below the squared length of any vector of standardised features that is not all 0."""
BLUR_FRAMES = 1.0
"""Standard deviation of the blur over time."""


class Moments:
    """Mean and standard deviation over the given axes of batch after batch, in double precision."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self._axes = axes
        """The first, of windows, is among them."""
        self._sums: list[Tensor] = []

    def add(self, batch: Tensor) -> None:
        """Take a batch in; every one has the same shape but for the first axis."""
        values = batch.detach().double()
        powers = (torch.ones_like(values), values, values.square())
        sums = [power.sum(self._axes, keepdim=True)[0] for power in powers]
        self._sums = [old + new for old, new in zip(self._sums, sums, strict=True)] if self._sums else sums

    @property
    def mean(self) -> Tensor:
        """Shape of a batch without its first axis, 1 where an axis was averaged over."""
        count, total, _ = self._sums
        return total / count

    @property
    def std(self) -> Tensor:
        """As mean, never below STD_FLOOR."""
        count, _, squares = self._sums
        return (squares / count - self.mean.square()).clamp_min(0.0).sqrt().clamp_min(STD_FLOOR)


class FeatureLevel(nn.Module):
    """Standardises features, says how far two maps of them lie apart, and puts that on the mel grid.

    Going up to the mel grid and blurring over time are linear, so each is a constant matrix: the exported
    graph has two products where it would have resizing, which engines disagree about.
    """

    def __init__(self, channels: int, shape: tuple[int, int], window: tuple[int, int]) -> None:
        """Make a level of `shape` (rows, columns) for windows of `window` (mel, frames)."""
        super().__init__()
        (rows, columns), (mel, frames) = shape, window
        self.mean: Tensor
        self.std: Tensor
        self.error_mean: Tensor
        self.error_std: Tensor
        self.over_mel: Tensor
        self.over_time: Tensor
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        self.register_buffer("error_mean", torch.zeros(rows, 1))
        self.register_buffer("error_std", torch.ones(rows, 1))
        self.register_buffer("over_mel", interpolation(rows, mel).T.contiguous())
        self.register_buffer("over_time", interpolation(columns, frames) @ blur(frames))

    def standardised(self, features: Tensor) -> Tensor:
        """Return each channel with mean 0 and deviation 1 over normal sound, shape as given."""
        return (features - self.mean) / self.std

    def z_on_mel_grid(self, error: Tensor) -> Tensor:
        """Return errors (n, rows, columns) as deviations from normal ones, shape (n, mel, frames).

        Each row by itself: one that is always hard to reconstruct must not always stand out.
        """
        z = (error - self.error_mean) / self.error_std
        return self.over_mel @ z @ self.over_time

    def take_features(self, normal: Moments) -> None:
        """Standardise by the moments of features (n, channels, rows, columns) over all axes but channels."""
        self.mean, self.std = normal.mean.to(self.mean), normal.std.to(self.std)

    def take_errors(self, normal: Moments) -> None:
        """Call normal the moments of errors (n, rows, columns) over all axes but rows."""
        self.error_mean, self.error_std = normal.mean.to(self.error_mean), normal.std.to(self.error_std)


def cosine_error(wanted: Tensor, found: Tensor) -> Tensor:
    """Return 1 - cosine of the channels at each position, shape (n, rows, columns), from 0 to 2.

    As half the squared distance of unit vectors, which keeps its digits where both are nearly alike.
    """
    return 0.5 * (_unit(wanted) - _unit(found)).square().sum(1)


def _unit(features: Tensor) -> Tensor:
    return features / torch.sqrt(features.square().sum(1, keepdim=True) + TINY)


def interpolation(points: int, bins: int) -> Tensor:
    """Return the matrix (points, bins) that interpolates linearly between the middles of equal pieces."""
    rows = torch.eye(points).unsqueeze(0)
    return nn.functional.interpolate(rows, size=bins, mode="linear", align_corners=False)[0]


def blur(frames: int) -> Tensor:
    """Return the matrix (frames, frames) of a Gaussian over time; what is near an edge keeps its weight."""
    at = torch.arange(frames, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((at[:, None] - at[None]) / BLUR_FRAMES).square())
    return weights / weights.sum(0, keepdim=True)
