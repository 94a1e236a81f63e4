"""The models, one readable file each, and the table of their names.

All of them reconstruct standardised log-mel; training.detector makes detectors of them.
"""

from __future__ import annotations

from collections.abc import Callable

from training.errors import TrainingError
from training.models.ae import Autoencoder
from training.models.dae import DenoisingAutoencoder
from training.models.dense import DenseAutoencoder
from training.models.design import WIDTHS, ModelDesign, Schedule
from training.models.dra import DraDetector, DraSettings
from training.models.encoders import make_encoder
from training.models.feature_map import ConvolutionalFeatures
from training.models.hfrae import HierarchicalFeatureAutoencoder
from training.models.mae import MaskedAutoencoder
from training.models.masks import PATCH, PatchGrid
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.memae import MemoryAutoencoder, memory_settings
from training.models.reconstructor import Comparison, Reconstructor
from training.models.skip_cae_transformer import SkipTransformerAutoencoder
from training.models.taught import TAUGHT, TaughtDetector

__all__ = [
    "ENCODER",
    "MODELS",
    "SCHEDULES",
    "TAUGHT",
    "WIDTHS",
    "WITHOUT_WIDTHS",
    "Comparison",
    "ModelDesign",
    "Reconstructor",
    "Schedule",
    "make_model",
]


ENCODER = "efficientnet_lite0"
"""What hfrae stands on where nothing else is asked for; training.models.encoders has the others."""
MASK_RATIO = 0.5
"""Of mae."""
WITHOUT_WIDTHS = ("dense", "dae", "skip_transformer")
"""Kinds whose sizes are fixed by their source, or were measured as they are."""
SCHEDULES = {"dae": Schedule(80, 16, 20), "mdae": Schedule(80, 16, 20)}
"""Kind -> how it is trained, where the usual is too little: pseudo anomalies never repeat (LOG.md)."""


def _ae(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    del mel, frames  # any multiple of 16 will do
    return Autoencoder(widths=design.widths)


def _mae(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    grid = PatchGrid(mel, frames, *(design.patch or PATCH))
    return MaskedAutoencoder(
        grid,
        widths=design.widths,
        training_ratio=MASK_RATIO if design.mask_ratio is None else design.mask_ratio,
        scored=design.scored or "masked",
    )


def _memae(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    del frames
    memory = memory_settings(design.memory or "sparse")
    return MemoryAutoencoder(mel, widths=design.widths[:3], memory=memory)  # at an eighth of the resolution


def _dense(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    del design  # a control has the sizes of its source
    return DenseAutoencoder(mel, frames)


def _dae(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    del design  # its widths are its own: they were measured as they are
    return DenoisingAutoencoder(mel, frames)


def _mdae(mel: int, frames: int, design: ModelDesign) -> MaskedDenoisingAutoencoder:
    # half as wide as alone: here it only has a say beside the denoiser, for a quarter of the work
    halves = [max(1, width // 2) for width in design.widths]
    masked = MaskedAutoencoder(PatchGrid(mel, frames, *PATCH), widths=halves)
    return MaskedDenoisingAutoencoder(DenoisingAutoencoder(mel, frames), masked)


def _skip_transformer(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    del design
    return SkipTransformerAutoencoder(mel, frames)


def _dra(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    # three widths leave a map of 16 x 16 for windows of 128 x 64
    features = ConvolutionalFeatures(mel, design.widths[:3])
    settings = DraSettings(deviation=design.deviation or "absolute")
    return DraDetector(mel, frames, features=features, settings=settings)


def _taught(mel: int, frames: int, design: ModelDesign) -> TaughtDetector:
    # not among MODELS: it goes on from a trained recipe (training.taught)
    recipe = _mdae(mel, frames, design)
    return TaughtDetector(recipe.denoiser, recipe.masked)


def _hfrae(mel: int, frames: int, design: ModelDesign) -> Reconstructor:
    frozen = make_encoder(design.encoder or ENCODER, mel=mel, frames=frames, widths=design.widths)
    return HierarchicalFeatureAutoencoder(frozen, mel, frames, widths=design.widths)


MODELS: dict[str, Callable[[int, int, ModelDesign], Reconstructor]] = {
    "ae": _ae,
    "mae": _mae,
    "memae": _memae,
    "dense": _dense,
    "skip_transformer": _skip_transformer,
    "hfrae": _hfrae,
    "dra": _dra,
    "dae": _dae,
    "mdae": _mdae,
}
"""Kind -> makes it for windows of (mel, frames) as designed."""


def make_model(design: ModelDesign, *, mel: int, frames: int) -> Reconstructor:
    """Return a new model with freshly drawn weights.

    Raises:
        TrainingError: The kind or one of its options is not known.
    """
    if design.kind == TAUGHT:
        return _taught(mel, frames, design)
    if design.kind not in MODELS:
        raise TrainingError(f"kind {design.kind!r} is not known; known are {', '.join(MODELS)}")
    return MODELS[design.kind](mel, frames, design)
