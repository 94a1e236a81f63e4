"""One row of streams: train, export, calibrate where there is sound for it, score, judge."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engines.bundle import WEIGHTS, Bundle
from monitor.calibration import Calibration
from monitor.config import AlarmConfig
from monitor.errors import CalibrationError
from training.benchmark.judging import judge_scores
from training.benchmark.plan import Job
from training.benchmark.promises import promises_of_scores
from training.benchmark.rows import Row, circumstances
from training.benchmark.scoring import scorer_of_bundle, write_scores
from training.benchmark.sound_sets import SoundSet, files_to_score
from training.benchmark.streams import TRUTH
from training.bundling import calibrate_bundle, training_notes, write_bundle
from training.commission import train_detector
from training.train import loss_for_sound
from training.train_arguments import design_of, settings_of


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie."""

    judge: Path
    """The shared judge."""
    streams: Path
    """Of the set: train/, calibrate/, test/ and truth.csv."""
    scores: Path
    """The file of scores that is written."""
    bundle: Path
    """The folder of the bundle that is written."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained bundle and what it cost."""

    bundle: Bundle
    head: str
    """What its scores come from."""
    costs: Mapping[str, float | None]
    """`train_s`, `train_cpu_s`, `epochs`, `bundle_bytes` and `parity`."""


def trained_bundle(job: Job, sound: SoundSet, folder: Path) -> Trained:
    """Train a method as `wheeltapper train` does and export it to `folder`, without calibration."""
    arguments, split = job.method.arguments(), sound.split(job.seed)
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    loss = loss_for_sound(arguments.loss, sound.store, split.training)
    settings = replace(settings_of(arguments), seed=job.seed, loss=loss)
    detector, history = train_detector(design_of(arguments), sound.store, split, settings)
    train_s, train_cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    notes = {"run": "make benchmark", "words": list(job.method.words)}
    notes |= training_notes(history, settings, sound.store, split)
    bundle = write_bundle(folder, detector, sound.store, split, notes)
    manifest = bundle.manifest
    costs = {
        "train_s": train_s,
        "train_cpu_s": train_cpu_s,
        "epochs": float(len(history.epochs)),
        "bundle_bytes": float(sum(e.size_bytes for name, e in manifest.files.items() if name != WEIGHTS)),
        "parity": max(value for key, value in manifest.parity.items() if key.endswith("relative")),
    }
    return Trained(bundle, str(manifest.training["head"]["name"]), costs)


def row_of_method(job: Job, sound: SoundSet, places: Places) -> Row:
    """Measure a method with one seed on a set of streams.

    Raises:
        TrainingError: It cannot be trained on this sound, or the judge refuses.
    """
    trained = trained_bundle(job, sound, places.bundle)
    bundle, calibration, reason = _calibrated(trained.bundle, sound, job.seed)
    scorer = scorer_of_bundle(bundle, calibrated=calibration is not None)
    cost = write_scores(places.scores, files_to_score(places.streams), places.streams, scorer)
    judged = judge_scores(places.judge, places.streams, places.scores, has_limit=calibration is not None)
    promises: tuple[dict[str, float], ...] = ()
    if calibration is not None:
        promises = promises_of_scores(places.scores, places.streams / TRUTH, calibration)
    return Row(
        method=job.method.name,
        kind=job.method.kind,
        set=job.set,
        seed=job.seed,
        figures=judged.figures,
        head=trained.head,
        groups=judged.groups,
        costs={**trained.costs, "score_cpu_s_per_hour": cost.cpu_s_per_hour},
        limit=None if calibration is None else _limit(calibration),
        no_limit_because=reason,
        promises=promises,
        made=circumstances(),
    )


def _calibrated(bundle: Bundle, sound: SoundSet, seed: int) -> tuple[Bundle, Calibration | None, str]:
    """Return the bundle with a calibration, or without one and why."""
    if sound.no_limit_because:
        return bundle, None, sound.no_limit_because
    names = sound.split(seed).calibration
    try:
        calibrated, calibration = calibrate_bundle(
            bundle, sound.store, names, fitted_utc_s=time.time(), source=f"{len(names)} streams, calibrate"
        )
    except CalibrationError as error:
        return bundle, None, str(error)
    return calibrated, calibration, ""


def _limit(calibration: Calibration) -> dict[str, float]:
    budget = AlarmConfig().false_alarms_per_week
    low, high = calibration.limit_interval(budget)
    return {
        "raw": calibration.limit_raw(budget),
        "low": low,
        "high": high,
        "largest_calibration_raw": calibration.largest,
        "calibration_h": calibration.exposure_h,
    }
