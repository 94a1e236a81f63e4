"""aiSFX: a convolutional net that was trained to name sound effects, from libraries of film sound.

A. Ma, A. Lerch: Representation Learning for the Automatic Indexing of Sound Effects Libraries, ISMIR 2022.
Weights: PyPI package aisfx (CC BY 4.0: whoever passes on a bundle that holds them must name the authors). The
package is never imported: it pins numpy 1.23 and librosa .9, so it is installed without its dependencies,
and only its checkpoint is read. The network (four blocks of the DCASE cross-task baseline, arXiv 1808.00773)
is here up to its third block: the fourth stays at the same stride and is nearest to the naming.

It was trained on other pictures of sound than ours: 96 bands up to 22 kHz, 23 ms a frame,
log10(1 + 10000 power) / 9.46. Ours have 128 bands up to 8 kHz and 32 ms a frame, so a filter finds the same
texture at another place and pace.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.models.encoders.encoder import Encoder, Levels, file_of_package

PACKAGE = "aisfx"
FILE = "models/checkpoint.pth"
INSTALL = "pip install --no-deps aisfx"
INPUT_SCALE, INPUT_SHIFT = 0.184, 0.164
"""From standardised log-mel to the sound that it was trained on.

Read off its first batch norm: over its channels, running mean against the sum of the kernel gives a mean
of .164 (correlation .9997), running variance a deviation of .184 (neighbours correlated .95).
"""


class AisfxEncoder(Encoder):
    """Its first three blocks, each with its pooling."""

    def __init__(self) -> None:
        super().__init__(channels=(64, 128, 256), strides=(2, 4, 8))
        weights = _weights_of_checkpoint(file_of_package(PACKAGE, FILE, INSTALL))
        self.blocks = nn.ModuleList(
            Block(before, after)
            for before, after in zip((1, *self.channels[:-1]), self.channels, strict=True)
        )
        for index, block in enumerate(self.blocks, start=1):
            prefix = f"embedding_net.conv_block{index}."
            block.load_state_dict({key: weights[prefix + key] for key in block.state_dict()})
        self.freeze()

    def forward(self, x: Tensor) -> Levels:
        """Return (n, 64, mel/2, frames/2), (n, 128, mel/4, frames/4), (n, 256, mel/8, frames/8)."""
        # its pictures have time downwards, ours frequency
        features = (x * INPUT_SCALE + INPUT_SHIFT).unsqueeze(1).transpose(2, 3)
        shallow = self.blocks[0](features)
        middle = self.blocks[1](shallow)
        deep = self.blocks[2](middle)
        return shallow.transpose(2, 3), middle.transpose(2, 3), deep.transpose(2, 3)


class Block(nn.Module):
    """Two convolutions and a pooling that halves both axes."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, features: Tensor) -> Tensor:
        """Return shape (n, after, rows / 2, columns / 2)."""
        features = torch.relu(self.bn1(self.conv1(features)))
        return nn.functional.max_pool2d(torch.relu(self.bn2(self.conv2(features))), 2)


def _weights_of_checkpoint(path: Path) -> Mapping[str, Tensor]:
    """Return the weights; nothing in the file is run but the making of the integers beside them."""
    scalar = np.int64(0).__reduce__()[0]  # numpy's own maker of scalars, wherever this version has it
    allowed: list[Any] = [(scalar, "numpy.core.multiarray.scalar"), np.dtype, type(np.dtype(np.int64))]
    with torch.serialization.safe_globals(allowed):
        weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)[0]
    return weights
