"""AE: a convolutional autoencoder whose narrow middle only has room for normal sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from training.losses import PerBinLoss, mean_over
from training.models.convolutional import ConvolutionalCoder
from training.models.reconstructor import Reconstructor


class Autoencoder(Reconstructor):
    """Reconstructs the whole window from a bottleneck of a few channels.

    The AE of arXiv 2601.12660 in training and scoring, on a smaller net without its transformer.
    """

    kind: ClassVar[str] = "ae"

    def __init__(self, *, widths: Sequence[int] = (32, 64, 96, 128), bottleneck: int = 16) -> None:
        super().__init__()
        self.coder = ConvolutionalCoder(widths=widths, bottleneck=bottleneck)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss over all bins; draws nothing."""
        del generator
        return mean_over(loss(self(x), x))

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of x, shape (n, mel, frames)."""
        reconstruction: Tensor = self.coder(x.unsqueeze(1))
        return reconstruction
