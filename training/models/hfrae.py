"""HFRAE: reconstructs what a frozen encoder sees in the window, on three levels, instead of the window.

H. Chen et al.: A Hierarchically Feature Reconstructed Autoencoder for Unsupervised Anomaly Detection, 2024
(arXiv 2405.09148). From the source: the encoder is pre-trained and frozen, the decoder alone learns, from
normal only; the loss is the sum over three levels; their residual maps are fused. What it says of backbone,
loss and fusion we could not read. The closest work with code, Reverse Distillation (H. Deng, X. Li,
CVPR 2022), gives the cosine loss for each level and the mirrored decoder behind a bottleneck.

Our proposals, for log-mel: features standardised per channel on normal sound, so that no channel's size
decides the cosine; a bottleneck that carries a quarter as many numbers as the window has bins and sees
the deepest level alone; cosine position by position; residuals as z-scores against normal sound, per
level and row, before the mean over levels; a blur of one frame in place of Gaussian sigma 4 pixels of 256.

The map is softplus(fused z): above 0 everywhere, .69 where the error is as ever, z itself far above. Squares
of z would make less error than usual look like more. The verdict on a window is the mean of its map, as in
the proposals for clips. Residual Mahalanobis on this map was at chance where the mean was not (LOG.md); why
was not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.losses import PerBinLoss, mean_over, squared_error
from training.models.convolutional import LEAK
from training.models.encoders.encoder import Encoder, Levels
from training.models.feature_levels import FeatureLevel, Moments, cosine_error
from training.models.reconstructor import Batches, Comparison, Reconstructor

BOTTLENECK_CHANNELS_MAX = 64
BOTTLENECK_SHARE = 0.25
"""Numbers that pass the bottleneck, for each bin of the window."""
READ_OUT_CHANNELS = 32


class LevelDecoder(nn.Module):
    """Makes all three levels from the deepest one, through a narrow place."""

    def __init__(self, channels: Sequence[int], widths: Sequence[int], bottleneck: int) -> None:
        """Make levels of `channels`, shallow to deep, with `widths` inside."""
        super().__init__()
        self.narrow = nn.Conv2d(channels[2], bottleneck, 1)
        stages: list[nn.Module] = [_stage(nn.Conv2d(bottleneck, widths[2], 3, padding=1, bias=False))]
        for before, after in ((widths[2], widths[1]), (widths[1], widths[0])):
            stages.append(_stage(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)))
        self.stages = nn.ModuleList(stages)
        """Deep to shallow."""
        self.to_features = nn.ModuleList(
            nn.Conv2d(width, count, 1) for width, count in zip(widths[::-1], channels[::-1], strict=True)
        )

    def forward(self, deepest: Tensor) -> Levels:
        """Return the levels, shallow to deep, from the standardised deepest one."""
        inside: Tensor = self.narrow(deepest)
        levels = []
        for stage, to_features in zip(self.stages, self.to_features, strict=True):
            inside = stage(inside)
            levels.append(to_features(inside))
        return cast("Levels", tuple(levels[::-1]))


def _stage(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.LeakyReLU(LEAK))


class HierarchicalFeatureAutoencoder(Reconstructor):
    """Judges by features; its log-mel `reconstruction` is a read-out for people and decides nothing.

    The read-out turns the shallowest reconstructed level into log-mel. It learns by squared error from
    features that are detached, so that no gradient of it reaches the decoder; the error map has no part
    of it.
    """

    kind: ClassVar[str] = "hfrae"
    loss_meaning: ClassVar[str] = "4.0: neither three levels nor the read-out reconstructed"

    def __init__(self, encoder: Encoder, mel: int, frames: int, *, widths: Sequence[int]) -> None:
        super().__init__()
        deepest = encoder.strides[2]
        if mel % deepest or frames % deepest or len(widths) < 3:
            raise TrainingError(
                f"hfrae: a window of {mel} x {frames} with widths {tuple(widths)}: sides must be "
                f"multiples of {deepest}, and 3 widths are needed"
            )
        self.encoder = encoder
        shapes = [(mel // stride, frames // stride) for stride in encoder.strides]
        self.levels = nn.ModuleList(
            FeatureLevel(count, shape, (mel, frames))
            for count, shape in zip(encoder.channels, shapes, strict=True)
        )
        fitting = int(BOTTLENECK_SHARE * deepest**2)
        self.decoder = LevelDecoder(encoder.channels, widths[-3:], min(fitting, BOTTLENECK_CHANNELS_MAX))
        self.read_out = nn.Sequential(
            nn.Conv2d(encoder.channels[0], READ_OUT_CHANNELS, 3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(READ_OUT_CHANNELS, encoder.strides[0] ** 2, 1),
            nn.PixelShuffle(encoder.strides[0]),
        )

    @property
    def feature_levels(self) -> list[FeatureLevel]:
        """The levels, shallow to deep."""
        return cast("list[FeatureLevel]", list(self.levels))

    def features(self, x: Tensor) -> Levels:
        """Return what the encoder sees in x (n, mel, frames), standardised, shallow to deep."""
        found = self.encoder(x)
        levels = (level.standardised(f) for level, f in zip(self.feature_levels, found, strict=True))
        return cast("Levels", tuple(levels))

    def errors(self, x: Tensor) -> tuple[Levels, Tensor]:
        """Return each level's error (n, rows, columns) and the shallowest reconstructed level."""
        wanted = self.features(x)
        found: Levels = self.decoder(wanted[2])
        errors = (cosine_error(w, f) for w, f in zip(wanted, found, strict=True))
        return cast("Levels", tuple(errors)), found[0]

    def z_maps(self, errors: Levels) -> Tensor:
        """Return each level's z-scores on the mel grid, shape (3, n, mel, frames)."""
        pairs = zip(self.feature_levels, errors, strict=True)
        return torch.stack([level.z_on_mel_grid(error) for level, error in pairs])

    def prepare(self, windows: Batches, generator: torch.Generator) -> None:
        """Let the encoder learn, where it comes without weights, and fit the features' standardisation."""
        self.encoder.pretrain(windows, generator)
        moments = [Moments((0, 2, 3)) for _ in self.levels]
        with torch.no_grad():
            for x in windows():
                for of_level, features in zip(moments, self.encoder(x), strict=True):
                    of_level.add(features)
        for level, of_level in zip(self.feature_levels, moments, strict=True):
            level.take_features(of_level)

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the sum of the levels' mean errors plus the read-out's mean squared error.

        `loss` is of bins, of which only the read-out knows; it stays with squared error.
        """
        del loss, generator
        errors, shallowest = self.errors(x)
        of_levels = errors[0].mean() + errors[1].mean() + errors[2].mean()
        return of_levels + mean_over(squared_error(self._read_out(shallowest.detach()), x))

    def _read_out(self, shallowest: Tensor) -> Tensor:
        logmel: Tensor = self.read_out(shallowest)
        return logmel.squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-mel as read out of the reconstructed features, shape (n, mel, frames)."""
        return self._read_out(self.errors(x)[1])

    def compare(self, x: Tensor) -> Comparison:
        """Return the read-out beside the fused map of the levels, whose mean is the verdict."""
        errors, shallowest = self.errors(x)
        error_map = self.fused(self.z_maps(errors))
        return Comparison(x, self._read_out(shallowest), error_map, verdict=error_map.mean((1, 2)))

    @staticmethod
    def fused(z_maps: Tensor) -> Tensor:
        """Return the map of all the levels given, shape (n, mel, frames) from (levels, n, mel, frames)."""
        return nn.functional.softplus(z_maps.mean(0))

    def settle(self, normal: Batches) -> None:
        """Fit what errors are normal, with the final weights."""
        moments = [Moments((0, 2)) for _ in self.levels]
        for x in normal():
            for of_level, errors in zip(moments, self.errors(x)[0], strict=True):
                of_level.add(errors)
        for level, of_level in zip(self.feature_levels, moments, strict=True):
            level.take_errors(of_level)
