"""`wheeltapper train KIND --data PATH... --out BUNDLE`: from normal sound to a calibrated bundle."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from engines.bundle import Bundle
from monitor.calibration import Calibration, FitSettings
from monitor.commands.calibrate import report_of_calibration
from monitor.commands.hearing import whole_number
from monitor.config import AlarmConfig
from training.anomalies import Stretch, gather_anomalies, refuse_shared, store_anomalies
from training.commission import Split, calibrate_bundle, train_detector, training_notes, write_bundle
from training.data import LogMelStore
from training.errors import TrainingError
from training.features import gather_clips, is_features
from training.gather import SHARES, Gathered, Material, gather, split_of
from training.models import ENCODER, MODELS, WIDTHS
from training.models.encoders import ENCODERS
from training.state import TrainingHistory
from training.train import TrainingSettings
from training.work_folder import WorkFolder

NAMED = 10
"""So many recordings that could not be used are named in the report; the rest are counted."""


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    defaults = TrainingSettings()
    shares = ", ".join(f"{role} {share:.0%}" for role, share in SHARES.items()).replace("%", "%%")
    parser.add_argument("kind", choices=sorted(MODELS), metavar="KIND", help=", ".join(sorted(MODELS)))
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH",
        help="normal sound: a folder of sound files, or an index.csv with the roles train and calibrate; or "
        "log-mel as .npz (docs/models.md)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", type=Path, nargs="+", default=[], metavar="PATH",
        help="normal sound that only sets the alarm limit; without any, recordings of --data are shared "
        f"out: {shares}",
    )  # fmt: skip
    parser.add_argument(
        "--anomalies", type=Path, nargs="+", default=[], metavar="PATH",
        help="labelled anomalies to learn from (dra): a folder of sound files, or an index.csv with label "
        "anomaly and, for stretches of files, onset_s and offset_s",
    )  # fmt: skip
    parser.add_argument("--set", action="append", metavar="NAME", help="only rows of this `set` of an index")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder of the new bundle")
    parser.add_argument("--epochs", type=whole_number, default=defaults.epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="default: %(default)s")
    parser.add_argument(
        "--threads", type=whole_number, help="CPU threads; default: as many as there are cores"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default=defaults.device, help="default: cpu")
    parser.add_argument(
        "--widths", type=widths_of_text, default=WIDTHS, metavar="N,N,...",
        help=f"channels of each stage; default: {','.join(map(str, WIDTHS))}",
    )  # fmt: skip
    parser.add_argument("--no-calibration", action="store_true",
        help="leave out the alarm limit: for too little sound to set one; scores stay raw")  # fmt: skip
    parser.add_argument(
        "--encoder", choices=sorted(ENCODERS),
        help=f"the frozen encoder that hfrae stands on; default: {ENCODER}",
    )  # fmt: skip
    parser.add_argument("--set-aside", action="store_true",
        help="calibrate without stretches that do not belong to the rest")  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on with a training that was cut short")
    parser.add_argument("--force", action="store_true", help="replace BUNDLE if it is there, or start anew")


def widths_of_text(text: str) -> tuple[int, ...]:
    """Return channels from `32,64,96,128`.

    Raises:
        ValueError: It is no such list; argparse makes a sentence of it.
    """
    return tuple(whole_number(part) for part in text.split(","))


widths_of_text.__name__ = "list of whole numbers with commas between"  # argparse: "invalid ... value: 'x'"


def run(arguments: argparse.Namespace) -> int:
    """Train, calibrate and put the bundle in place; sound that cannot be used is named, not fatal."""
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: torch finds no GPU here; leave --device out")
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    material = _material(arguments)
    stretches = _stretches(arguments, material)
    work = WorkFolder(arguments.out, resume=arguments.resume, force=arguments.force)
    started_s = time.monotonic()
    try:
        with work:
            trained = _trained(arguments, material, stretches, work)
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


def _trained(
    arguments: argparse.Namespace, material: Material, stretches: Sequence[Stretch], work: WorkFolder
) -> Trained:
    settings = TrainingSettings(epochs=arguments.epochs, seed=arguments.seed, device=arguments.device)
    if arguments.resume and not work.has_checkpoint:
        sys.stderr.write(f"wheeltapper train: nothing to resume in {work.path}; starting anew\n")
    store = material.stored(work.logmel)
    split = split_of(store, material.calibrating, seed=settings.seed, no_calibration=arguments.no_calibration)
    anomalies = None
    if stretches:
        anomalies = store_anomalies(work.anomalies, stretches, store.parameters, frames=store.frames)
    detector, history = train_detector(
        arguments.kind,
        store,
        split,
        settings,
        widths=arguments.widths,
        encoder=arguments.encoder,
        keep_in=work.path,
        anomalies=anomalies,
    )
    notes = {
        "run": "wheeltapper train",
        "widths": list(arguments.widths),
        **({"encoder": arguments.encoder or ENCODER} if arguments.kind == "hfrae" else {}),
        "threads": torch.get_num_threads(),
        **({"anomalies": list(anomalies.recordings)} if anomalies is not None else {}),
        **training_notes(history, settings, store, split),
    }
    bundle = write_bundle(work.bundle, detector, store, split, notes)
    calibration = None
    if not arguments.no_calibration:
        bundle, calibration = _calibrated(bundle, store, split, set_aside=arguments.set_aside)
    work.deliver()
    made, meaning = Bundle(arguments.out, bundle.manifest), detector.reconstructor.loss_meaning
    return Trained(made, calibration, history, meaning, store, split, anomalies)


def _calibrated(
    bundle: Bundle, store: LogMelStore, split: Split, *, set_aside: bool
) -> tuple[Bundle, Calibration]:
    count, minutes = len(split.calibration), _minutes(store, split.calibration)
    return calibrate_bundle(
        bundle,
        store,
        split.calibration,
        fitted_utc_s=time.time(),
        source=f"{count} recordings, {minutes:.1f} min, kept from training",
        fit=FitSettings(set_aside=set_aside),
    )


def _minutes(store: LogMelStore, recordings: Sequence[str]) -> float:
    frames = sum(run.end - run.first for run in store.runs if run.recording in recordings)
    return frames * store.parameters.hop_s / 60


def _report(trained: Trained, material: Material, minutes: float) -> list[str]:
    store, split, history = trained.store, trained.split, trained.history
    manifest = trained.bundle.manifest
    parity = max(value for key, value in manifest.parity.items() if key.endswith("relative"))
    size_mb = sum(entry.size_bytes for entry in manifest.files.values()) / 1e6
    roles = {role: getattr(split, role) for role in SHARES}
    facts = [
        *(
            (role, f"{len(names)} recordings, {_minutes(store, names):.1f} min")
            for role, names in roles.items()
        ),
        *_facts_of_anomalies(trained.anomalies),
        *(("left out", f"{count} rows {reason}") for reason, count in material.left_out.items()),
        *(("not usable", f"{item.recording}: {item.reason}") for item in store.skipped[:NAMED]),
        *((("not usable", f"{len(store.skipped)} recordings in all"),) if store.skipped else ()),
        ("epochs", f"{len(history.epochs)}, best {history.best_epoch + 1}; this run took {minutes:.1f} min"),
        ("validation loss", f"{history.best_validation_loss:.4f} ({trained.loss_meaning})"),
        ("parity", f"{parity:.1e} largest relative difference of torch and ONNX Runtime"),
    ]
    return [
        *(f"{name:18} {fact}" for name, fact in facts),
        *_report_of_limit(trained.calibration),
        f"{'written':18} {trained.bundle.folder} ({size_mb:.2f} MB)",
        f"{'next':18} {_next_command(trained)}",
    ]


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
