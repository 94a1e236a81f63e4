"""The models that judge explanations, as functions of arrays: many answers, no gradients, ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.backend_onnx import open_engine
from engines.build.export import write_onnx
from engines.bundle import MODEL, Bundle
from engines.runtime import Engine, Float32
from training.detector import Detector
from training.explain.objective import Objective
from training.explain.settings import PAPER
from training.faithfulness import Imputer, Models, imputer_in_windows, interpolated, mean_of_visible
from training.faithfulness.models import Reconstruct
from training.models.mae import MaskedAutoencoder
from training.models.mdae import MaskedDenoisingAutoencoder

INPAINTED = "inpainted"
"""Name of the imputer that is a masked autoencoder."""
IMPUTERS = ("linear", "mean", INPAINTED)
"""Names of all. The first of those that are asked for takes bins away for deletion."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that is not under test: what its error says, and how it fills in, is the same for all."""

    detector: Detector
    bundle: Bundle


def models_of_objective(
    objective: Objective, bundle: Bundle, judge: Judge | None = None, imputers: Sequence[str] = IMPUTERS
) -> Models:
    """Return who answers for the faithfulness of an objective's explanations, in the objective's units.

    Without a judge the model under test judges itself, and fills in where it is a masked autoencoder.
    """
    engine = engine_of_objective(objective, bundle)

    def reconstruct(values: Float32) -> Float32:
        return np.asarray(engine.infer(_fit(values)).reconstruction, dtype=np.float32)

    def score(values: Float32) -> Float32:
        return np.asarray(engine.infer(_fit(values)).score, dtype=np.float32)

    known: dict[str, Imputer] = {"linear": interpolated, "mean": mean_of_visible}
    filler = _inpainting(objective, objective.detector if judge is None else judge.detector)
    if filler is not None:
        known[INPAINTED] = imputer_in_windows(filler, bundle.manifest.frames)
    chosen = {name: imputer for name, imputer in known.items() if name in imputers}
    judging = reconstruct if judge is None else _judging(objective, judge)
    return Models(reconstruct, score, judging, chosen, removed_by=next(iter(chosen)))


class _Graph(nn.Module):
    """An objective as a graph like a bundle's, but from values in the objective's own units."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.detector = objective.detector
        self.objective = objective

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.objective
        return found.score(values), found.error_map(values), found.reconstruction(values)


def engine_of_objective(objective: Objective, bundle: Bundle) -> Engine:
    """Return what answers as the objective does, from values in its units, on one thread."""
    with TemporaryDirectory(prefix="wheeltapper-explain-") as folder:
        manifest = bundle.manifest
        write_onnx(Path(folder) / MODEL, _Graph(objective), (manifest.mel, manifest.frames))
        # holds all of its file from here on
        return open_engine(replace(bundle, folder=Path(folder)), threads=1)


def _judging(objective: Objective, judge: Judge) -> Reconstruct:
    """Return the judge's reconstruction, in one pass, from and in the units of another objective."""
    foreign = Objective(judge.detector, PAPER)
    engine = engine_of_objective(foreign, judge.bundle)

    def reconstruct(values: Float32) -> Float32:
        found = engine.infer(_fit(objective.logmel_arrays(values))).reconstruction
        return objective.values_arrays(np.asarray(found, dtype=np.float32))

    return reconstruct


def _inpainting(objective: Objective, detector: Detector) -> Imputer | None:
    """Return how the masked autoencoder in a detector fills windows in; None where it has none."""
    model = detector.reconstructor
    if isinstance(model, MaskedDenoisingAutoencoder):
        model = model.masked
    if not isinstance(model, MaskedAutoencoder):
        return None
    masked: MaskedAutoencoder = model

    def filled(values: Float32, hidden: NDArray[np.bool_]) -> Float32:
        with torch.no_grad():
            x: Tensor = detector.standardiser(torch.from_numpy(objective.logmel_arrays(values)))
            found = masked.fill_in(x, torch.from_numpy(hidden).float())
            restored = detector.standardiser.restored(found).numpy()
        return objective.values_arrays(np.asarray(restored, dtype=np.float32))

    return filled


def _fit(values: Float32) -> Float32:
    return np.ascontiguousarray(values, dtype=np.float32)
