"""Skip-CAE-Transformer as an AE: the network of "Toward Faithful Explanations in Acoustic Anomaly Detection".

M. Elrashid et al., ICASSP 2026 (arXiv 2601.12660); the net is described by the authors' code.

From the source: 3 x 3 convolutions with leaky ReLU, widths 2, 2, 4, 4 | 8, 8 | 16, 16 | 32, 32 | 64, 64 with
max pooling between; before each pooling the outputs of the last two convolutions and a copy of the stage's
input, its channels filled up with zeros, are summed and normalised. At the fourth level the tokens of one
transformer layer are the 32 channels, each the flattened map, and a linear layer over time takes the skip
sum. Decoding mirrors it with transposed convolutions, and one transformer layer attends to the encoder's
fourth level: the only path around the bottleneck. Transformer layers have 2048 inside and dropout 0.1.

Adapted: windows of 128 x 64 give tokens of 16 x 8 = 128 numbers instead of 10 x 50, which ten heads do not
divide: the most heads up to ten that do (8) are taken. Sizes must be multiples of 16, so that the source's
final bilinear resizing is not needed. Input is standardised. Not described, hence ours: how the transformer's
output and the linear layer's come together (summed, then batch norm); that each stage of the decoder sums its
two convolutions only; that the bottleneck's pair is summed and normalised like the others.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over
from training.models.attention import TransformerLayer
from training.models.reconstructor import Reconstructor

SLOPE = 0.01
REDUCTION = 16
LEVEL_4_CHANNELS = 32


class ConvolutionPair(nn.Module):
    """Two convolutions, whose outputs are summed with the input where it is not wider than they are."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.narrower = before <= after
        self.channels = before
        self.first = _convolution(before, after)
        self.second = _convolution(after, after)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum and the second convolution's output, shapes (n, after, height, width)."""
        first = self.first(maps)
        second = self.second(first)
        total = first + second
        return (_with_skip(total, maps, self.channels) if self.narrower else total), second


class EncoderStage(nn.Module):
    """A pair of convolutions, its skip sum normalised."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.pair = ConvolutionPair(before, after)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        """Return shape (n, after, height, width) from (n, before, height, width)."""
        normalised: Tensor = self.norm(self.pair(maps)[0])
        return normalised


class FirstStage(nn.Module):
    """Four convolutions, 2, 2, 4 and 4 channels wide; only the last two are summed with the input."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Sequential(_convolution(1, 2), _convolution(2, 2))
        self.third = _convolution(2, 4)
        self.fourth = _convolution(4, 4)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, maps: Tensor) -> Tensor:
        """Return shape (n, 4, mel, frames) from (n, 1, mel, frames)."""
        third = self.third(self.narrow(maps))
        normalised: Tensor = self.norm(_with_skip(third + self.fourth(third), maps, 1))
        return normalised


class FourthStage(nn.Module):
    """Lets the channels attend to each other, and the frames mix."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.pair = ConvolutionPair(16, LEVEL_4_CHANNELS)
        self.attention = TransformerLayer(LEVEL_4_CHANNELS, height * width)
        self.over_time = nn.Linear(width, width)
        self.norm = nn.BatchNorm2d(LEVEL_4_CHANNELS)

    def forward(self, maps: Tensor) -> Tensor:
        """Return shape (n, 32, height, width) from (n, 16, height, width)."""
        total, second = self.pair(maps)
        attended = _maps_from_tokens(
            self.attention(_tokens_from_maps(second, self.height * self.width)), self.height, self.width
        )
        mixed = nn.functional.leaky_relu(self.over_time(total), SLOPE)
        normalised: Tensor = self.norm(attended + mixed)
        return normalised


class DecoderStage(nn.Module):
    """A pair of convolutions, its sum normalised, then twice the height and width."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.stage = EncoderStage(before, after)
        self.up = nn.ConvTranspose2d(after, after, 2, stride=2)

    def forward(self, maps: Tensor) -> Tensor:
        """Return shape (n, after, 2 height, 2 width) from (n, before, height, width)."""
        doubled: Tensor = self.up(self.stage(maps))
        return doubled


class SkipTransformerAutoencoder(Reconstructor):
    """Reconstructs the whole window from 64 channels at a sixteenth and attention to 32 at an eighth."""

    kind: ClassVar[str] = "skip_transformer"

    def __init__(self, mel: int, frames: int) -> None:
        super().__init__()
        if mel % REDUCTION or frames % REDUCTION:
            raise TrainingError(
                f"a window of {mel} x {frames} cannot be halved four times; give multiples of {REDUCTION}"
            )
        height, width = self.height, self.width = mel // 8, frames // 8
        halve = nn.MaxPool2d(2)
        self.to_level_4 = nn.Sequential(
            FirstStage(),
            halve,
            EncoderStage(4, 8),
            halve,
            EncoderStage(8, 16),
            halve,
            FourthStage(height, width),
        )
        self.bottleneck = nn.Sequential(halve, EncoderStage(LEVEL_4_CHANNELS, 64))
        self.up_to_level_4 = nn.ConvTranspose2d(64, LEVEL_4_CHANNELS, 2, stride=2)
        self.recall = TransformerLayer(LEVEL_4_CHANNELS, height * width, recalls=True)
        self.from_level_4 = nn.Sequential(
            DecoderStage(LEVEL_4_CHANNELS, 16), DecoderStage(16, 8), DecoderStage(8, 4), _convolution(4, 4)
        )
        self.output = nn.Conv2d(4, 1, 3, padding=1)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the mean loss over all bins. Dropout draws from torch's global generator."""
        del generator
        return mean_over(loss(self(x), x))

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of x, shape (n, mel, frames)."""
        level_4 = self.to_level_4(x.unsqueeze(1))
        decoded = self.up_to_level_4(self.bottleneck(level_4))
        size = self.height * self.width
        recalled = self.recall(_tokens_from_maps(decoded, size), _tokens_from_maps(level_4, size))
        maps = _maps_from_tokens(recalled, self.height, self.width)
        reconstruction: Tensor = self.output(self.from_level_4(maps))
        return reconstruction.squeeze(1)


def _with_skip(total: Tensor, maps: Tensor, channels: int) -> Tensor:
    """Return `total` with all `channels` of `maps` added to its first ones."""
    return torch.cat((total[:, :channels] + maps, total[:, channels:]), dim=1)


def _tokens_from_maps(maps: Tensor, size: int) -> Tensor:
    """Return one token a channel, shape (n, 32, height x width), from (n, 32, height, width)."""
    return maps.reshape(-1, LEVEL_4_CHANNELS, size)


def _maps_from_tokens(tokens: Tensor, height: int, width: int) -> Tensor:
    """Return shape (n, 32, height, width) from (n, 32, height x width)."""
    return tokens.reshape(-1, LEVEL_4_CHANNELS, height, width)


def _convolution(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(SLOPE))
