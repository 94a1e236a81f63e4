"""What every model that reconstructs log-mel has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss

Batches = Callable[[], Iterator[Tensor]]
"""Goes through standardised windows of normal sound, anew at each call, in batches of (n, mel, frames)."""


class Comparison(NamedTuple):
    """A batch of windows beside what the model makes of them. Standardised units."""

    x: Tensor
    """The windows, shape (n, mel, frames)."""
    reconstruction: Tensor
    """What normal sound would have been there, shape (n, mel, frames)."""
    error_map: Tensor
    """How wrong each bin is, not below 0, shape (n, mel, frames)."""
    verdict: Tensor | None = None
    """How unusual each window is, shape (n,), by a model that says it itself; else None."""
    residual: Tensor | None = None
    """x minus a prediction other than `reconstruction`, where there is one, shape (n, mel, frames)."""

    @property
    def unexplained(self) -> Tensor:
        """What is left of the windows, with its sign, shape (n, mel, frames)."""
        return self.x - self.reconstruction if self.residual is None else self.residual


class TrainingSound(NamedTuple):
    """What a model may know of the sound before it is trained."""

    mean: Tensor
    """Of each band, log10, shape (mel, 1): raw log-mel is x * std + mean."""
    std: Tensor
    """Of each band, log10, shape (mel, 1)."""
    references: Tensor
    """Some normal windows from all over the training sound, standardised, shape (n, mel, frames)."""
    anomalies: Tensor
    """Windows of labelled anomalies, standardised, shape (m, mel, frames); m is 0 where there are none."""


class Reconstructor(nn.Module, ABC):
    """Says what normal sound would have been where it is given a window. Standardised units throughout."""

    kind: ClassVar[str]
    """The name that stands in bundles and commands."""
    loss_meaning: ClassVar[str] = "1.0: no better than each band's mean"
    """What the validation loss can be held against, for reports."""
    scoring_heads: ClassVar[tuple[str, ...] | None] = None
    """Scoring heads among which pseudo anomalies may choose; None: all that suit the model."""

    def take_in(self, sound: TrainingSound) -> None:
        """Take what the model needs before it is trained; most models need nothing.

        Called once, before the weights move, also when a training goes on: what is taken must follow from the
        sound alone. Keep it in non-persistent buffers, so that it is in no checkpoint and in no bundle.

        Raises:
            TrainingError: There are labelled anomalies, and the model learns from normal sound only.
        """
        if len(sound.anomalies):
            raise TrainingError(
                f"a model of kind {self.kind} learns from normal sound only; leave --anomalies out, or train "
                "one of kind dra"
            )

    def prepare(self, windows: Batches, generator: torch.Generator) -> None:
        """Learn from the training sound what must be there before the training; most models need nothing.

        Each call of `windows` gives other windows in another order. Not called where a training is resumed:
        all that is learned here must be weights or buffers, which the checkpoint has.
        """
        del windows, generator

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

    def compare(self, x: Tensor) -> Comparison:
        """Return what `x` is judged by; the error map is squared error unless a model knows better."""
        reconstruction = self(x)
        return Comparison(x, reconstruction, torch.square(reconstruction - x))

    def settle(self, normal: Batches) -> None:
        """Fit to normal sound what needs the final weights; most models have nothing."""
        del normal
