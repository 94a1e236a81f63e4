"""`python -m training.benchmark`: measures what is missing and writes the report from what is there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from engines.errors import CodedError
from monitor.commands.hearing import whole_number
from training.benchmark.plan import METHODS, SETS, Method, Plan
from training.benchmark.report import write_report
from training.benchmark.rows import code_digest
from training.benchmark.shared_arguments import add_shared, add_threads
from training.benchmark.streams import refuse_missing, streams_of
from training.benchmark.work import Workplace, measure

SMOKE = Plan(
    (*(m for m in METHODS if m.is_control), Method("dense", ("dense", "--epochs", "2"))),
    1,
    ("uav", "toycar_id_02"),
)
"""Shows that everything works; its figures say nothing."""


def parser_of_command() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    add_shared(parser)
    parser.add_argument("--work", type=Path, help="what is measured is kept here (default: out/benchmark)")
    parser.add_argument("--out", type=Path, help="the report (default: docs/benchmark.md)")
    parser.add_argument("--seeds", type=whole_number, default=3, help="of each method (default: %(default)s)")
    parser.add_argument("--epochs", type=whole_number, help="for a trial: at most so many, for all methods")
    parser.add_argument("--only", type=_names, default=(), metavar="NAME,NAME",
        help="measure only methods of these names; the report has all that are there")  # fmt: skip
    parser.add_argument(
        "--sets", type=_sets, default=SETS, metavar="NAME,NAME", help=f"default: {','.join(SETS)}"
    )
    add_threads(parser, of="the training")
    parser.add_argument("--force", action="store_true", help="measure again what was measured")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--smoke", action="store_true",
        help="one small method on a few streams, in its own folder: shows that everything works")  # fmt: skip
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sets(text: str) -> tuple[str, ...]:
    names = _names(text)
    if not names or (unknown := [name for name in names if name not in SETS]):
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown) if names else text!r}: known are {', '.join(SETS)}"
        )
    return names


def run(words: Sequence[str]) -> int:
    """Measure and report; 1 where a row could not be measured.

    Raises:
        CodedError: The shared folder is missing, or an argument is wrong.
    """
    arguments = parser_of_command().parse_args(words)
    torch.set_num_threads(arguments.threads)
    code_digest()  # of what was just imported: the files may change while this runs
    plan = SMOKE if arguments.smoke else _plan(arguments)
    plan.refuse_unknown(arguments.only)
    refuse_missing(arguments.shared)
    shared = arguments.shared.resolve()
    work = arguments.work or Path("out/benchmark-smoke" if arguments.smoke else "out/benchmark")
    work.mkdir(parents=True, exist_ok=True)
    place = Workplace(shared, work.resolve(), streams_of(shared, work.resolve(), smoke=arguments.smoke))
    failed: tuple[str, ...] = ()
    if not arguments.report_only:
        done = measure(place, plan, arguments.only, force=arguments.force)
        failed = done.failed
        sys.stdout.write(f"{done.measured} rows measured, {len(failed)} failed\n")
    out = arguments.out or (work / "benchmark.md" if arguments.smoke else Path("docs/benchmark.md"))
    missing = write_report(out, place, plan)
    sys.stdout.write(f"{out} written; {missing} rows are missing\n")
    return 1 if failed else 0


def _plan(arguments: argparse.Namespace) -> Plan:
    methods = METHODS
    if arguments.epochs is not None:
        words = ("--epochs", str(arguments.epochs))
        methods = tuple(m if m.is_control else replace(m, words=(*m.words, *words)) for m in methods)
    return Plan(methods, arguments.seeds, arguments.sets)


def main() -> int:
    """Run the command; what a person can mend is told in one sentence."""
    try:
        return run(sys.argv[1:])
    except CodedError as error:
        sys.stderr.write(f"benchmark: {error} [{error.code}]\n")
        return 2
