"""DAE: a denoising autoencoder, which takes out of a window what does not belong to the machine.

Trained on normal windows into which something was put (training.pseudo): it learns to give back the window
as it was. What it takes out of a window is the error map: of normal sound nearly nothing, where an
autoencoder leaves all the noise that nobody can predict.

Denoising autoencoders are P. Vincent et al.'s (ICML 2008); that taking synthetic anomalies out finds real
ones was shown for pictures by V. Zavrtanik et al.: DRAEM (ICCV 2021). Neither's network nor noise is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.convolutional import LEAK
from training.models.reconstructor import Comparison, Reconstructor, TrainingSound
from training.pseudo import KINDS, make_pseudo

WIDTHS = (24, 48, 72, 96)
"""Channels at a half, a quarter, an eighth and a sixteenth of the resolution."""
SMOOTHED_FRAMES = 9
"""The error map is averaged over so many frames (.3 s): sounds last, and single frames err."""
CLEAN_SHARE = 0.15
"""Of the windows in a batch: these stay as they are, to be given back unchanged."""
KINDS_OF_PSEUDO = (*KINDS, "bursts", "voices", "voices", "foreign", "splice")
"""What is put in; a kind that stands twice is drawn twice as often."""
LEAST_DEVIATION = 1e-2
"""Of a band within a window, in its own standard deviations, before it is divided by it."""


HEADS_OF_DENOISERS = ("joint", "joint_coarse")
"""Having learned to take pseudo anomalies out, the map finds those better than anything else does, and would
win any choice by them. On sounds it has not learned, views of it and of the window are better (LOG.md)."""


class Cleaner(nn.Module):
    """Says by how much each bin is raised or lowered by what does not belong there; a small U-Net.

    It sees the window, the window against its own mean per band, that band's spread, and which band it is:
    the same sound is normal in one band and not in another.
    """

    def __init__(self, mel: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.reduction = 2 ** len(widths)
        """Mel bands and frames must be multiples of this."""
        self.bands: Tensor
        self.register_buffer("bands", torch.linspace(-1.0, 1.0, mel).reshape(1, 1, mel, 1))
        self.entry = _convolution(4, widths[0], kernel=5, stride=2)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(before, after, stride=2), _convolution(after, after))
            for before, after in pairs
        )
        self.narrow = nn.ModuleList(nn.Conv2d(after, before, 1) for before, after in reversed(pairs))
        self.up = nn.ModuleList(_convolution(before, before) for before, _ in reversed(pairs))
        self.exit = nn.Conv2d(widths[0], 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (n, mel, frames) from standardised windows of that shape."""
        maps = x.unsqueeze(1)
        centred = maps - maps.mean(3, keepdim=True)
        spread = (centred.square().mean(3, keepdim=True) + LEAST_DEVIATION**2).sqrt()
        nothing = torch.zeros_like(maps)
        level = self.entry(torch.cat((maps, centred / spread, nothing + spread, nothing + self.bands), dim=1))
        levels = []
        for stage in self.down:
            levels.append(level)
            level = stage(level)
        for narrow, up in zip(self.narrow, self.up, strict=True):
            level = up(nn.functional.interpolate(narrow(level), scale_factor=2.0) + levels.pop())
        return nn.functional.pixel_shuffle(self.exit(level), 2).squeeze(1)


class DenoisingAutoencoder(Reconstructor):
    """Reconstructs the window as it would be without what does not belong to the machine."""

    kind: ClassVar[str] = "dae"
    loss_meaning: ClassVar[str] = "what pseudo anomalies leave behind; compare it with another dae's only"
    scoring_heads: ClassVar[tuple[str, ...] | None] = HEADS_OF_DENOISERS

    def __init__(self, mel: int, frames: int, *, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.cleaner = Cleaner(mel, widths)
        if mel % self.cleaner.reduction or frames % self.cleaner.reduction:
            raise TrainingError(
                f"a window of {mel} x {frames} cannot be halved {len(widths)} times; give multiples of "
                f"{self.cleaner.reduction}"
            )
        self.mean: Tensor
        self.std: Tensor
        # known only while it is trained: sounds are added in power, for which the raw log-mel is needed
        self.register_buffer("mean", torch.zeros(mel, 1), persistent=False)
        self.register_buffer("std", torch.ones(mel, 1), persistent=False)

    def take_in(self, sound: TrainingSound) -> None:
        """Take the standardisation, for as long as it is trained."""
        super().take_in(sound)
        self.mean, self.std = sound.mean, sound.std

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss of the cleaned windows against the ones before anything was put in."""
        return mean_over(loss(self(self.soiled(x, generator)), x))

    def soiled(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the windows, most of them with a pseudo anomaly, shape (n, mel, frames)."""
        made = make_pseudo(x * self.std + self.mean, generator, kinds=KINDS_OF_PSEUDO)
        stays = (torch.rand(len(x), generator=generator) < CLEAN_SHARE).to(x.device)
        return torch.where(stays.reshape(-1, 1, 1), x, (made.windows - self.mean) / self.std)

    def forward(self, x: Tensor) -> Tensor:
        """Return the cleaned windows, shape (n, mel, frames)."""
        cleaned: Tensor = x - self.cleaner(x)
        return cleaned

    def compare(self, x: Tensor) -> Comparison:
        """Return what was taken out, squared and averaged over a third of a second."""
        taken_out = self.cleaner(x)
        error_map = nn.functional.avg_pool1d(
            taken_out.square(), SMOOTHED_FRAMES, 1, SMOOTHED_FRAMES // 2, count_include_pad=False
        )
        return Comparison(x, x - taken_out, error_map)


def _convolution(before: int, after: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(LEAK),
    )
