"""MDAE: a denoising and a masked autoencoder side by side, which miss different things.

The denoiser (training.models.dae) shows what is wrong, and where; the masked autoencoder
(training.models.mae) says how far the window strays from what its own surroundings predict. Each learns by
itself: their losses are added, and no weight is shared. The reconstruction and the error map are the
denoiser's; the scoring head also sees what the masked autoencoder left unexplained.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from training.losses import PerBinLoss
from training.models.dae import HEADS_OF_DENOISERS, DenoisingAutoencoder
from training.models.mae import MaskedAutoencoder
from training.models.reconstructor import Comparison, Reconstructor, TrainingSound


class MaskedDenoisingAutoencoder(Reconstructor):
    """Both, trained at once and exported as one graph."""

    kind: ClassVar[str] = "mdae"
    loss_meaning: ClassVar[str] = "the sum of two nets' losses; compare it with another mdae's only"
    scoring_heads: ClassVar[tuple[str, ...] | None] = HEADS_OF_DENOISERS

    def __init__(self, denoiser: DenoisingAutoencoder, masked: MaskedAutoencoder) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.masked = masked

    def take_in(self, sound: TrainingSound) -> None:
        """Hand on what the denoiser needs."""
        super().take_in(sound)
        self.denoiser.take_in(sound)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the sum of both losses."""
        masked = self.masked.training_loss(x, loss, generator)
        return masked + self.denoiser.training_loss(x, loss, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the denoiser's reconstruction, shape (n, mel, frames)."""
        cleaned: Tensor = self.denoiser(x)
        return cleaned

    def compare(self, x: Tensor) -> Comparison:
        """Return the denoiser's comparison with the masked autoencoder's residual."""
        return self.denoiser.compare(x)._replace(residual=x - self.masked(x))
