"""The two Mahalanobis distances of the error per band: in the window, and in its worst half second."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.heads.whitening import Whitener, Whitening, fit_whitening
from training.models.reconstructor import Comparison

LOG_FLOOR = 1e-4
"""Added to an error before its logarithm: a hundredth of a band's own spread is as good as none."""
STRETCH_FRAMES = 16
"""Half a second at the default front end: as long as a short knock with its echo."""
STRETCH_STEP_FRAMES = 4
LEAST_WINDOWS = 10


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


def require_windows(windows: int, least: int, sound: str) -> None:
    """Refuse to fit a head to fewer than `least` windows of `sound`, which stands in the sentence.

    Raises:
        TrainingError: There are too few windows.
    """
    if windows < least:
        raise TrainingError(
            f"scoring head: {windows} windows of {sound} are too few to fit it; give at least {least}"
        )


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
    require_windows(sum(len(whole) for whole, _ in features), LEAST_WINDOWS, "normal sound")
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
