"""A detector: standardisation, a model and a scoring head as one graph.

    logmel (n, mel, frames) -> score (n,), error_map (n, mel, frames), reconstruction (n, mel, frames)

Everything that turns log-mel into a score is inside, so that the daemon knows no model.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.heads.choice import ChosenHead
from training.models.design import ModelDesign
from training.models.reconstructor import Comparison, Reconstructor

STD_FLOOR = 0.05
"""In log10 units (half a decibel): a band that hardly ever changes must not become infinitely sensitive."""


class Standardiser(nn.Module):
    """Maps each mel band to mean 0 and standard deviation 1 over normal sound, and back."""

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean.reshape(-1, 1).float())
        self.register_buffer("std", std.reshape(-1, 1).float().clamp_min(STD_FLOOR))

    def forward(self, logmel: Tensor) -> Tensor:
        """Return standardised values of shape (n, mel, frames)."""
        return (logmel - self.mean) / self.std

    def restored(self, x: Tensor) -> Tensor:
        """Return log10 values from standardised ones, shape (n, mel, frames)."""
        return x * self.std + self.mean


class Detector(nn.Module):
    """The graph that a bundle holds."""

    def __init__(self, standardiser: Standardiser, reconstructor: Reconstructor, head: nn.Module) -> None:
        super().__init__()
        self.standardiser = standardiser
        self.reconstructor = reconstructor
        self.head = head
        """Maps a Comparison to a score (n,); see training.heads."""
        self.chosen_head: ChosenHead | None = None
        """How the head was chosen, for the manifest; None where it was given."""
        self.design: ModelDesign | None = None
        """What the reconstructor was made by, for the manifest; None where it was made by hand."""

    def compare(self, logmel: Tensor) -> Comparison:
        """Return what the model makes of raw log-mel, shape (n, mel, frames), in standardised units."""
        return self.reconstructor.compare(self.standardiser(logmel))

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (score, error_map, reconstruction) of raw log-mel, shape (n, mel, frames)."""
        found = self.compare(logmel)
        return self.head(found), found.error_map, self.standardiser.restored(found.reconstruction)
