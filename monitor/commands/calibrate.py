"""`wheeltapper calibrate BUNDLE FILES...`: set the alarm limit from recordings of the normal machine."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.bundle import CALIBRATION
from engines.runtime import open_engine
from monitor.calibration import Calibration, FitSettings, fit_calibration, save_calibration
from monitor.commands.hearing import add_hearing_arguments, ear_from_arguments
from monitor.config import AlarmConfig
from monitor.errors import AudioFileError, CalibrationError
from monitor.listening import Ear
from monitor.recordings import raw_scores_of_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_hearing_arguments(parser)
    parser.add_argument("--out", type=Path, help=f"default: {CALIBRATION} in the bundle")
    parser.add_argument(
        "--false-alarms-per-week",
        type=float,
        default=AlarmConfig().false_alarms_per_week,
        help="budget that the report is for; the file serves any (default: %(default)g)",
    )
    parser.add_argument(
        "--set-aside", action="store_true", help="leave out stretches that do not belong to the rest"
    )
    parser.add_argument(
        "--source", default="", help="where the sound is from, for people; default: the files"
    )


def run(arguments: argparse.Namespace) -> int:
    """Score the files, fit and write; a file that cannot be read is named and left out (exit code 1)."""
    ear = ear_from_arguments(arguments)
    out = _destination(arguments.out, ear)
    scores = _scores_of_files(arguments, ear)
    calibration = fit_calibration(
        scores,
        hop_s=ear.hop_s,
        bundle_id=ear.bundle.bundle_id,
        fitted_utc_s=time.time(),
        source=arguments.source or f"{len(scores)} files from {next(iter(scores), 'nowhere')}",
        settings=FitSettings(set_aside=arguments.set_aside),
    )
    report = report_of_calibration(calibration, arguments.false_alarms_per_week)
    save_calibration(calibration, out)
    print(report)
    print(f"{'written':18} {out}")
    return 1 if len(scores) < len(set(arguments.files)) else 0


def report_of_calibration(calibration: Calibration, false_alarms_per_week: float) -> str:
    """Return what was fitted and how sure it is, as lines for a person."""
    budget = false_alarms_per_week
    limit = calibration.limit_raw(budget)
    low, high = calibration.limit_interval(budget)
    fewest, most = calibration.false_alarms_interval(budget)
    largest = calibration.value(calibration.largest, limit)
    heard = f"{calibration.exposure_h:.2f} h judged ({calibration.windows} windows"
    facts = {
        "bundle": calibration.bundle_id,
        "normal sound": f"{heard}, {calibration.set_aside_windows} set aside), {calibration.source}",
        "tail": f"{calibration.clusters} separate stretches above {calibration.tail.threshold:.4g}",
        "limit (value 1.0)": f"{limit:.4g} for {budget:g} false alarms a week",
        "90 % interval": f"limit {low:.4g} to {high:.4g}; "
        f"at this limit {fewest:.2g} to {most:.2g} false alarms a week",
        "median (value 0)": f"{calibration.centre:.4g}",
        "largest heard": f"{calibration.largest:.4g} (value {largest:.2f})",
    }
    if calibration.exposure_h * budget < 168.0:
        facts["note"] = (
            f"extrapolated: one alarm in {168.0 / budget:.3g} h is promised from "
            f"{calibration.exposure_h:.2f} h of sound; more sound narrows the interval"
        )
    return "\n".join(f"{name:18} {fact}" for name, fact in facts.items())


def _destination(wanted: Path | None, ear: Ear) -> Path:
    if wanted is not None:
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CalibrationError(
                f"--out {wanted}: {error.strerror}; choose a place that can be written"
            ) from error
        return wanted
    if CALIBRATION in ear.bundle.manifest.files:
        raise CalibrationError(
            f"{ear.bundle.calibration_path} belongs to the bundle's sealed files; keep this machine's own "
            "elsewhere with --out, such as state/calibration/SOURCE.json, where `wheeltapper run` looks first"
        )
    return ear.bundle.calibration_path


def _scores_of_files(arguments: argparse.Namespace, ear: Ear) -> Mapping[str, NDArray[np.float64]]:
    engine = open_engine(ear.bundle, threads=arguments.threads)
    scores = {}
    for path in arguments.files:
        try:
            scores[str(path)] = raw_scores_of_file(path, ear, engine, channel=arguments.channel)
        except AudioFileError as error:
            print(f"wheeltapper calibrate: {error} [{error.code}]", file=sys.stderr)
    engine.close()
    return scores
