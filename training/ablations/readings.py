"""The ways in which one trained net can be read, and scores of windows by each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.data import LogMelStore
from training.detector import Detector
from training.heads import MeanError, Verdict, fit_residual_mahalanobis
from training.models.hfrae import HierarchicalFeatureAutoencoder
from training.models.mae import SCORED, MaskedAutoencoder
from training.models.reconstructor import Comparison, Reconstructor
from training.split import SCORING_BATCH, SCORING_HOP_FRAMES

MEAN, MAHALANOBIS, VERDICT = "mean", "Mahalanobis", "verdict"
"""Scoring heads: of the error map, or what a model trained to judge says itself."""
Heads = Mapping[str, Mapping[str, nn.Module]]
"""Reading -> head's name -> head, fitted."""


@dataclass(frozen=True, slots=True)
class Scored:
    """All windows of a store by every reading and head."""

    recordings: tuple[str, ...]
    """Of each window."""
    start_frames: NDArray[np.int64]
    """Of each window, into its recording; right where the recording is whole."""
    values: Mapping[tuple[str, str], NDArray[np.float64]]
    """(reading, head) -> shape (windows,), high means unusual."""
    profiles: Mapping[str, NDArray[np.float64]]
    """Reading -> error over time, shape (windows, frames)."""


def readings(model: Reconstructor, x: Tensor) -> dict[str, Comparison]:
    """Return what the model makes of standardised windows by way of reading, "" where there is but one."""
    if isinstance(model, MaskedAutoencoder):
        return _masked_and_not(model, x)
    if isinstance(model, HierarchicalFeatureAutoencoder):
        return _by_levels(model, x)
    return {"": model.compare(x)}


def _masked_and_not(model: MaskedAutoencoder, x: Tensor) -> dict[str, Comparison]:
    as_built = model.scored
    found = {}
    for scored in SCORED:
        model.scored = scored
        found[scored] = model.compare(x)
    model.scored = as_built
    return found


def _by_levels(model: HierarchicalFeatureAutoencoder, x: Tensor) -> dict[str, Comparison]:
    """Return the map of each level by itself and of all; there is no verdict, so that heads are the same."""
    z_maps = model.z_maps(model.errors(x)[0])
    maps = {f"level {number}": model.fused(z[None]) for number, z in enumerate(z_maps, start=1)}
    maps["all levels"] = model.fused(z_maps)
    return {name: Comparison(x, x, error_map) for name, error_map in maps.items()}


@torch.no_grad()
def fit_heads(detector: Detector, store: LogMelStore, recordings: Collection[str]) -> Heads:
    """Return the heads of every reading, fitted on normal recordings.

    Raises:
        TrainingError: There are too few windows.
    """
    found: dict[str, list[Comparison]] = {}
    starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings=recordings)
    for x in _standardised(detector, store, starts):
        for name, comparison in readings(detector.reconstructor, x).items():
            found.setdefault(name, []).append(comparison)
    return {name: _heads(comparisons) for name, comparisons in found.items()}


def _heads(normal: list[Comparison]) -> dict[str, nn.Module]:
    if normal[0].verdict is not None:
        return {VERDICT: Verdict()}
    return {MEAN: MeanError(), MAHALANOBIS: fit_residual_mahalanobis(normal)}


@torch.no_grad()
def scored_store(detector: Detector, heads: Heads, store: LogMelStore) -> Scored:
    """Return the scores of all windows of a store, SCORING_HOP_FRAMES apart."""
    values: dict[tuple[str, str], list[Tensor]] = {}
    profiles: dict[str, list[Tensor]] = {}
    names: list[str] = []
    starts: list[int] = []
    first_rows: dict[str, int] = {}
    for run in store.runs:
        first_rows.setdefault(run.recording, run.first)
    for recording, first_row in first_rows.items():
        rows = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings={recording})
        names += [recording] * len(rows)
        starts += (rows - first_row).tolist()
        for x in _standardised(detector, store, rows):
            for reading, found in readings(detector.reconstructor, x).items():
                profiles.setdefault(reading, []).append(found.error_map.mean(1))
                for head, module in heads[reading].items():
                    values.setdefault((reading, head), []).append(module(found))
    return Scored(
        recordings=tuple(names),
        start_frames=np.array(starts, dtype=np.int64),
        values={key: torch.cat(parts).double().numpy() for key, parts in values.items()},
        profiles={key: torch.cat(parts).double().numpy() for key, parts in profiles.items()},
    )


def _standardised(detector: Detector, store: LogMelStore, starts: NDArray[np.int64]) -> Iterator[Tensor]:
    for windows in store.batches(starts, SCORING_BATCH):
        yield detector.standardiser(torch.from_numpy(windows))
