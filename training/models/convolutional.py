"""The convolutional encoder-decoder that AE and MAE share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

LEAK = 0.1
"""Slope of the activations below 0."""


class ConvolutionalCoder(nn.Module):
    """Halves (mel, frames) once per width and doubles it as often; no path around the narrowest place.

    Each stage is a convolution of stride 2 with batch norm and leaky ReLU; decoding mirrors it with
    transposed convolutions of kernel 4, whose kernels overlap evenly, so that there is no checkerboard.
    Without skip connections whatever comes out has gone through the narrowest map.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        widths: Sequence[int] = (32, 64, 96, 128),
        bottleneck: int | None = None,
    ) -> None:
        super().__init__()
        self.reduction = 2 ** len(widths)
        """Mel bands and frames must be multiples of this."""
        down: list[nn.Module] = []
        for before, after in zip((in_channels, *widths[:-1]), widths, strict=True):
            down += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), *_norm_and_bend(after)]
        if bottleneck is not None:
            down += [nn.Conv2d(widths[-1], bottleneck, 1), nn.Conv2d(bottleneck, widths[-1], 1)]
            down += _norm_and_bend(widths[-1])
        up: list[nn.Module] = []
        for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
            up += [
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
                *_norm_and_bend(after),
            ]
        up.append(nn.ConvTranspose2d(widths[0], 1, 4, stride=2, padding=1))
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*up)

    def forward(self, maps: Tensor) -> Tensor:
        """Return shape (n, mel, frames) from shape (n, in_channels, mel, frames)."""
        decoded: Tensor = self.decoder(self.encoder(maps))
        return decoded.squeeze(1)


def _norm_and_bend(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(LEAK)]
