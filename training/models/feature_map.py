"""Networks that turn windows into maps of features, for models that judge features and not bins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.models.convolutional import LEAK


class FeatureMap(nn.Module, ABC):
    """Maps standardised windows to features. One without a parameter to train counts as frozen."""

    channels: int
    """Of the map."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return shape (n, channels, rows, columns) from (n, mel, frames), for any even number of frames."""

    @property
    def is_frozen(self) -> bool:
        """Whether training leaves it as it is."""
        return not any(parameter.requires_grad for parameter in self.parameters())


class ConvolutionalFeatures(FeatureMap):
    """A small network to train along: a quarter of the frames, half the bands for each width.

    A second channel says which band it is, because the same sound may be normal in one and not in another.
    Kernels of 4 at stride 2 lie evenly about what they stand for, so that maps are right in time.
    """

    def __init__(self, mel: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.channels = widths[-1]
        self.bands: Tensor
        self.register_buffer("bands", torch.linspace(-1.0, 1.0, mel).reshape(1, mel, 1))
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(zip((2, *widths[:-1]), widths, strict=True)):
            kernel, stride = ((4, 4), (2, 2)) if stage < 2 else ((4, 3), (2, 1))
            layers += [
                nn.Conv2d(before, after, kernel, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(LEAK),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (n, channels, rows, columns) from (n, mel, frames)."""
        features: Tensor = self.layers(torch.stack((x, torch.zeros_like(x) + self.bands), dim=1))
        return features
