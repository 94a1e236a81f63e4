"""From a trained detector to a calibrated bundle: export, notes for the manifest, the alarm limit."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.backend_onnx import open_engine
from engines.build.export import ModelCard, add_to_bundle, export_bundle
from engines.build.half_check import with_half_judged
from engines.bundle import CALIBRATION, Bundle
from engines.runtime import Engine
from monitor.calibration import Calibration, FitSettings, fit_calibration, tree_of_calibration
from training.data import LogMelStore
from training.detector import Detector
from training.rebuilt import notes_of_design
from training.split import SCORING_BATCH, SCORING_HOP_FRAMES, Split
from training.state import TrainingHistory
from training.train import TrainingSettings

COMPARED_WINDOWS = 36
"""Windows on which the export is compared with torch; four of them become golden."""


def write_bundle(
    folder: Path, detector: Detector, store: LogMelStore, split: Split, training: Mapping[str, Any]
) -> Bundle:
    """Export a detector to `folder` without calibration; see export_bundle for what it refuses."""
    starts = store.window_starts(hop_frames=store.frames, recordings=split.validation)
    evenly = np.linspace(0, len(starts) - 1, COMPARED_WINDOWS).astype(int)
    card = ModelCard(
        kind=detector.reconstructor.kind,
        frontend=store.parameters,
        standardisation_mean=detector.standardiser.mean.flatten().tolist(),
        standardisation_std=detector.standardiser.std.flatten().tolist(),
        training={**_notes_of_model(detector), **training, "head": _notes_of_head(detector)},
    )
    return export_bundle(folder, detector, card, store.windows(starts[evenly]))


def _notes_of_model(detector: Detector) -> dict[str, Any]:
    design = detector.design
    return {} if design is None else notes_of_design(design, detector.reconstructor)


def _notes_of_head(detector: Detector) -> dict[str, Any]:
    chosen = detector.chosen_head
    if chosen is None:
        return {"name": type(detector.head).__name__}
    areas = {name: round(area, 4) for name, area in chosen.partial_aucs.items()}
    return {"name": chosen.name, "partial_auc_on_pseudo_anomalies": areas}


def training_notes(
    history: TrainingHistory, settings: TrainingSettings, store: LogMelStore, split: Split
) -> dict[str, Any]:
    """Return what a manifest says about how a model was trained."""
    return {
        "settings": {**asdict(settings), "loss": settings.loss.__name__},
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "best_validation_loss": round(history.best_validation_loss, 6),
        "recordings": {key: list(names) for key, names in asdict(split).items()},
        "skipped_recordings": [item.recording for item in store.skipped],
        "sound_s": round(store.seconds, 1),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def raw_scores(engine: Engine, store: LogMelStore, recordings: Collection[str]) -> list[NDArray[np.float64]]:
    """Return the scores of consecutive windows, one array a recording, NaN where a run is broken."""
    scores = []
    for recording in recordings:
        starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings={recording})
        found = [engine.infer(windows).score for windows in store.batches(starts, SCORING_BATCH)]
        breaks = np.flatnonzero(np.diff(starts) != SCORING_HOP_FRAMES) + 1
        series = np.concatenate(found).astype(np.float64)
        scores.append(np.insert(series, breaks, np.nan))
    return scores


def calibrate_bundle(
    bundle: Bundle,
    store: LogMelStore,
    recordings: Collection[str],
    *,
    fitted_utc_s: float,
    source: str,
    fit: FitSettings | None = None,
) -> tuple[Bundle, Calibration]:
    """Fit the alarm limit with the engine that the daemon uses, and put it into the bundle.

    Raises:
        CalibrationError: No honest limit can be fitted to this sound.
    """
    engine = open_engine(bundle, threads=torch.get_num_threads())
    calibration = fit_calibration(
        dict(zip(recordings, raw_scores(engine, store, recordings), strict=True)),
        hop_s=SCORING_HOP_FRAMES * store.parameters.hop_s,
        bundle_id=bundle.bundle_id,
        fitted_utc_s=fitted_utc_s,
        source=source,
        settings=fit,
    )
    text = json.dumps(tree_of_calibration(calibration), separators=(",", ":"), allow_nan=False) + "\n"
    return with_half_judged(add_to_bundle(bundle, {CALIBRATION: text}, {}), calibration), calibration
