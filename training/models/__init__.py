"""The models, one readable file each, and the table of their names.

All of them reconstruct standardised log-mel; training.detector makes detectors of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from training.errors import TrainingError
from training.models.ae import Autoencoder
from training.models.dense import DenseAutoencoder
from training.models.dra import DraDetector
from training.models.encoders import make_encoder
from training.models.feature_map import ConvolutionalFeatures
from training.models.hfrae import HierarchicalFeatureAutoencoder
from training.models.mae import MaskedAutoencoder
from training.models.masks import PatchGrid
from training.models.memae import MemoryAutoencoder
from training.models.reconstructor import Comparison, Reconstructor
from training.models.skip_cae_transformer import SkipTransformerAutoencoder

__all__ = ["ENCODER", "MODELS", "WIDTHS", "Comparison", "Reconstructor", "make_model"]


WIDTHS = (32, 64, 96, 128)
"""Channels of each stage of the convolutional models, for machines of which nothing is known."""
ENCODER = "efficientnet_lite0"
"""What hfrae stands on where nothing else is asked for; training.models.encoders has the others."""


def _ae(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    del mel, frames  # any multiple of 16 will do
    return Autoencoder(widths=widths)


def _mae(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    # an eighth of the bands by an eighth of a second did best in trials (LOG.md)
    grid = PatchGrid(mel, frames, patch_mel=16, patch_frames=4)
    return MaskedAutoencoder(grid, widths=widths)


def _memae(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    del frames
    return MemoryAutoencoder(mel, widths=widths[:3])  # the memory at an eighth of the resolution


def _dense(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    del widths  # a control has the sizes of its source
    return DenseAutoencoder(mel, frames)


def _skip_transformer(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    del widths
    return SkipTransformerAutoencoder(mel, frames)


def _dra(mel: int, frames: int, widths: Sequence[int]) -> Reconstructor:
    # three widths leave a map of 16 x 16 for windows of 128 x 64
    return DraDetector(mel, frames, features=ConvolutionalFeatures(mel, widths[:3]))


def _hfrae(mel: int, frames: int, widths: Sequence[int], encoder: str = ENCODER) -> Reconstructor:
    frozen = make_encoder(encoder, mel=mel, frames=frames, widths=widths)
    return HierarchicalFeatureAutoencoder(frozen, mel, frames, widths=widths)


MODELS: dict[str, Callable[[int, int, Sequence[int]], Reconstructor]] = {
    "ae": _ae,
    "mae": _mae,
    "memae": _memae,
    "dense": _dense,
    "skip_transformer": _skip_transformer,
    "hfrae": _hfrae,
    "dra": _dra,
}
"""Kind -> makes it for windows of (mel, frames) with these widths, where its source does not fix them."""


def make_model(
    kind: str, *, mel: int, frames: int, widths: Sequence[int] = WIDTHS, encoder: str | None = None
) -> Reconstructor:
    """Return a new model with freshly drawn weights; `encoder` names the frozen one that hfrae stands on.

    Raises:
        TrainingError: The kind or the encoder is not known, or the kind has no encoder to choose.
    """
    if kind not in MODELS:
        raise TrainingError(f"kind {kind!r} is not known; known are {', '.join(MODELS)}")
    if encoder is None:
        return MODELS[kind](mel, frames, widths)
    if kind != "hfrae":
        raise TrainingError(f"kind {kind!r} has no encoder to choose; leave {encoder!r} out or train hfrae")
    return _hfrae(mel, frames, widths, encoder)
