"""MemAE: an autoencoder whose decoder sees only what a memory of normal sound gives back.

D. Gong et al.: Memorizing Normality to Detect Anomaly, ICCV 2019 (arXiv 1904.02639), and the authors' code.

From the source: every position of the encoder's map is a query; softmax addressing; hard shrinkage, then L1
renormalisation; the decoder sees nothing else; entropy loss with weight 2e-4; first items uniform in
+-1/sqrt(channels). The paper addresses by cosine, its code by inner product; both are here.

Our proposals: a learnable temperature for the cosine, without which weights can hardly differ; the nearest
item where shrinkage would leave none; a ramp in place of the step of shrinkage (see SHRINKAGE_RAMP); an
embedding of the frequency row added to the query, because the same texture may be normal in one band and not
in another; 128 items, limit 2/128 and 64 channels at an eighth of the resolution, for windows of 128 x 64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.convolutional import LEAK, ConvolutionalCoder
from training.models.reconstructor import Reconstructor

SHRINKAGE_RAMP = 0.1
"""The epsilon of the shrinkage, relative to its limit; 1e-12 absolute in the source.

With the source's value a weight that crosses the limit by a rounding makes the map jump, so that engines with
the same weights may disagree, most of all in half precision (LOG.md). With this one a weight at 1.1 times
the limit counts half.
"""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """How a memory is built and addressed."""

    items: int = 128
    """Rows of the memory, N."""
    channels: int = 64
    """Length of a row and of a query, C."""
    shrinkage: float = 2.0
    """Weights up to this many times 1/N become 0; the paper recommends 1 to 3. 0 leaves the memory dense."""
    addressing: Literal["cosine", "inner_product"] = "cosine"
    """What is compared by softmax."""
    temperature: float = 10.0
    """Factor on the cosine at the start; learned. Inner products have none."""
    row_embedding: bool = True
    """Whether a query knows its frequency row."""
    entropy_weight: float = 2e-4
    """Factor on the mean entropy of the weights, relative to a loss near 1 in standardised units."""
    bypassed: bool = False
    """Whether queries go to the decoder as they are: the same net without a memory, to compare with."""

    def __post_init__(self) -> None:
        if self.addressing not in {"cosine", "inner_product"}:
            raise TrainingError(f"addressing {self.addressing!r} is not known: give cosine or inner_product")
        if self.items < 2 or self.channels < 1 or not 0 <= self.shrinkage < self.items:
            raise TrainingError(
                f"a memory of {self.items} x {self.channels} with shrinkage {self.shrinkage}: give at least "
                "2 items, 1 channel and a shrinkage from 0 to below the number of items"
            )
        if self.temperature <= 0 or self.entropy_weight < 0:
            raise TrainingError(
                f"temperature {self.temperature} must be above 0 and entropy_weight {self.entropy_weight} "
                "not below it"
            )

    @property
    def limit(self) -> float:
        """The weight up to which shrinkage gives 0, lambda."""
        return self.shrinkage / self.items


def memory_settings(name: str) -> MemorySettings:
    """Return the settings of a `sparse` memory, which we recommend, a `dense` one, or `none`.

    Raises:
        TrainingError: The name is none of these.
    """
    if name not in MEMORIES:
        raise TrainingError(f"memory {name!r} is not known: give {', '.join(MEMORIES)}")
    return MEMORIES[name]


MEMORIES = {
    "sparse": MemorySettings(),
    "dense": MemorySettings(shrinkage=0.0),
    "none": MemorySettings(bypassed=True),
}
"""Name -> settings; they differ in nothing but the memory."""


def shrink(weights: Tensor, limit: float) -> Tensor:
    """Return weights of which those up to `limit` are 0 and each row's sum is 1, shape (..., N) as given.

    The source's relu(w - limit) * w / (|w - limit| + epsilon), then L1. Where that leaves nothing of a row,
    its largest weight becomes 1, shared among equals: a row of zeros would decode alike for any input.
    Learning sees the gradient of the dense weights there: untrained inner products are all alike, and without
    it the encoder would never learn to tell items apart.
    """
    above = torch.relu(weights - limit)
    kept = above * weights / (above + max(SHRINKAGE_RAMP * limit, TINY))  # |w - limit| where it counts
    strongest = weights.amax(-1, keepdim=True)
    nearest = (weights >= strongest).to(weights.dtype) + (weights - weights.detach())
    kept = torch.where(strongest > limit, kept, nearest)
    return kept / kept.sum(-1, keepdim=True).clamp_min(TINY)


def entropy(weights: Tensor) -> Tensor:
    """Return the entropy in nats over the last axis, shape (...) from (..., N)."""
    return -(weights * torch.log(weights + TINY)).sum(-1)


class Memory(nn.Module):
    """Gives back mixtures of few learned items, whatever it is asked."""

    def __init__(self, settings: MemorySettings) -> None:
        super().__init__()
        self.settings = settings
        bound = 1.0 / math.sqrt(settings.channels)
        self.items = nn.Parameter(torch.empty(settings.items, settings.channels).uniform_(-bound, bound))
        if settings.addressing == "cosine":
            self.log_temperature = nn.Parameter(torch.tensor(math.log(settings.temperature)))

    def addresses(self, queries: Tensor) -> Tensor:
        """Return the weight of each item after shrinkage, shape (..., N) from (..., C)."""
        if self.settings.addressing == "cosine":
            likeness = _unit(queries) @ _unit(self.items).T * self.log_temperature.exp()
        else:
            likeness = queries @ self.items.T
        return shrink(torch.softmax(likeness, -1), self.settings.limit)

    def read(self, addresses: Tensor) -> Tensor:
        """Return the mixtures of items, shape (..., C) from (..., N)."""
        return addresses @ self.items


def _unit(vectors: Tensor) -> Tensor:
    return vectors / torch.sqrt(vectors.square().sum(-1, keepdim=True) + TINY)


class MemoryAutoencoder(Reconstructor):
    """Reconstructs from a memory that was filled with normal sound, so that it cannot carry anything else."""

    kind: ClassVar[str] = "memae"

    def __init__(
        self, mel: int, *, widths: Sequence[int] = (32, 64, 96), memory: MemorySettings | None = None
    ) -> None:
        super().__init__()
        self.settings = memory if memory is not None else MemorySettings()
        channels = self.settings.channels
        self.coder = ConvolutionalCoder(widths=widths)
        self.to_query = nn.Conv2d(widths[-1], channels, 1)
        self.memory = Memory(self.settings)
        self.from_memory = nn.Sequential(
            nn.Conv2d(channels, widths[-1], 1, bias=False), nn.BatchNorm2d(widths[-1]), nn.LeakyReLU(LEAK)
        )
        if self.settings.row_embedding:
            rows, bound = mel // self.coder.reduction, 1.0 / math.sqrt(channels)
            self.rows = nn.Parameter(torch.empty(channels, rows, 1).uniform_(-bound, bound))

    def queries(self, x: Tensor) -> Tensor:
        """Return what the memory is asked, shape (n, rows, columns, C) from (n, mel, frames)."""
        queries: Tensor = self.to_query(self.coder.encoder(x.unsqueeze(1)))
        if self.settings.row_embedding:
            queries = queries + self.rows
        return queries.permute(0, 2, 3, 1)

    def addresses(self, x: Tensor) -> Tensor:
        """Return the weights of the items, shape (n, rows, columns, N) from (n, mel, frames)."""
        return self.memory.addresses(self.queries(x))

    def decode(self, remembered: Tensor) -> Tensor:
        """Return the reconstruction, shape (n, mel, frames) from mixtures (n, rows, columns, C)."""
        decoded: Tensor = self.coder.decoder(self.from_memory(remembered.permute(0, 3, 1, 2)))
        return decoded.squeeze(1)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss over all bins plus the weighted mean entropy of the addresses."""
        del generator
        if self.settings.bypassed:
            return mean_over(loss(self(x), x))
        addresses = self.addresses(x)
        sparsity = self.settings.entropy_weight * entropy(addresses).mean()
        return mean_over(loss(self.decode(self.memory.read(addresses)), x)) + sparsity

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of x, shape (n, mel, frames)."""
        queries = self.queries(x)
        if self.settings.bypassed:
            return self.decode(queries)
        return self.decode(self.memory.read(self.memory.addresses(queries)))

    @torch.no_grad()
    def usage(self, x: Tensor) -> float:
        """Return how many items these windows use, from 1 to N: exp of the entropy of their mean weights.

        Near 1 the memory has collapsed and every position decodes alike. Shape of x: (n, mel, frames).
        """
        mean_weights = self.addresses(x).mean((0, 1, 2)).double()
        return float(entropy(mean_weights).exp().clamp(1.0, self.settings.items))
