"""What every frozen encoder has in common, and where the weights of packages lie."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.models.reconstructor import Batches

Levels = tuple[Tensor, Tensor, Tensor]
"""Three feature maps, shallow to deep, each of shape (n, channels, rows, columns)."""


class Encoder(nn.Module, ABC):
    """Gives three levels of features, and never learns from the training of what stands on it.

    A subclass calls freeze() when its weights are in place. It stays in evaluation mode whatever mode the
    model around it is in, so that batch norm keeps the statistics that it came with.
    """

    def __init__(self, channels: tuple[int, int, int], strides: tuple[int, int, int]) -> None:
        super().__init__()
        self.channels = channels
        """Of each level, shallow to deep."""
        self.strides = strides
        """Bins of the window for each position of a level, along both axes; each doubles the one before."""

    @abstractmethod
    def forward(self, x: Tensor) -> Levels:
        """Return the levels of standardised log-mel (n, mel, frames), at its size divided by each stride.

        Only operations that ONNX opset 17 has; mel and frames are multiples of the deepest stride.
        """

    def pretrain(self, windows: Batches, generator: torch.Generator) -> None:
        """Learn from normal sound before being frozen for good; those that come with weights do nothing.

        `windows` gives other windows in another order at each call; `generator` lives on the CPU.
        """
        del windows, generator

    def freeze(self) -> None:
        """Take the weights out of every training to come."""
        self.requires_grad_(requires_grad=False)
        self.eval()

    def train(self, mode: bool = True) -> Encoder:  # noqa: FBT001, FBT002 - torch's own signature
        """Stay in evaluation mode."""
        del mode
        super().train(mode=False)
        return self


def file_of_package(package: str, inside: str, install: str) -> Path:
    """Return where a file of an installed package lies, without running any of the package.

    Raises:
        TrainingError: The package or the file is not there; the text has the line `install`.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (path := Path(folder) / inside).is_file():
            return path
    raise TrainingError(
        f"the weights of this encoder are in the Python package {package}, which is not installed: {install}"
    )
