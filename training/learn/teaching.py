"""From a folder of sound to a calibrated bundle with the recommended recipe; a kill loses one epoch."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from engines.bundle import Bundle, open_bundle
from monitor.calibration import Calibration, load_calibration
from monitor.recording.spans import recorded_spans
from training.anomalies import gather_anomalies
from training.errors import TrainingError
from training.gather import gather
from training.learn.budget import cpu_seconds_for, epochs_for
from training.making import Terms, make_bundle
from training.memory import keep_freed_memory
from training.models import TAUGHT, ModelDesign
from training.recorded import files_of_recorded
from training.train_arguments import add_arguments, design_of
from training.work_folder import WorkFolder

KIND = "mdae"
"""docs/models.md: start here."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learned, and how."""

    material: Path
    """Folder with an index.csv."""
    learn_s: float
    """Sound in it that is not for the limit."""
    out: Path
    """Where the bundle appears."""
    goes_on: bool
    """Whether what was left there is of this material, and is gone on with."""
    epochs: int | None = None
    """Passes; None: as the sound needs."""
    threads: int | None = None
    """CPU threads; None: as many as there are cores."""
    widths: str | None = None
    """Channels, as `wheeltapper train --widths` takes them; None: the recipe's."""
    anomalies: Path | None = None
    """Index of labelled anomalies to learn from too; None: there are none."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further text files of the bundle, by name; none: labels.json, with when the sound was recorded."""
    run: str = "wheeltapper learn"
    """Who makes it, for the manifest."""


def teach(lesson: Lesson, say: Callable[[str], None]) -> tuple[Bundle, Calibration]:
    """Return the bundle at `lesson.out` with its calibration, made now or found whole.

    Raises:
        TrainingError: The sound does not allow it, or the disk refuses.
        CalibrationError: No honest limit can be fitted; the training is kept.
    """
    if not lesson.out.exists():
        _make(lesson, say)
    bundle = open_bundle(lesson.out)
    return bundle, load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)


def _make(lesson: Lesson, say: Callable[[str], None]) -> None:
    arguments = _arguments(lesson)
    if lesson.threads is not None:
        torch.set_num_threads(lesson.threads)
    keep_freed_memory()
    material = gather(arguments.data, sets=None)
    stretches = [] if lesson.anomalies is None else gather_anomalies([lesson.anomalies])
    with WorkFolder(lesson.out, resume=lesson.goes_on, force=True) as work:
        arguments.resume = work.has_checkpoint
        cost_s = cpu_seconds_for(lesson.learn_s, arguments.epochs)
        where = "on the GPU" if arguments.device == "cuda" else f"about {cost_s / 60:.0f} CPU min"
        again = "going on with the epochs that are kept" if work.has_checkpoint else "from the beginning"
        say(f"learning {arguments.epochs} passes over {lesson.learn_s / 60:.0f} min, {where}, {again}")
        try:
            files = lesson.files or files_of_recorded(recorded_spans(lesson.material))
            terms = Terms(run=lesson.run, files=files)
            make_bundle(arguments, _design(lesson, arguments), material, stretches, work, terms)
        except OSError as error:
            raise TrainingError(
                f"{error.filename or work.path}: {error.strerror or error}; free some space, then run the "
                "same command again"
            ) from error


def _design(lesson: Lesson, arguments: argparse.Namespace) -> ModelDesign:
    design = design_of(arguments)
    return design if lesson.anomalies is None else replace(design, kind=TAUGHT)


def _arguments(lesson: Lesson) -> argparse.Namespace:
    """Return what `wheeltapper train` would have been told."""
    parser = argparse.ArgumentParser(prog="learn", add_help=False, allow_abbrev=False)
    add_arguments(parser)
    epochs = epochs_for(lesson.learn_s) if lesson.epochs is None else lesson.epochs
    words = [KIND, "--data", str(lesson.material), "--out", str(lesson.out), "--set-aside"]
    words += ["--epochs", str(epochs), "--device", "cuda" if torch.cuda.is_available() else "cpu"]
    words += ["--widths", lesson.widths] if lesson.widths else []
    return parser.parse_args(words)
