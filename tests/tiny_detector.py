"""Detectors and bundles that are whole in every respect but size: 16 bands, 32 frames, a few weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engines.build.export import ModelCard, export_bundle
from engines.bundle import Bundle
from monitor.frontend import FrontendParameters
from monitor.messages import Float32
from training.detector import Detector, Standardiser
from training.heads import MeanError, fit_residual_mahalanobis
from training.models import ModelDesign, make_model
from training.models.ae import Autoencoder
from training.models.mae import MaskedAutoencoder
from training.models.masks import PatchGrid
from training.models.reconstructor import Reconstructor

MEL, FRAMES = 16, 32
WIDTHS = (4, 8)
torch.set_num_threads(1)  # on nets this small further threads only wait for each other
PARAMETERS = FrontendParameters(n_fft=256, hop_samples=128, mel_bands=MEL)


def tiny_windows(n: int, seed: int = 0) -> Float32:
    """Log-mel of something like noise: a level for each band, and scatter."""
    draws = np.random.default_rng(seed)
    levels = np.random.default_rng(99).normal(-2.0, 1.0, (1, MEL, 1))
    return (levels + 0.3 * draws.standard_normal((n, MEL, FRAMES))).astype(np.float32)


def tiny_model(kind: str) -> Reconstructor:
    """A model with weights drawn from seed 0."""
    torch.manual_seed(0)
    if kind == "ae":
        return Autoencoder(widths=WIDTHS, bottleneck=2)
    if kind == "mae":
        return MaskedAutoencoder(PatchGrid(MEL, FRAMES, 4, 4), widths=WIDTHS)
    return make_model(ModelDesign(kind, WIDTHS), mel=MEL, frames=FRAMES)


def tiny_detector(kind: str = "mae", *, head: str = "mahalanobis") -> Detector:
    """An untrained detector whose head is fitted on noise; its batch norms have seen some."""
    windows = torch.from_numpy(tiny_windows(40))
    mean, std = windows.mean((0, 2)), windows.std((0, 2))
    standardiser = Standardiser(mean, std)
    model = tiny_model(kind).train()
    with torch.no_grad():
        model(standardiser(windows))
        detector = Detector(standardiser, model, MeanError()).eval()
        if head == "mahalanobis":
            detector.head = fit_residual_mahalanobis([detector.compare(windows)], stretch_frames=8)
    return detector


def tiny_bundle(folder: Path, kind: str = "mae") -> Bundle:
    """A bundle of a tiny detector."""
    return export_bundle(folder, tiny_detector(kind), tiny_card(kind), tiny_windows(36, seed=1))


def tiny_card(kind: str) -> ModelCard:
    """What its manifest says."""
    return ModelCard(
        kind=kind,
        frontend=PARAMETERS,
        standardisation_mean=[0.0] * MEL,
        standardisation_std=[1.0] * MEL,
        training={"run": "tests"},
    )
