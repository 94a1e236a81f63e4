"""What every model that reconstructs log-mel has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.losses import PerBinLoss


class Reconstructor(nn.Module, ABC):
    """Says what normal sound would have been where it is given a window. Standardised units throughout."""

    kind: ClassVar[str]
    """The name that stands in bundles and commands."""

    @abstractmethod
    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return one number to be made small, for a batch of shape (n, mel, frames).

        `generator` lives on the CPU whatever the device, so that a seed means the same draws everywhere.
        """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction by which `x` is judged, same shape (n, mel, frames).

        It becomes part of the exported graph: only operations that ONNX opset 17 has, and no shape but
        the batch may depend on the input.
        """
