"""`python -m training.explain.study`: measures what is missing and writes docs/explanations.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from engines.errors import CodedError
from monitor.commands.hearing import whole_number
from training.benchmark.rows import code_digest
from training.benchmark.shared_arguments import add_shared, add_threads
from training.benchmark.streams import refuse_missing, streams_of
from training.benchmark.work import Workplace
from training.explain.study.bundles import Bundles
from training.explain.study.measuring import Measuring, measure_all
from training.explain.study.plan import Plan
from training.explain.study.report import write_report

ALL = 1_000_000
"""Clips: more than there are."""
SMOKE = Plan(
    kinds=("ae", "mae"),
    words=("--widths", "4,4,8,8", "--epochs", "1", "--head", "mean"),
    seeds=1,
    clips=1,
    normal_clips=1,
    draws=1,
    steps=1,
)
"""Shows that everything works; its figures say nothing."""


def parser_of_command() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m training.explain.study", description=__doc__)
    add_shared(parser)
    parser.add_argument(
        "--work", type=Path, default=Path("out/benchmark"),
        help="streams, bundles and figures are kept here (default: the benchmark's, %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="the report (default: docs/explanations.md)")
    parser.add_argument("--kinds", type=lambda text: tuple(text.split(",")), default=plan.kinds,
        help=f"models to explain (default: {','.join(plan.kinds)})")  # fmt: skip
    parser.add_argument(
        "--seeds", type=whole_number, default=plan.seeds, help="of each kind (default: %(default)s)"
    )
    parser.add_argument(
        "--own-seeds", type=whole_number, default=plan.own_seeds,
        help="of each kind, explained in our own way too (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--clips", type=whole_number, default=plan.clips, help="with an event (default: %(default)s)"
    )
    parser.add_argument(
        "--normal-clips", type=whole_number, default=plan.normal_clips, help="default: %(default)s"
    )
    parser.add_argument("--all", action="store_true", help="explain all clips (hours)")
    add_threads(parser, of="torch")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--smoke", action="store_true",
        help="tiny models on a few streams, in a folder of its own: shows that everything works")  # fmt: skip
    return parser


def run(words: Sequence[str]) -> int:
    """Measure and report; 1 where a part could not be measured.

    Raises:
        CodedError: The shared folder is missing, or an argument is wrong.
    """
    arguments = parser_of_command().parse_args(words)
    torch.set_num_threads(arguments.threads)
    code_digest()  # of what was just imported: the files may change while this runs
    refuse_missing(arguments.shared)
    if arguments.smoke and arguments.work == Path("out/benchmark"):
        arguments.work = Path("out/explain-smoke")
    arguments.work.mkdir(parents=True, exist_ok=True)
    shared, work = arguments.shared.resolve(), arguments.work.resolve()
    place = Workplace(shared, work, streams_of(shared, work, smoke=arguments.smoke))
    plan = SMOKE if arguments.smoke else _plan(arguments)
    out = arguments.out or (work / "explanations.md" if arguments.smoke else Path("docs/explanations.md"))
    return study(plan, place, out, report_only=arguments.report_only)


def study(plan: Plan, place: Workplace, out: Path, *, report_only: bool = False) -> int:
    """Measure what is missing of a plan, and write the report; 1 where a part could not be measured."""
    with tempfile.TemporaryDirectory(prefix="wheeltapper-explain-") as scratch:
        measuring = Measuring(plan, place, Bundles(place, Path(scratch)))
        done, failed = (0, []) if report_only else measure_all(measuring)
        kept = {part: measuring.kept(part) for part in plan.parts()}
    missing = [part for part, found in kept.items() if found is None]
    parts = [found for found in kept.values() if found is not None]
    write_report(out, plan, parts, missing, place.shared / "bench" / "NUMBERS.md")
    sys.stdout.write(f"{done} parts measured, {len(failed)} failed; {out} written, {len(missing)} missing\n")
    return 1 if failed else 0


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        kinds=arguments.kinds,
        seeds=arguments.seeds,
        own_seeds=arguments.own_seeds,
        clips=ALL if arguments.all else arguments.clips,
        normal_clips=ALL if arguments.all else arguments.normal_clips,
    )


def main() -> int:
    """Run the command; what a person can mend is told in one sentence."""
    try:
        return run(sys.argv[1:])
    except CodedError as error:
        sys.stderr.write(f"explain: {error} [{error.code}]\n")
        return 2
