"""`python -m training.ablations`: makes the trials that are missing and writes the report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import torch

from engines.errors import CodedError
from monitor.commands.hearing import whole_number
from training.ablations.kept import STREAM_SET, Keep
from training.ablations.material import ClipMaterial, StreamMaterial, clip_material, stream_material
from training.ablations.questions import CLIPS, QUESTIONS, Question, Variant, questions_of
from training.ablations.report import Asked, report_of
from training.ablations.trial import run_trial
from training.benchmark.rows import code_digest
from training.benchmark.shared_arguments import add_shared, add_threads
from training.benchmark.streams import refuse_missing, streams_of
from training.errors import TrainingError

Job = tuple[Question, Variant, int]
"""A variant of a question with a seed."""
Materials = Callable[[str], "StreamMaterial | ClipMaterial"]
"""By what a question is asked on; each is made when it is first needed."""


def parser_of_command() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m training.ablations", description=__doc__)
    add_shared(parser)
    parser.add_argument(
        "--work", type=Path, default=Path("out/benchmark"),
        help="streams and trials are kept here (default: the benchmark's, %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("docs/ablations.md"), help="default: %(default)s")
    parser.add_argument(
        "--seeds", type=whole_number, default=3, help="of each variant (default: %(default)s)"
    )
    parser.add_argument(
        "--only", type=lambda text: tuple(text.split(",")), default=(), metavar="A,B",
        help="make only trials of these questions; the report has all that are there",
    )  # fmt: skip
    parser.add_argument("--slow", action="store_true", help="variants that take half an hour too (aisfx)")
    add_threads(parser, of="the training")
    parser.add_argument("--report-only", action="store_true", help="make no trial")
    return parser


def jobs_of(questions: Sequence[Question], seeds: int, *, slow: bool) -> Iterator[Job]:
    """Yield what is to be tried, the first seed of all variants first."""
    for seed in range(seeds):
        for question in questions:
            for variant in question.variants:
                if slow or not variant.is_slow:
                    yield question, variant, seed


def run(words: Sequence[str]) -> int:
    """Make what is missing, and report; 1 where a trial failed.

    Raises:
        CodedError: The shared folder is missing, or an argument is wrong.
    """
    arguments = parser_of_command().parse_args(words)
    questions = questions_of(arguments.only)
    torch.set_num_threads(arguments.threads)
    code_digest()  # of what was just imported: the files may change while this runs
    refuse_missing(arguments.shared)
    arguments.work.mkdir(parents=True, exist_ok=True)
    shared, work = arguments.shared.resolve(), arguments.work.resolve()
    keep = Keep(shared, streams_of(shared, work, smoke=False), work)
    failed = 0
    if not arguments.report_only:
        failed = _make(keep, list(jobs_of(questions, arguments.seeds, slow=arguments.slow)))
    asked = [_asked(keep, question, arguments.seeds, slow=arguments.slow) for question in QUESTIONS]
    arguments.out.write_text(report_of(asked), encoding="utf-8")
    missing = sum(item.missing for item in asked)
    sys.stdout.write(f"{arguments.out} written; {missing} trials are missing, {failed} failed\n")
    return 1 if failed else 0


def _make(keep: Keep, jobs: Sequence[Job]) -> int:
    """Make the trials that are missing, and return how many failed; one that fails stops no other."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="wheeltapper-ablations-") as folder:
        materials = _materials(keep, Path(folder))
        for question, variant, seed in jobs:
            path = keep.path(question, variant, seed)
            if path.is_file():
                continue
            sys.stderr.write(f"ablations: {path.stem}\n")
            try:
                trial = run_trial(question, variant, seed, materials(question.asked_on))
            except TrainingError as error:
                failed += 1
                sys.stderr.write(f"ablations: {path.stem}: {error}\n")
                continue
            keep.add(path, trial)
            sys.stderr.write(f"ablations: {path.stem}: {trial.cpu_s:.0f} CPU seconds\n")
    return failed


def _materials(keep: Keep, folder: Path) -> Materials:
    @cache
    def streams() -> StreamMaterial:
        return stream_material(keep.shared, keep.streams / STREAM_SET, folder / "streams")

    @cache
    def clips() -> ClipMaterial:
        return clip_material(keep.shared, folder / "clips")

    return lambda asked_on: clips() if asked_on == CLIPS else streams()


def _asked(keep: Keep, question: Question, seeds: int, *, slow: bool) -> Asked:
    """Return the trials of a question; slow ones count as missing only if they were asked for."""
    wanted = {(variant.name, seed) for _, variant, seed in jobs_of([question], seeds, slow=slow)}
    jobs = sorted(jobs_of([question], seeds, slow=True), key=lambda job: question.variants.index(job[1]))
    found = [trial for job in jobs if (trial := keep.trial(*job)) is not None]
    there = {(trial.variant, trial.seed) for trial in found}
    return Asked(question, tuple(found), len(wanted - there))


def main() -> int:
    """Run the command; what a person can mend is told in one sentence."""
    try:
        return run(sys.argv[1:])
    except CodedError as error:
        sys.stderr.write(f"ablations: {error} [{error.code}]\n")
        return 2
