"""What the verbs that hear recordings have in common: how the sound is cut, judged fit, run and scored."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitor.calibration import load_calibration
from monitor.config import AlarmConfig, InputQualityConfig, WindowConfig, load_config
from monitor.errors import CalibrationError
from monitor.listening import Ear, open_ear
from monitor.score import Scorer


def add_hearing_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the bundle, the files, and how they are heard."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="sound: WAV, FLAC or OGG")
    add_hearing_options(parser)


def add_hearing_options(parser: argparse.ArgumentParser) -> None:
    """Declare how sound is heard, whatever sound that is."""
    parser.add_argument(
        "--config", type=Path, help="hear as the daemon with this configuration: its window and input_quality"
    )
    parser.add_argument(
        "--hop-frames",
        type=whole_number,
        help=f"frames from window to window; default: the configuration's, else {WindowConfig().hop_frames}",
    )
    parser.add_argument("--channel", type=whole_number, default=1, help="channel of the files, from 1")
    parser.add_argument("--threads", type=whole_number, default=1, help="CPU threads of the engine")


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Declare what sets value 1.0."""
    parser.add_argument("--calibration", type=Path, help="default: the bundle's own")
    parser.add_argument(
        "--false-alarms-per-week", type=float, default=AlarmConfig().false_alarms_per_week,
        help="the budget that sets value 1.0",
    )  # fmt: skip


def scorer_from_arguments(arguments: argparse.Namespace, ear: Ear) -> Scorer:
    """Return what judges the bundle's raw scores by the calibration and budget of the arguments.

    Raises:
        CalibrationError: There is no calibration, it is damaged or another bundle's.
    """
    path = arguments.calibration or ear.bundle.calibration_path
    if not path.is_file():
        raise CalibrationError(
            f"{path}: no calibration; make one from normal recordings: "
            f"wheeltapper calibrate {arguments.bundle} FILES"
        )
    calibration = load_calibration(path, bundle_id=ear.bundle.bundle_id)
    return Scorer(calibration, false_alarms_per_week=arguments.false_alarms_per_week)


def ear_from_arguments(arguments: argparse.Namespace) -> Ear:
    """Open the bundle with the window and the input quality that the arguments ask for.

    Raises:
        CodedError: The configuration or the bundle is refused, or the hop skips sound.
    """
    window, input_quality = WindowConfig(), InputQualityConfig()
    if arguments.config is not None:
        config = load_config(arguments.config)
        window, input_quality = config.window, config.input_quality
    if arguments.hop_frames is not None:
        window = window.model_copy(update={"hop_frames": arguments.hop_frames})
    return open_ear(arguments.bundle, window, input_quality)


def whole_number(text: str) -> int:
    """Return the number in `text`, at least 1.

    Raises:
        ValueError: It holds no such number; argparse makes a sentence of it.
    """
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


whole_number.__name__ = "whole number from 1"  # argparse: "invalid whole number from 1 value: '0'"
