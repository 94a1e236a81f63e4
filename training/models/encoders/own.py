"""An encoder that is trained here, on the same normal sound, by filling in hidden patches.

The encoder half of a short MAE training (training.models.mae), frozen afterwards: needs no weights from
anywhere, and knows nothing but this machine. Our proposal, for where no pre-trained encoder can be had.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.errors import TrainingError
from training.losses import squared_error
from training.models.convolutional import ConvolutionalCoder
from training.models.encoders.encoder import Encoder, Levels
from training.models.mae import MaskedAutoencoder
from training.models.masks import PatchGrid
from training.models.reconstructor import Batches

EPOCHS = 8
"""Passes over the training sound before the encoder is frozen."""
LEARNING_RATE = 2e-3
"""At the start; falls to 1 % along a cosine, as in training.train."""
WEIGHT_DECAY = 1e-4
GRADIENT_NORM_MAX = 5.0
LAYERS = 3
"""Of each stage of a ConvolutionalCoder: convolution, norm, bend."""


class OwnEncoder(Encoder):
    """The last three stages of a convolutional encoder."""

    def __init__(self, grid: PatchGrid, *, widths: Sequence[int]) -> None:
        if len(widths) < 3:
            raise TrainingError(f"widths {tuple(widths)}: three levels of features need at least 3 stages")
        deepest = 2 ** len(widths)
        super().__init__((widths[-3], widths[-2], widths[-1]), (deepest // 4, deepest // 2, deepest))
        self.grid = grid
        self.widths = tuple(widths)
        self.stages: nn.Sequential = ConvolutionalCoder(widths=widths).encoder
        self.freeze()

    def forward(self, x: Tensor) -> Levels:
        """Return the levels, each half as high and as wide as the one before."""
        shallow = self.stages[: -2 * LAYERS](x.unsqueeze(1))
        middle = self.stages[-2 * LAYERS : -LAYERS](shallow)
        return shallow, middle, self.stages[-LAYERS:](middle)

    def pretrain(self, windows: Batches, generator: torch.Generator) -> None:
        """Take over the encoder of a masked autoencoder that is trained for this and thrown away."""
        model = MaskedAutoencoder(self.grid, widths=self.widths).to(next(self.parameters()).device).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS, LEARNING_RATE / 100)
        for _ in tqdm(range(EPOCHS), desc="pre-training the encoder", unit="epoch", disable=None):
            for x in windows():
                optimiser.zero_grad(set_to_none=True)
                model.training_loss(x, squared_error, generator).backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM_MAX)
                optimiser.step()
            schedule.step()
        learned = model.coder.encoder.state_dict()
        # nothing is hidden from here on: the kernel of the mask's channel would only ever meet zeros
        learned["0.weight"] = learned["0.weight"][:, :1]
        self.stages.load_state_dict(learned)
        self.freeze()
