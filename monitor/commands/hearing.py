"""What the verbs that hear recordings have in common: how the sound is cut, judged fit, and run."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitor.config import InputQualityConfig, WindowConfig, load_config
from monitor.listening import Ear, open_ear


def add_hearing_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the bundle, the files, and how they are heard."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="sound: WAV, FLAC or OGG")
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
