"""`wheeltapper retrain SOURCE`: from what technicians said of events to a new candidate bundle."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from monitor.commands.hearing import whole_number
from monitor.commands.learned_bundle import put_in_place
from monitor.commands.record import choose_source
from monitor.errors import ExtraMissingError
from monitor.learning.place_of_training import can_learn_here
from monitor.learning.steps import How

RETRAINING = "training.retrain.retraining"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("source", metavar="SOURCE", help="id of a source of the configuration")
    parser.add_argument("--config", type=Path, help="default: ./config.yaml")
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[], metavar="PATH",
        help="normal sound: folders, index.csv or sound files; default: what `learn` learned from here",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="put the bundle there, in place of making it the source's candidate",
    )  # fmt: skip
    parser.add_argument(
        "--epochs",
        type=whole_number,
        help="passes over normal sound; default: as the hours need. How many the judge that anomalies teach "
        "needs follows from the hours alone",
    )
    parser.add_argument("--threads", type=whole_number, help="CPU threads; default: one for each core")
    parser.add_argument("--widths", help="channels of each stage, as for `wheeltapper train`")


def run(arguments: argparse.Namespace) -> int:
    """Make the bundle, or go on with it, and put it in its place."""
    config, chosen = choose_source(arguments.source, arguments.config)
    if not can_learn_here():
        raise ExtraMissingError(
            "torch is missing, without which nothing is learned here: pip install 'wheeltapper[train]', or "
            "learn from a copy of the state directory on another machine (docs/retraining.md)"
        )
    retraining: Any = importlib.import_module(RETRAINING)
    how = How(arguments.epochs, arguments.threads, arguments.widths)
    order = retraining.Order(config, chosen, tuple(arguments.data), how)
    bundle = retraining.retrain(order, _say)
    for line in put_in_place(bundle, config, chosen, arguments.out, note=retraining.RUN):
        _say(line)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
