"""The models, one readable file each, and the table of their names.

All of them reconstruct standardised log-mel; training.detector makes detectors of them.
"""

from __future__ import annotations

from collections.abc import Callable

from training.errors import TrainingError
from training.models.ae import Autoencoder
from training.models.mae import MaskedAutoencoder
from training.models.masks import PatchGrid
from training.models.reconstructor import Reconstructor

__all__ = ["MODELS", "Reconstructor", "make_model"]


def _ae(mel: int, frames: int) -> Reconstructor:
    del mel, frames  # any multiple of 16 will do
    return Autoencoder()


def _mae(mel: int, frames: int) -> Reconstructor:
    # flat patches: half a second of a narrow band is hidden in no pass, a click in one of four (LOG.md)
    return MaskedAutoencoder(PatchGrid(mel, frames, patch_mel=16, patch_frames=4))


MODELS: dict[str, Callable[[int, int], Reconstructor]] = {"ae": _ae, "mae": _mae}
"""Kind -> makes it with the settings we recommend for windows of (mel, frames)."""


def make_model(kind: str, *, mel: int, frames: int) -> Reconstructor:
    """Return a new model with freshly drawn weights.

    Raises:
        TrainingError: The kind is not known.
    """
    if kind not in MODELS:
        raise TrainingError(f"kind {kind!r} is not known; known are {', '.join(MODELS)}")
    return MODELS[kind](mel, frames)
