"""`wheeltapper train KIND --data PATH... --out BUNDLE`: from normal sound to a calibrated bundle."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch

from monitor.calibration import Calibration
from monitor.commands.calibrate import report_of_calibration
from monitor.config import AlarmConfig
from monitor.recording.spans import packed_spans
from training.anomalies import Stretch, gather_anomalies, refuse_shared
from training.data import LogMelStore
from training.errors import TrainingError
from training.features import gather_clips, is_features
from training.gather import SHARES, Gathered, Material, gather
from training.making import Terms, Trained, make_bundle, minutes_of
from training.memory import keep_freed_memory
from training.recorded import files_of_recorded
from training.train_arguments import add_arguments, design_of
from training.work_folder import WorkFolder

__all__ = ["add_arguments", "run"]

NAMED = 10
"""So many recordings that could not be used are named in the report; the rest are counted."""


def run(arguments: argparse.Namespace) -> int:
    """Train, calibrate and put the bundle in place; sound that cannot be used is named, not fatal."""
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: torch finds no GPU here; leave --device out")
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    design = design_of(arguments)
    material = _material(arguments)
    stretches = _stretches(arguments, material)
    recorded = sorted(span for path in arguments.data for span in packed_spans(path))
    work = WorkFolder(arguments.out, resume=arguments.resume, force=arguments.force)
    started_s = time.monotonic()
    try:
        with work:
            trained = make_bundle(
                arguments, design, material, stretches, work, Terms(files=files_of_recorded(recorded))
            )
    except OSError as error:
        raise TrainingError(
            f"{error.filename or work.path}: {error.strerror or error}; free some space or give another "
            "--out, then run the same command with --resume"
        ) from error
    finally:
        if work.has_checkpoint:
            sys.stderr.write(f"wheeltapper train: {work.path} keeps the epochs so far; --resume goes on\n")
    minutes = (time.monotonic() - started_s) / 60
    sys.stdout.write("\n".join(_report(trained, material, minutes)) + "\n")
    return 0


def _material(arguments: argparse.Namespace) -> Material:
    """Return what the paths hold, before anything is written.

    Raises:
        TrainingError: It cannot be used, or the arguments contradict each other.
    """
    if arguments.no_calibration and (arguments.calibrate or arguments.set_aside):
        raise TrainingError("--no-calibration: goes with neither --calibrate nor --set-aside; leave one out")
    if not any(is_features(path) for path in [*arguments.data, *arguments.calibrate]):
        return gather(arguments.data, arguments.calibrate, sets=arguments.set)
    if arguments.set:
        raise TrainingError("--set: an .npz of features has no sets; leave it out")
    return gather_clips(arguments.data, arguments.calibrate)


def _stretches(arguments: argparse.Namespace, material: Material) -> list[Stretch]:
    """Return the labelled anomalies.

    Raises:
        TrainingError: They cannot be used, or a file is given as normal sound too.
    """
    stretches = gather_anomalies(arguments.anomalies)
    if isinstance(material, Gathered):
        refuse_shared(stretches, {*material.train, *material.calibrate})
    return stretches


def _report(trained: Trained, material: Material, minutes: float) -> list[str]:
    store, split, history = trained.store, trained.split, trained.history
    manifest = trained.bundle.manifest
    parity = max(value for key, value in manifest.parity.items() if key.endswith("relative"))
    size_mb = sum(entry.size_bytes for entry in manifest.files.values()) / 1e6
    roles = {role: getattr(split, role) for role in SHARES}
    facts = [
        *(
            (role, f"{len(names)} recordings, {minutes_of(store, names):.1f} min")
            for role, names in roles.items()
        ),
        *_facts_of_anomalies(trained.anomalies),
        *(("left out", f"{count} rows {reason}") for reason, count in material.left_out.items()),
        *(("not usable", f"{item.recording}: {item.reason}") for item in store.skipped[:NAMED]),
        *((("not usable", f"{len(store.skipped)} recordings in all"),) if store.skipped else ()),
        ("epochs", f"{len(history.epochs)}, best {history.best_epoch + 1}; this run took {minutes:.1f} min"),
        ("validation loss", f"{history.best_validation_loss:.4f} ({trained.loss_meaning})"),
        ("head", _fact_of_head(manifest.training["head"])),
        ("parity", f"{parity:.1e} largest relative difference of torch and ONNX Runtime"),
        ("fp16", manifest.metrics.get("fp16", {}).get("refused", "model.fp16.onnx scores and alarms alike")),
    ]
    return [
        *(f"{name:18} {fact}" for name, fact in facts),
        *_report_of_limit(trained.calibration),
        f"{'written':18} {trained.bundle.folder} ({size_mb:.2f} MB)",
        f"{'next':18} {_next_command(trained)}",
    ]


def _fact_of_head(notes: Mapping[str, Any]) -> str:
    areas: Mapping[str, float] = notes.get("partial_auc_on_pseudo_anomalies", {})
    if not areas:
        return f"{notes['name']}, as asked for"
    others = ", ".join(f"{name} {area:.3f}" for name, area in areas.items())
    return f"{notes['name']}; partial AUC on pseudo anomalies (chance .5): {others}"


def _facts_of_anomalies(anomalies: LogMelStore | None) -> list[tuple[str, str]]:
    if anomalies is None:
        return []
    return [
        ("anomalies", f"{len(anomalies.recordings)} learned from; judge the bundle on none of them"),
        *(("not usable", f"{item.recording}: {item.reason}") for item in anomalies.skipped[:NAMED]),
    ]


def _report_of_limit(calibration: Calibration | None) -> list[str]:
    if calibration is None:
        return [f"{'limit (value 1.0)':18} none: what is scored with this bundle has no unit, nothing alarms"]
    return [report_of_calibration(calibration, AlarmConfig().false_alarms_per_week)]


def _next_command(trained: Trained) -> str:
    out = shlex.quote(str(trained.bundle.folder))
    if trained.calibration is None:
        return f"wheeltapper calibrate {out} FILES"
    return f"wheeltapper score {out} FILES --out scores.jsonl"
