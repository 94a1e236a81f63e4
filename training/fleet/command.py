"""`wheeltapper fleet train|evaluate|score --data DATA --out OUT [--ray ADDRESS]`: a plant at once."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

from monitor.commands.hearing import whole_number
from monitor.config import AlarmConfig, WindowConfig
from training.evaluation.truth import events_of_truth
from training.fleet.artefacts import Artefacts
from training.fleet.campaign import engine_for
from training.fleet.errors import FleetError
from training.fleet.hearing import Hearing
from training.fleet.machines import machines_of_data
from training.fleet.plant import Plant, evaluate_plant, score_plant, train_plant
from training.fleet.recipes import recipes_of_file
from training.fleet.summary import Summary, text_of_summary, write_summary
from training.fleet.tasks import Terms

PIECE_MB = 64
"""About half an hour of 16-bit sound at 16 kHz: long beside what opening a bundle takes."""
LIMIT_MINUTES = 240.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's verbs and their arguments."""
    verbs = parser.add_subparsers(dest="fleet_verb", required=True, metavar="train|evaluate|score")
    train = verbs.add_parser("train", help="one bundle a machine, the best of some recipes")
    _add_common(train)
    train.add_argument(
        "--recipes", type=Path, metavar="YAML",
        help="what to try on each: a list or a grid of options of `wheeltapper train` (docs/fleet.md); "
        "default: the recommended kind",
    )  # fmt: skip
    train.add_argument(
        "--gpu-share", type=float, default=0.0, metavar="SHARE",
        help="train on GPUs, each shared by 1/SHARE trainings; default: on CPUs",
    )  # fmt: skip
    evaluate = verbs.add_parser("evaluate", help="each machine's bundle on its labelled sound")
    score = verbs.add_parser("score", help="an archive of recordings, each with its machine's bundle")
    for verb in (evaluate, score):
        _add_common(verb)
        _add_hearing(verb)
    evaluate.add_argument(
        "--truth", type=Path, help="truth.csv with the times of events, files named as in DATA"
    )
    score.add_argument(
        "--piece-mb", type=whole_number, default=PIECE_MB, metavar="N",
        help="sound files up to so much are a task; longer ones are cut; default: %(default)s",
    )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="DATA",
        help="folder or URL with an index.csv that has a column machine, or with a folder for each machine",
    )  # fmt: skip
    parser.add_argument("--out", required=True, metavar="OUT", help="folder or URL (s3://...) of the results")
    parser.add_argument(
        "--ray", metavar="ADDRESS",
        help="a cluster's address, `local` for one on this machine, `none` for one task after the other; "
        "default: local where Ray is installed, else none",
    )  # fmt: skip
    parser.add_argument("--workers", type=whole_number, help="CPUs that --ray local uses; default: all")
    parser.add_argument(
        "--threads", type=whole_number, default=1, help="CPUs of a task; default: %(default)s"
    )
    parser.add_argument(
        "--limit-minutes", type=float, default=LIMIT_MINUTES, help="time for a task; default: %(default)g"
    )
    parser.add_argument("--memory-gb", type=float, help="memory for a task; default: no limit of ours")
    parser.add_argument("--machine", action="append", default=[], help="only this one; may be repeated")


def _add_hearing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundles", metavar="URL", help="OUT of `fleet train`; default: OUT")
    parser.add_argument("--hop-frames", type=whole_number, default=WindowConfig().hop_frames,
        help="frames from window to window; default: %(default)s")  # fmt: skip
    parser.add_argument("--channel", type=whole_number, default=1, help="channel of the files, from 1")
    parser.add_argument(
        "--false-alarms-per-week", type=float, default=AlarmConfig().false_alarms_per_week,
        help="the budget that sets value 1; default: %(default)g",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Do what is missing and say what came of every machine. Exit code 0: all done; 1: not all.

    Raises:
        CodedError: Data, recipes or a place cannot be used; nothing was begun.
    """
    verb = arguments.fleet_verb
    recipes = recipes_of_file(arguments.recipes) if verb == "train" else []
    out = Artefacts(arguments.out)
    machines = tuple(machines_of_data(arguments.data, arguments.machine))
    with contextlib.closing(engine_for(arguments.ray, arguments.workers)) as engine:
        plant = Plant(_shared(arguments.data), machines, _terms(arguments), engine)
        if verb == "train":
            summary = train_plant(plant, recipes)
        elif verb == "evaluate":
            truth = {} if arguments.truth is None else events_of_truth(arguments.truth)
            summary = evaluate_plant(plant, _bundles(arguments), _hearing(arguments), truth)
        else:
            piece_bytes = arguments.piece_mb * 1_000_000
            summary = score_plant(plant, _bundles(arguments), _hearing(arguments), piece_bytes=piece_bytes)
    return _told(summary, out, verb)


def _told(summary: Summary, out: Artefacts, verb: str) -> int:
    try:
        write_summary(out, verb, summary)
    except OSError as error:
        raise FleetError(f"{out.url}: {error}; see that it can be written, and run again") from error
    sys.stdout.write(text_of_summary(summary))
    sys.stdout.write(f"written: {out.path(verb + '.html')} (and .csv, .json)\n")
    return 0 if summary.is_complete else 1


def _terms(arguments: argparse.Namespace) -> Terms:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    gpu_share = getattr(arguments, "gpu_share", 0.0)
    if not 0.0 <= gpu_share <= 1.0:
        raise FleetError(f"--gpu-share {gpu_share}: give 0 to 1")
    return Terms(
        out=_shared(arguments.out),
        threads=arguments.threads,
        limit_s=60.0 * arguments.limit_minutes,
        memory_bytes=None if arguments.memory_gb is None else int(1e9 * arguments.memory_gb),
        made_utc_s=float(epoch) if epoch else time.time(),
        gpu_share=gpu_share,
    )


def _shared(url: str) -> str:
    """Return the URL, or the path as workers in another directory need it.

    Raises:
        FleetError: It names what only one process can see.
    """
    if url.startswith("memory:"):
        raise FleetError(f"{url}: no other process sees it, and workers are others; give a folder or a store")
    return url if "://" in url or "::" in url else str(Path(url).resolve())


def _bundles(arguments: argparse.Namespace) -> str:
    return _shared(arguments.bundles or arguments.out)


def _hearing(arguments: argparse.Namespace) -> Hearing:
    return Hearing(arguments.hop_frames, arguments.channel, arguments.false_alarms_per_week)
