"""`wheeltapper evaluate BUNDLE --data PATH --out DIR`: how good a bundle is on sound it was not made from.

Or `--features X.npz` in place of `--data`: on labelled clips of precomputed log-mel.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from engines.bundle import open_bundle
from engines.runtime import open_engine
from monitor.commands.hearing import (
    add_hearing_options,
    add_limit_options,
    ear_from_arguments,
    scorer_from_arguments,
)
from training.errors import TrainingError
from training.evaluation.clip_report import (
    html_of_judged_clips,
    lines_of_scores,
    summary_of_judged_clips,
    tree_of_judged_clips,
)
from training.evaluation.clips import judge_clips
from training.evaluation.evaluate import BUNDLE, Evaluation, Listener, controls_of_files, evaluate
from training.evaluation.report import html_of_evaluation
from training.evaluation.report_tree import notes_of_evaluation, tree_of_evaluation
from training.evaluation.truth import LabelledFile, events_of_files, events_of_truth, labelled_files

SCORES, REPORT, PAGE = "scores.jsonl", "report.json", "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    judged = parser.add_mutually_exclusive_group(required=True)
    judged.add_argument("--data", type=Path, help="folder of sound, or an index.csv with labels")
    judged.add_argument(
        "--features", type=Path, nargs="+", metavar="NPZ",
        help="clips of log-mel with labels (docs/models.md); of the other options only --out and --threads "
        "have a meaning then",
    )  # fmt: skip
    parser.add_argument("--truth", type=Path, help="truth.csv: file, onset_s, offset_s, kind, snr_db")
    parser.add_argument("--normal", type=Path, help="normal sound that the controls are fitted on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the report")
    parser.add_argument("--role", help="rows of --data's index; default: test where there are any, else all")
    parser.add_argument("--normal-role", default="train", help="rows of --normal's index (default: train)")
    parser.add_argument("--set", action="append", default=[], dest="sets", help="only this set of an index")
    add_limit_options(parser)
    add_hearing_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Hear, judge and write the report; files that cannot be read are named (exit code 1).

    Raises:
        CodedError: The bundle, the calibration, the data or the place of the report is not usable.
    """
    if arguments.features:
        return _run_on_clips(arguments)
    truth = {} if arguments.truth is None else events_of_truth(arguments.truth)
    root = None if arguments.truth is None else arguments.truth.parent
    files = labelled_files(arguments.data, role=arguments.role, sets=arguments.sets, relative_to=root)
    events = events_of_files(files, truth)
    normal = _normal_files(arguments, files)
    ear = ear_from_arguments(arguments)
    scorer = scorer_from_arguments(arguments, ear)
    engine = open_engine(ear.bundle, threads=arguments.threads)
    part = arguments.out / (SCORES + ".part")
    with _opened(part) as sink:
        listener = Listener(
            ear=ear,
            engine=engine,
            scorer=scorer,
            budget_per_week=arguments.false_alarms_per_week,
            sink=lambda line: sink.write(json.dumps(line) + "\n"),
            channel=arguments.channel,
        )
        controls, bad = controls_of_files(normal, listener) if normal else (None, {})
        evaluation = evaluate(files, events, listener, controls)
    engine.close()
    part.replace(arguments.out / SCORES)
    _write(arguments.out / REPORT, json.dumps(tree_of_evaluation(evaluation), indent=2) + "\n")
    _write(arguments.out / PAGE, html_of_evaluation(evaluation))
    sys.stdout.write(_summary(evaluation, arguments.out))
    unreadable = {**bad, **evaluation.unreadable}
    sys.stderr.writelines(f"wheeltapper evaluate: {why}\n" for why in unreadable.values())
    return 1 if unreadable else 0


def _run_on_clips(arguments: argparse.Namespace) -> int:
    """Judge clips of log-mel; needs no calibration."""
    engine = open_engine(open_bundle(arguments.bundle), threads=arguments.threads)
    judged = [judge_clips(path, engine) for path in arguments.features]
    engine.close()
    bundle_id, out = engine.bundle.bundle_id, arguments.out
    _write(out / SCORES, _json_lines(lines_of_scores(bundle_id, judged)))
    _write(out / REPORT, json.dumps(tree_of_judged_clips(bundle_id, judged), indent=2) + "\n")
    _write(out / PAGE, html_of_judged_clips(bundle_id, judged))
    sys.stdout.write("\n".join([*summary_of_judged_clips(judged), f"written: {out / PAGE}", ""]))
    return 0


def _json_lines(trees: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(tree) + "\n" for tree in trees)


def _normal_files(arguments: argparse.Namespace, files: Sequence[LabelledFile]) -> list[LabelledFile]:
    """Return the normal sound for the controls, or nothing if none was given.

    Raises:
        TrainingError: It shares files with the data, which would flatter the controls.
    """
    if arguments.normal is None:
        return []
    normal = labelled_files(arguments.normal, role=arguments.normal_role, sets=arguments.sets)
    judged = {file.path.resolve() for file in files}
    shared = [file.name for file in normal if file.path.resolve() in judged]
    if shared:
        raise TrainingError(
            f"--normal and --data share {len(shared)} files, such as {shared[0]}; the controls must be "
            "fitted on other sound than they are judged on"
        )
    return [file for file in normal if not file.anomaly]


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"--out {path.parent}: {error.strerror}; choose another place") from error


def _write(path: Path, text: str) -> None:
    with _opened(path.with_name(path.name + ".part")) as file:
        file.write(text)
    path.with_name(path.name + ".part").replace(path)


def _summary(evaluation: Evaluation, out: Path) -> str:
    """Return the figures that matter most, as lines for a person."""
    names = ("window_auc", "recall_at_limit", "clear_share_at_limit", "recall_at_1pc", "inside_auc")
    lines = [f"{'':10}" + "".join(f"{name:>22}" for name in names)]
    for detector, figures in evaluation.figures.items():
        cells = [getattr(figures, name) for name in names]
        words = "".join(f"{'-' if cell is None else format(cell, '.3f'):>22}" for cell in cells)
        lines.append(f"{evaluation.bundle_id if detector == BUNDLE else detector:10}{words}")
    lines += [f"note: {note}" for note in notes_of_evaluation(evaluation)]
    return "\n".join([*lines, f"written: {out / PAGE}", ""])
