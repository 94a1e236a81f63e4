"""Patch masks: which tiles of a window the MAE has to fill in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.errors import TrainingError

PATCH = (16, 4)
"""Bands and frames: an eighth of the bands by an eighth of a second did best in trials of mae (LOG.md)."""


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """How a window is cut into rectangular patches."""

    mel: int
    """Mel bands of a window."""
    frames: int
    """Frames of a window."""
    patch_mel: int
    """Height of a patch in bands."""
    patch_frames: int
    """Width of a patch in frames."""

    def __post_init__(self) -> None:
        if self.mel % self.patch_mel or self.frames % self.patch_frames:
            raise TrainingError(
                f"patches of {self.patch_mel} x {self.patch_frames} do not tile a window of "
                f"{self.mel} x {self.frames}; choose divisors"
            )

    @property
    def rows(self) -> int:
        """Patches over the mel axis."""
        return self.mel // self.patch_mel

    @property
    def columns(self) -> int:
        """Patches over the time axis."""
        return self.frames // self.patch_frames

    @property
    def patches(self) -> int:
        """Patches of a window."""
        return self.rows * self.columns

    def bins_from_patches(self, patches: Tensor) -> Tensor:
        """Return shape (k, mel, frames) from one value per patch, shape (k, patches)."""
        grid = patches.reshape(-1, self.rows, self.columns)
        return grid.repeat_interleave(self.patch_mel, 1).repeat_interleave(self.patch_frames, 2)


def complementary_masks(grid: PatchGrid, masks: int, generator: torch.Generator) -> Tensor:
    """Return 0/1 masks of shape (masks, mel, frames) of which exactly one is 1 at every bin.

    Patches are dealt at random, equally to all masks as far as their number divides.

    Raises:
        TrainingError: There are fewer patches than masks, or fewer than two masks.
    """
    if not 2 <= masks <= grid.patches:
        raise TrainingError(
            f"{masks} complementary masks of {grid.patches} patches: give at least 2, at most one per patch"
        )
    order = torch.randperm(grid.patches, generator=generator)
    owner = torch.empty(grid.patches, dtype=torch.long)
    owner[order] = torch.arange(grid.patches) % masks
    one_hot = torch.nn.functional.one_hot(owner, masks).T.float()
    return grid.bins_from_patches(one_hot)


def random_masks(grid: PatchGrid, n: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Return 0/1 masks of shape (n, mel, frames), each hiding the same share of patches, drawn anew."""
    hidden = max(1, round(ratio * grid.patches))
    ranks = torch.rand(n, grid.patches, generator=generator).argsort(1).argsort(1)
    return grid.bins_from_patches((ranks < hidden).float())
