"""The four heads of DRA, which share a map of features; training.models.dra says where they come from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

HIDDEN = 64
"""Units of the normal head's inner layer; 256 in the source, whose map has 512 channels."""


class Judged(NamedTuple):
    """What the heads say of a batch at one scale."""

    scores: Tensor
    """By normal, seen, pseudo and residual head, not below 0, shape (n, 4)."""
    positions: Tensor
    """Where the last three see something, not below 0, shape (n, 3, rows, columns)."""


def top_mean(positions: Tensor, count: int) -> Tensor:
    """Return the mean of the `count` largest values of each map, shape (n, maps) from (n, maps, r, c)."""
    return positions.flatten(2).topk(count, dim=2).values.mean(2)


class DraHeads(nn.Module):
    """Judges maps of features: the normal head by their mean, the others by their strongest positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.uses_seen = False
        """Whether there is a seen head; without it its scores are 0."""
        self.normal = nn.Sequential(nn.Linear(channels, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        self.seen = nn.Conv2d(channels, 1, 1)
        self.pseudo = nn.Conv2d(channels, 1, 1)
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 1),
        )

    def forward(self, maps: Tensor, normal_map: Tensor, top: int) -> Judged:
        """Return the judgement of maps, shape (n, channels, rows, columns), by their `top` positions.

        `normal_map` is how the references look, shape (channels, rows, 1).
        """
        normal = self.normal(maps.mean((2, 3))).abs()
        pseudo, residual = self.pseudo(maps).abs(), self.residual(normal_map - maps).abs()
        seen = self.seen(maps).abs() if self.uses_seen else torch.zeros_like(pseudo)
        positions = torch.cat((seen, pseudo, residual), dim=1)
        return Judged(torch.cat((normal, top_mean(positions, top)), dim=1), positions)
