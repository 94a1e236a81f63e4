"""`wheeltapper score BUNDLE FILES... [--out X.jsonl]`: sound files in, one JSON line a window out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TextIO

from engines.runtime import open_engine
from monitor.commands.hearing import (
    add_hearing_arguments,
    add_limit_options,
    ear_from_arguments,
    scorer_from_arguments,
)
from monitor.errors import AudioFileError, ConfigError
from monitor.listening import Ear
from monitor.messages import Inference, Score, Span
from monitor.recordings import inferences_of_file
from monitor.score import Scorer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_hearing_arguments(parser)
    parser.add_argument("--out", type=Path, help="write here instead of standard output")
    parser.add_argument("--root", type=Path, help="name files relative to this folder")
    add_limit_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score every file; one that cannot be read is named and does not stop the rest (exit code 1)."""
    ear = ear_from_arguments(arguments)
    scorer = scorer_from_arguments(arguments, ear)
    if arguments.out is None:
        return _score_files(arguments, ear, scorer, sys.stdout)
    part = arguments.out.with_name(arguments.out.name + ".part")
    try:
        sink = part.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {arguments.out}: {error.strerror}; choose another place") from error
    with sink:
        code = _score_files(arguments, ear, scorer, sink)
    part.replace(arguments.out)
    return code


def _score_files(arguments: argparse.Namespace, ear: Ear, scorer: Scorer, sink: TextIO) -> int:
    engine = open_engine(ear.bundle, threads=arguments.threads)
    unreadable = 0
    for path in arguments.files:
        try:
            name = _name_of(path, arguments.root)
            heard = inferences_of_file(path, ear, engine, channel=arguments.channel)
            scores = (score_of_answer(scorer, span, answer) for span, answer in heard)
            sink.writelines(json.dumps(line_of_score(name, score)) + "\n" for score in scores)
        except AudioFileError as error:
            unreadable += 1
            print(f"wheeltapper score: {error} [{error.code}]", file=sys.stderr)
    return 1 if unreadable else 0


def _name_of(path: Path, root: Path | None) -> str:
    if root is None:
        return str(path)
    if not path.is_relative_to(root):
        raise AudioFileError(f"{path}: does not lie in --root {root}; leave --root out or give another")
    return str(path.relative_to(root))


def score_of_answer(scorer: Scorer, span: Span, inference: Inference | None) -> Score:
    """Return the score of a window; without an inference the window could not be judged."""
    if inference is None:
        return scorer.unjudged_score(span)
    return scorer.score_from_inference(inference)


def line_of_score(name: str, score: Score) -> dict[str, object]:
    """Return a window's score as it is written, JSON-able; what cannot be judged is None."""
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
