"""TAUGHT: the recommended recipe with a judge beside it that has learned from labelled anomalies.

    mdae (training.models.mdae)   knows normal sound, and says how far a window strays from it
    dra (training.models.dra)     has heard labelled anomalies, and says how much a window is like them

Neither shares a weight with the other. Reconstruction and error map are those of mdae, and so is the score,
but where the judge speaks: see training.heads.labelled. So what nobody has labelled is found as it was
without labels.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from training.losses import PerBinLoss
from training.models.dra import DraDetector
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.reconstructor import Batches, Comparison, Reconstructor, TrainingSound

TAUGHT = "taught"


class TaughtDetector(Reconstructor):
    """Both as one graph; each is trained by itself before (training.taught)."""

    kind: ClassVar[str] = TAUGHT
    loss_meaning: ClassVar[str] = "the recipe's own, without its judge; compare it with another mdae's only"

    def __init__(self, recipe: MaskedDenoisingAutoencoder, judge: DraDetector) -> None:
        super().__init__()
        self.recipe = recipe
        self.judge = judge
        judge.heads.uses_seen = True

    def take_in(self, sound: TrainingSound) -> None:
        """Hand on what each needs; only the judge hears labelled anomalies."""
        self.recipe.take_in(sound._replace(anomalies=sound.anomalies[:0]))
        self.judge.take_in(sound)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the sum of both losses."""
        return self.recipe.training_loss(x, loss, generator) + self.judge.training_loss(x, loss, generator)

    def settle(self, normal: Batches) -> None:
        """Settle both."""
        self.recipe.settle(normal)
        self.judge.settle(normal)

    def forward(self, x: Tensor) -> Tensor:
        """Return the recipe's reconstruction, shape (n, mel, frames)."""
        cleaned: Tensor = self.recipe(x)
        return cleaned

    def compare(self, x: Tensor) -> Comparison:
        """Return the recipe's comparison with what the judge says."""
        return self.recipe.compare(x)._replace(verdict=self.judge.likeness(x))
