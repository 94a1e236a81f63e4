"""Frozen encoders for HFRAE, one file each, and the table of their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from training.errors import TrainingError
from training.models.encoders.aisfx import AisfxEncoder
from training.models.encoders.efficientnet_lite0 import EfficientNetLite0Encoder
from training.models.encoders.encoder import Encoder
from training.models.encoders.own import OwnEncoder
from training.models.masks import PATCH, PatchGrid

__all__ = ["ENCODERS", "Encoder", "make_encoder"]


def _efficientnet_lite0(mel: int, frames: int, widths: Sequence[int]) -> Encoder:
    del mel, frames, widths  # its weights fix all
    return EfficientNetLite0Encoder()


def _aisfx(mel: int, frames: int, widths: Sequence[int]) -> Encoder:
    del mel, frames, widths
    return AisfxEncoder()


def _own(mel: int, frames: int, widths: Sequence[int]) -> Encoder:
    return OwnEncoder(PatchGrid(mel, frames, *PATCH), widths=widths)


ENCODERS: dict[str, Callable[[int, int, Sequence[int]], Encoder]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "aisfx": _aisfx,
    "own": _own,
}
"""Name -> makes it for windows of (mel, frames) with these widths, where its weights do not fix them."""


def make_encoder(name: str, *, mel: int, frames: int, widths: Sequence[int]) -> Encoder:
    """Return an encoder with its frozen weights; `own` gets its own in pretrain().

    Raises:
        TrainingError: The name is not known, or the package with the weights is missing.
    """
    if name not in ENCODERS:
        raise TrainingError(f"encoder {name!r} is not known; known are {', '.join(ENCODERS)}")
    return ENCODERS[name](mel, frames, widths)
