"""Dense AE: the baseline of DCASE 2020 Task 2, a control that every table carries.

Y. Koizumi et al.: Description and Discussion on DCASE2020 Challenge Task 2 (arXiv 2006.05822), and the
baseline's code. From the source: five neighbouring frames as one vector; layers 128 x 4, 8, 128 x 4, each
with batch norm and ReLU; a linear output; squared error.

Ours: the input is standardised per band (not in the source). The source scores the mean squared error of the
vectors; here the reconstructions of a frame, up to five, are averaged first, inside the graph, so that this
control gives an error map like all others. Averaging makes errors smaller where the five disagree.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.reconstructor import Reconstructor

STACKED_FRAMES = 5
HIDDEN = 128
HIDDEN_LAYERS = 4
BOTTLENECK = 8


class DenseAutoencoder(Reconstructor):
    """Reconstructs five frames at a time from eight numbers; knows nothing of what came before or after."""

    kind: ClassVar[str] = "dense"

    def __init__(self, mel: int, frames: int) -> None:
        super().__init__()
        if frames < STACKED_FRAMES:
            raise TrainingError(
                f"a window of {frames} frames is too short for the dense AE; give at least {STACKED_FRAMES}"
            )
        self.mel = mel
        self.vectors = frames - STACKED_FRAMES + 1
        """Stacks of frames in a window."""
        sizes = [
            STACKED_FRAMES * mel,
            *[HIDDEN] * HIDDEN_LAYERS,
            BOTTLENECK,
            *[HIDDEN] * HIDDEN_LAYERS,
        ]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], sizes[0]))
        self.placement: Tensor
        """Share of each frame of each stack in each frame of the window, shape (vectors x 5, frames)."""
        self.register_buffer("placement", _placement(self.vectors, frames))

    def stacked(self, x: Tensor) -> Tensor:
        """Return the stacks of frames, shape (n, vectors, 5, mel) from (n, mel, frames)."""
        by_frame = x.transpose(1, 2)
        return torch.stack([by_frame[:, i : i + self.vectors] for i in range(STACKED_FRAMES)], dim=2)

    def reconstructed(self, stacks: Tensor) -> Tensor:
        """Return what the network makes of each stack by itself, same shape (n, vectors, 5, mel)."""
        flat: Tensor = self.layers(stacks.reshape(-1, STACKED_FRAMES * self.mel))
        return flat.reshape(-1, self.vectors, STACKED_FRAMES, self.mel)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss over all bins of all stacks, each stack judged by itself as in the source."""
        del generator
        stacks = self.stacked(x)
        return mean_over(loss(self.reconstructed(stacks), stacks))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of the reconstructions of each frame, shape (n, mel, frames)."""
        by_band = self.reconstructed(self.stacked(x)).permute(0, 3, 1, 2)
        return by_band.reshape(-1, self.mel, self.vectors * STACKED_FRAMES) @ self.placement


def _placement(vectors: int, frames: int) -> Tensor:
    """Return the matrix that averages what overlapping stacks say of a frame; its columns sum to 1."""
    frame_of_row = (torch.arange(vectors).unsqueeze(1) + torch.arange(STACKED_FRAMES)).flatten()
    placed = nn.functional.one_hot(frame_of_row, frames).float()
    return placed / placed.sum(0)
