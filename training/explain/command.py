"""`wheeltapper explain BUNDLE FILE... [--truth truth.csv] --out DIR`: what made the score what it is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from engines.bundle import Bundle, open_bundle
from engines.runtime import Float32
from monitor.commands.hearing import whole_number
from training.errors import TrainingError
from training.evaluation.report import number
from training.evaluation.truth import events_of_files, events_of_truth, files_of_paths
from training.explain.answers import Judge, models_of_objective
from training.explain.attributions import ATTRIBUTIONS, defined_methods
from training.explain.clips import clips_around_events, cutter_of_bundle, most_unusual_clips, thinned_clips
from training.explain.explained import Explained, explain_clips
from training.explain.objective import Objective
from training.explain.page import html_of_explanation, title_of_row
from training.explain.settings import SETTINGS
from training.explain.tree import Explanation, tree_of_explanation
from training.faithfulness import FaithfulnessTable, Settings, faithfulness_of_clips
from training.rebuilt import detector_of_bundle

PAGE, REPORT = "explanation.html", "explanation.json"
CLIPS = 12
NORMAL_SHARE = 3
"""One clip without an event for so many with one."""
BATCH_WINDOWS = 64
JUDGE_KIND = "mae"
WITHOUT_TRUTH = "no frame of the clips is known to be wrong; give --truth truth.csv with the events' times"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, help="folder of a bundle with weights.safetensors")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="sound: WAV, FLAC or OGG")
    parser.add_argument("--truth", type=Path, help="truth.csv: file, onset_s, offset_s, kind, snr_db")
    parser.add_argument("--out", type=Path, required=True, help="folder for the report")
    parser.add_argument(
        "--settings", choices=tuple(SETTINGS), default="ours",
        help="what is explained: the bundle's own score (ours), or the mean error as in the paper",
    )  # fmt: skip
    parser.add_argument(
        "--methods", type=_methods, default=tuple(ATTRIBUTIONS), metavar="NAME,NAME",
        help=f"default: {','.join(ATTRIBUTIONS)}",
    )  # fmt: skip
    parser.add_argument(
        "--clips", type=whole_number, default=CLIPS,
        help="explain so many clips of 10 s, drawn by lot around events; without --truth the most unusual "
        "ones (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--judge", type=Path, metavar="BUNDLE",
        help="bundle of kind mae that judges foreign imputations; default: the bundle judges itself",
    )  # fmt: skip
    parser.add_argument("--channel", type=whole_number, default=1, help="channel of the files, from 1")
    parser.add_argument("--threads", type=whole_number, default=1, help="CPU threads of torch")


def _methods(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or (unknown := [name for name in names if name not in ATTRIBUTIONS]):
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown) if names else text!r}: known are {', '.join(ATTRIBUTIONS)}"
        )
    return tuple(dict.fromkeys(names))


def run(arguments: argparse.Namespace) -> int:
    """Explain and write the report; files that cannot be read are named (exit code 1).

    Raises:
        CodedError: The bundle has no weights, or the sound, the truth or the place of the report is no use.
    """
    torch.set_num_threads(arguments.threads)
    explanation = _explanation(arguments)
    _write(arguments.out / REPORT, json.dumps(tree_of_explanation(explanation), indent=1) + "\n")
    _write(arguments.out / PAGE, html_of_explanation(explanation))
    sys.stdout.write("\n".join([*_summary(explanation), f"written: {arguments.out / PAGE}", ""]))
    sys.stderr.writelines(f"wheeltapper explain: {why}\n" for why in explanation.unreadable.values())
    return 1 if explanation.unreadable else 0


def _explanation(arguments: argparse.Namespace) -> Explanation:
    truth = {} if arguments.truth is None else events_of_truth(arguments.truth)
    root = None if arguments.truth is None else arguments.truth.parent
    files = files_of_paths(arguments.files, relative_to=root)
    events = events_of_files(files, truth)
    cutter = cutter_of_bundle(arguments.bundle, channel=arguments.channel)
    bundle = cutter.ear.bundle
    settings = SETTINGS[arguments.settings]
    objective = Objective(detector_of_bundle(bundle), settings)
    if truth:
        cut = clips_around_events(files, events, cutter)
    else:
        cut = most_unusual_clips(files, cutter, _scorer(objective), arguments.clips)
    explained = explain_clips(
        objective,
        thinned_clips(cut.clips, arguments.clips, -(-arguments.clips // NORMAL_SHARE), cutter.seed),
        events,
        arguments.methods,
        hop_s=cutter.hop_s,
        window_frames=cutter.window_frames,
    )
    judge = None if arguments.judge is None else _judge(arguments.judge)
    found = _table(explained, objective, bundle, judge)
    return Explanation(
        bundle_id=bundle.bundle_id,
        kind=objective.kind,
        settings_name=arguments.settings,
        settings=settings,
        explained=explained,
        table=found,
        no_table_because=WITHOUT_TRUTH if found is None else "",
        left_out=tuple(m for m in arguments.methods if m not in defined_methods(objective.kind)),
        judged_by=bundle.bundle_id if judge is None else judge.bundle.bundle_id,
        unreadable=cut.unreadable,
    )


def _scorer(objective: Objective) -> Callable[[Float32], Float32]:
    def score(logmel: Float32) -> Float32:
        return objective.score_arrays(objective.values_arrays(logmel))

    return score


def _judge(folder: Path) -> Judge:
    bundle = open_bundle(folder)
    if bundle.manifest.kind != JUDGE_KIND:
        raise TrainingError(
            f"--judge {folder}: is of kind {bundle.manifest.kind}; a judge fills in what is hidden from it: "
            f"give a bundle of kind {JUDGE_KIND}"
        )
    return Judge(detector_of_bundle(bundle), bundle)


def _table(
    explained: Explained, objective: Objective, bundle: Bundle, judge: Judge | None
) -> FaithfulnessTable | None:
    if not explained.clips.annotated.any():
        return None
    models = models_of_objective(objective, bundle, judge)
    settings = Settings(batch_windows=BATCH_WINDOWS)
    return faithfulness_of_clips(explained.clips, explained.methods, models, settings)


def _summary(explanation: Explanation) -> list[str]:
    """Return the figures that matter most, as lines for a person."""
    found = explanation.table
    if found is None:
        return [f"{len(explanation.explained.clips.files)} clips explained; {explanation.no_table_because}"]
    keys = ("ff_frame", "f1")
    lines = [
        f"{'mean over the percentiles':26}" + "".join(f"{key:>12}" for key in keys) + f"{'inside_auc':>12}"
    ]
    for row in found.rows:
        values = [row.by_percentile[key].area.value for key in keys] + [row.figures["inside_auc"].value]
        lines.append(f"{title_of_row(row.name):26}" + "".join(f"{number(value):>12}" for value in values))
    return lines


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise TrainingError(f"--out {path.parent}: {error.strerror}; choose another place") from error
