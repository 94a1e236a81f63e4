"""From gathered sound to a calibrated bundle in its place: what lies between a command's words and report."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from engines.build.export import add_to_bundle
from engines.bundle import Bundle
from monitor.calibration import Calibration, FitSettings
from training.anomalies import Stretch, store_anomalies
from training.bundling import calibrate_bundle, training_notes, write_bundle
from training.commission import measure_head, train_detector
from training.data import LogMelStore
from training.gather import Material, split_of
from training.models import TAUGHT, ModelDesign
from training.split import Split
from training.state import TrainingHistory
from training.taught import train_taught
from training.train import loss_for_sound
from training.train_arguments import settings_of
from training.work_folder import WorkFolder


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run made, for its report."""

    bundle: Bundle
    """Where it lies now."""
    calibration: Calibration | None
    """As it is in the bundle; None where it was to have none."""
    history: TrainingHistory
    """Of the weights."""
    loss_meaning: str
    """What its losses can be held against."""
    store: LogMelStore
    """All sound that was used."""
    split: Split
    """Who served what."""
    anomalies: LogMelStore | None
    """Labelled anomalies that were learned from."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides a bundle beside the words of `wheeltapper train`."""

    run: str = "wheeltapper train"
    """Who made it, for the manifest."""
    split_seed: int | None = None
    """Who serves what; None: the training's own seed. The same for trainings that are to be compared."""
    fitted_utc_s: float | None = None
    """When, for the calibration; None: now."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further text files of the bundle, by name; the manifest has their digests."""
    measure_head: bool = False
    """Whether a head that was asked for is measured on pseudo anomalies too."""


def make_bundle(
    arguments: argparse.Namespace,
    design: ModelDesign,
    material: Material,
    stretches: Sequence[Stretch],
    work: WorkFolder,
    terms: Terms,
) -> Trained:
    """Train, export, calibrate and deliver to the work folder's OUT, which the caller has entered.

    Raises:
        CodedError: The sound, the settings or the calibration do not allow it; nothing is delivered.
    """
    settings = settings_of(arguments)
    if arguments.resume and not work.has_checkpoint:
        sys.stderr.write(f"wheeltapper train: nothing to resume in {work.path}; starting anew\n")
    store = material.stored(work.logmel, frames=arguments.frames)
    split_seed = settings.seed if terms.split_seed is None else terms.split_seed
    split = split_of(store, material.calibrating, seed=split_seed, no_calibration=arguments.no_calibration)
    settings = replace(settings, loss=loss_for_sound(arguments.loss, store, split.training))
    anomalies = None
    if stretches:
        anomalies = store_anomalies(work.anomalies, stretches, store.parameters, frames=store.frames)
    train = train_taught if design.kind == TAUGHT else train_detector
    detector, history = train(design, store, split, settings, keep_in=work.path, anomalies=anomalies)
    if terms.measure_head:
        measure_head(detector, store, split)
    notes = {
        "run": terms.run,
        "threads": torch.get_num_threads(),
        **({"anomalies": list(anomalies.recordings)} if anomalies is not None else {}),
        **training_notes(history, settings, store, split),
    }
    bundle = write_bundle(work.bundle, detector, store, split, notes)
    if terms.files:
        bundle = add_to_bundle(bundle, terms.files, {})
    calibration = None
    if not arguments.no_calibration:
        fitted_utc_s = time.time() if terms.fitted_utc_s is None else terms.fitted_utc_s
        bundle, calibration = _calibrated(
            bundle, store, split, set_aside=arguments.set_aside, fitted_utc_s=fitted_utc_s
        )
    work.deliver()
    made, meaning = Bundle(arguments.out, bundle.manifest), detector.reconstructor.loss_meaning
    return Trained(made, calibration, history, meaning, store, split, anomalies)


def _calibrated(
    bundle: Bundle, store: LogMelStore, split: Split, *, set_aside: bool, fitted_utc_s: float
) -> tuple[Bundle, Calibration]:
    count, minutes = len(split.calibration), minutes_of(store, split.calibration)
    return calibrate_bundle(
        bundle,
        store,
        split.calibration,
        fitted_utc_s=fitted_utc_s,
        source=f"{count} recordings, {minutes:.1f} min, kept from training",
        fit=FitSettings(set_aside=set_aside),
    )


def minutes_of(store: LogMelStore, recordings: Sequence[str]) -> float:
    """Return how much sound of these recordings is stored."""
    frames = sum(run.end - run.first for run in store.runs if run.recording in recordings)
    return frames * store.parameters.hop_s / 60
