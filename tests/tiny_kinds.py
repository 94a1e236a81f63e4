"""A tiny bundle of every kind of model and of the joint head: structurally complete, small in size."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_detector import FRAMES, MEL, tiny_card, tiny_detector, tiny_windows

from engines.build.export import export_bundle
from engines.bundle import Bundle
from training.detector import Detector, Standardiser
from training.heads import fit_joint_views, fit_residual_mahalanobis
from training.models import MODELS, ModelDesign, make_model

JOINT = "mdae-joint"
CASES = (*MODELS, JOINT)


def bundle_of_case(folder: Path, case: str) -> Bundle:
    """A bundle of a kind with its residuals' Mahalanobis distance, or of mdae with the joint head."""
    kind = case.removesuffix("-joint")
    detector = _deep_detector(kind) if kind == "hfrae" else tiny_detector(kind)
    if case == JOINT:
        learned, unseen = (detector.compare(torch.from_numpy(tiny_windows(60, seed=seed))) for seed in (2, 3))
        with torch.no_grad():
            detector.head = fit_joint_views([learned], [unseen])
    return export_bundle(folder, detector.eval(), tiny_card(kind), tiny_windows(36, seed=1))


def _deep_detector(kind: str) -> Detector:
    """What stands on three levels of a real encoder, which cannot be made tiny."""
    windows = torch.from_numpy(tiny_windows(40))
    standardiser = Standardiser(windows.mean((0, 2)), windows.std((0, 2)))
    torch.manual_seed(0)
    model = make_model(ModelDesign(kind, (4, 8, 8)), mel=MEL, frames=FRAMES)
    with torch.no_grad():
        model.settle(lambda: iter([standardiser(windows)]))
        detector = Detector(standardiser, model.eval(), torch.nn.Identity())
        detector.head = fit_residual_mahalanobis([detector.compare(windows)], stretch_frames=8)
    return detector
