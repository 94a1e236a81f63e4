"""Random numbers for a batch, always drawn on the CPU, so that a seed means the same on every device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws one value a window, shaped (n, 1, 1) so that it meets (n, mel, frames)."""

    generator: torch.Generator
    """On the CPU."""
    windows: int
    """How many windows, n."""
    device: torch.device
    """Where the values are wanted."""

    def uniform(self, low: float, high: float) -> Tensor:
        """Return values from `low` to `high`, shape (n, 1, 1)."""
        return self.noise(1, 1) * (high - low) + low

    def log_uniform(self, low: float, high: float) -> Tensor:
        """Return values from `low` to `high` that are uniform in their logarithm, shape (n, 1, 1)."""
        return low * (high / low) ** self.noise(1, 1)

    def sign(self) -> Tensor:
        """Return -1 or 1, shape (n, 1, 1)."""
        return torch.where(self.chance(0.5), 1.0, -1.0)

    def chance(self, probability: float) -> Tensor:
        """Return True with this probability, shape (n, 1, 1)."""
        return self.noise(1, 1) < probability

    def noise(self, rows: int, columns: int) -> Tensor:
        """Return values from 0 to 1, shape (n, rows, columns)."""
        return torch.rand((self.windows, rows, columns), generator=self.generator).to(self.device)

    def curve(self, length: int, *, knots: tuple[int, ...] = (3, 6, 12)) -> Tensor:
        """Return smooth curves through normal values at a few even knots, shape (n, length)."""
        curves = []
        for count in knots:
            values = torch.randn((self.windows, 1, count), generator=self.generator)
            curves.append(nn.functional.interpolate(values, length, mode="linear", align_corners=True))
        drawn = torch.randint(len(knots), (self.windows,), generator=self.generator)
        return torch.stack(curves)[drawn, torch.arange(self.windows), 0].to(self.device)

    def place(self, room: Tensor) -> Tensor:
        """Return whole numbers from 0 to `room` (inclusive), shape (n, 1, 1) as given."""
        return torch.floor(self.noise(1, 1) * (room + 1)).clamp_max(room)


def bands_of(windows: Tensor) -> Tensor:
    """Return 0, 1, ... along the bands, shape (1, mel, 1)."""
    return torch.arange(windows.shape[1], device=windows.device, dtype=windows.dtype).reshape(1, -1, 1)


def frames_of(windows: Tensor) -> Tensor:
    """Return 0, 1, ... along the frames, shape (1, 1, frames)."""
    return torch.arange(windows.shape[2], device=windows.device, dtype=windows.dtype).reshape(1, 1, -1)
