"""`wheeltapper score BUNDLE FILES... [--out X.jsonl]`: sound files in, one JSON line a window out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TextIO

from engines.runtime import open_engine
from monitor.calibration import load_calibration
from monitor.config import AlarmConfig, InputQualityConfig, WindowConfig
from monitor.errors import AudioFileError, CalibrationError
from monitor.listening import Ear, open_ear
from monitor.messages import Inference, Score, Span
from monitor.recordings import inferences_of_file
from monitor.score import Scorer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="WAV, FLAC or OGG")
    parser.add_argument("--out", type=Path, help="write here instead of standard output")
    parser.add_argument("--root", type=Path, help="name files relative to this folder")
    parser.add_argument("--calibration", type=Path, help="default: the bundle's own")
    parser.add_argument("--channel", type=int, default=1, help="channel of the files, from 1")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the engine")
    parser.add_argument("--hop-frames", type=int, default=32, help="frames from window to window")
    parser.add_argument(
        "--false-alarms-per-week", type=float, default=AlarmConfig().false_alarms_per_week,
        help="the budget that sets value 1.0",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Score every file; one that cannot be read is named and does not stop the rest (exit code 1)."""
    ear = open_ear(arguments.bundle, WindowConfig(hop_frames=arguments.hop_frames), InputQualityConfig())
    path = arguments.calibration or ear.bundle.calibration_path
    if not path.is_file():
        raise CalibrationError(
            f"{path}: no calibration; make one from normal recordings: "
            f"wheeltapper calibrate {arguments.bundle} FILES"
        )
    calibration = load_calibration(path, bundle_id=ear.bundle.bundle_id)
    scorer = Scorer(calibration, false_alarms_per_week=arguments.false_alarms_per_week)
    if arguments.out is None:
        return _score_files(arguments, ear, scorer, sys.stdout)
    part = arguments.out.with_name(arguments.out.name + ".part")
    with part.open("w", encoding="utf-8") as sink:
        code = _score_files(arguments, ear, scorer, sink)
    part.replace(arguments.out)
    return code


def _score_files(arguments: argparse.Namespace, ear: Ear, scorer: Scorer, sink: TextIO) -> int:
    engine = open_engine(ear.bundle, threads=arguments.threads)
    unreadable = 0
    for path in arguments.files:
        name = str(path.relative_to(arguments.root)) if arguments.root else str(path)
        try:
            heard = inferences_of_file(path, ear, engine, channel=arguments.channel)
            sink.writelines(
                json.dumps(_line(name, _score(scorer, span, answer))) + "\n" for span, answer in heard
            )
        except AudioFileError as error:
            unreadable += 1
            print(f"wheeltapper score: {error} [{error.code}]", file=sys.stderr)
    return 1 if unreadable else 0


def _score(scorer: Scorer, span: Span, inference: Inference | None) -> Score:
    if inference is None:
        return scorer.unjudged_score(span)
    return scorer.score_from_inference(inference)


def _line(name: str, score: Score) -> dict[str, object]:
    profile = None if score.profile is None else [float(f"{x:.5g}") for x in score.profile]
    return {
        "file": name,
        "start_s": round(score.span.start_s, 6),
        "end_s": round(score.span.end_s, 6),
        "value": score.value,
        "expected_per_day": score.expected_per_day,
        "quality": score.span.quality.value,
        "raw": score.raw,
        "profile": profile,
        "bundle": score.bundle_id,
    }
