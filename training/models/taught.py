"""TAUGHT: the recommended recipe, whose denoiser has also learned to take labelled anomalies out.

The net is mdae's (training.models.mdae), so that it costs what the recipe costs. Trained as without labels,
its denoiser then goes on learning: half of the windows get the sound of a labelled anomaly, the others what
the recipe learned from. The masked autoencoder beside it stays as it is.

Nobody has the sound of a labelled anomaly alone; what the recipe's own denoiser would have taken out of the
labelled window stands for it. So only what it hears already, loud, is learned, to be heard when it is soft.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.dae import DenoisingAutoencoder
from training.models.mae import MaskedAutoencoder
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.reconstructor import TrainingSound
from training.pseudo.draws import Draws
from training.pseudo.labelled import excess_power, with_labelled

TAUGHT = "taught"
LABELLED_SHARE = 0.5
"""Of the windows in a batch: these get a labelled sound."""
BATCH_WINDOWS = 64
"""Labelled windows that the denoiser cleans at once."""


class TaughtDetector(MaskedDenoisingAutoencoder):
    """The recipe, and what its denoiser learns once there are labels; see training.taught."""

    kind: ClassVar[str] = TAUGHT
    loss_meaning: ClassVar[str] = (
        "what made and labelled anomalies leave behind; compare another taught's only"
    )

    def __init__(self, denoiser: DenoisingAutoencoder, masked: MaskedAutoencoder) -> None:
        super().__init__(denoiser, masked)
        masked.requires_grad_(requires_grad=False)
        self.labelled: Tensor
        self.register_buffer("labelled", torch.zeros(0), persistent=False)

    def take_in(self, sound: TrainingSound) -> None:
        """Take the power of the labelled sounds, as the recipe whose weights are here hears them.

        Raises:
            TrainingError: There are none, or the recipe would leave all of them as they are.
        """
        if not len(sound.anomalies):
            raise TrainingError(
                f"kind {TAUGHT} learns from labelled anomalies, and there is none; train mdae"
            )
        super().take_in(sound._replace(anomalies=sound.anomalies[:0]))
        self.eval()
        with torch.no_grad():
            heard = [
                excess_power(x * sound.std + sound.mean, self(x) * sound.std + sound.mean)
                for x in torch.split(sound.anomalies, BATCH_WINDOWS)
            ]
        power = torch.cat(heard)
        self.labelled = power[power.amax((1, 2)) > 0]
        if not len(self.labelled):
            raise TrainingError(
                "the recipe hears nothing in the labelled anomalies that is not normal; check their labels, "
                "or train mdae"
            )

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss of the cleaned windows against the ones before anything was put in."""
        mean, std = self.denoiser.mean, self.denoiser.std
        soiled = self.denoiser.soiled(x, generator)
        draws = Draws(generator, len(x), x.device)
        mixed = (with_labelled(x * std + mean, self.labelled, draws) - mean) / std
        soiled = torch.where(draws.chance(LABELLED_SHARE), mixed, soiled)
        return mean_over(loss(self(soiled), x))
