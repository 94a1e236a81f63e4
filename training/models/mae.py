"""MAE: a masked autoencoder, which fills in patches of the window from what surrounds them.

Scored with K complementary masks: every patch is hidden exactly once, and the reconstruction is put
together from what each pass filled in. The masks are constants of the graph, so that one call of an engine
does all K passes. The paper (arXiv 2601.12660) scores without masks, on which its network was never trained;
`scored="unmasked"` does that, in one pass, to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.convolutional import ConvolutionalCoder
from training.models.masks import PatchGrid, complementary_masks, random_masks
from training.models.reconstructor import Reconstructor

MASK_SEED = 1_986
"""The K masks are the same for every model of the same grid, whatever its training seed."""
SCORED = ("masked", "unmasked")
"""What a window is judged by: with every patch hidden once, or with none hidden."""


class MaskedAutoencoder(Reconstructor):
    """Fills hidden patches in; sees the window with zeros there (the mean, as input is standardised)."""

    kind: ClassVar[str] = "mae"

    def __init__(
        self,
        grid: PatchGrid,
        *,
        masks: int = 4,
        training_ratio: float = 0.5,
        widths: Sequence[int] = (32, 64, 96, 128),
        scored: str = "masked",
    ) -> None:
        super().__init__()
        if scored not in SCORED:
            raise TrainingError(f"scored {scored!r} is not known: give {' or '.join(SCORED)}")
        if not 0.0 < training_ratio < 1.0:
            raise TrainingError(f"a mask ratio of {training_ratio} is not between 0 and 1; give 0.5 or so")
        self.scored = scored
        """One of SCORED; it changes no weight, and may be changed after the training."""
        self.grid = grid
        self.training_ratio = training_ratio
        # the second channel says where patches are hidden, so that a hidden bin and an average one differ
        self.coder = ConvolutionalCoder(in_channels=2, widths=widths)
        generator = torch.Generator().manual_seed(MASK_SEED)
        self.masks: Tensor
        self.register_buffer("masks", complementary_masks(grid, masks, generator))

    def fill_in(self, x: Tensor, masks: Tensor) -> Tensor:
        """Return what the network makes of x with masks hidden; shapes (n, mel, frames)."""
        visible = 1.0 - masks
        reconstruction: Tensor = self.coder(torch.stack((x * visible, masks), dim=1))
        return reconstruction

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss over hidden bins, with other patches hidden in each window."""
        masks = random_masks(self.grid, len(x), self.training_ratio, generator).to(x.device)
        return mean_over(loss(self.fill_in(x, masks), x), masks)

    def forward(self, x: Tensor) -> Tensor:
        """Return each bin as filled in by the pass that hid it, shape (n, mel, frames).

        Scored unmasked: as the one pass returns it that saw all.
        """
        if self.scored == "unmasked":
            return self.fill_in(x, torch.zeros_like(x))
        count, mel, frames = self.masks.shape
        hidden = self.masks.unsqueeze(0)
        visible = x.unsqueeze(1) * (1.0 - hidden)
        # zeros_like(visible) + hidden repeats the masks for every window whatever the batch
        pair = torch.stack((visible, torch.zeros_like(visible) + hidden), dim=2)
        filled: Tensor = self.coder(pair.reshape(-1, 2, mel, frames))
        return (filled.reshape(-1, count, mel, frames) * hidden).sum(1)
