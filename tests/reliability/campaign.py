"""The fault campaign: sequences of faults by lot, against real daemons, and what they find.

    python tests/reliability/campaign.py --minutes 20 --workers 3     as long as that
    python tests/reliability/campaign.py --seed 7                     the sequence of one seed, again
    python tests/reliability/campaign.py --steps "silence+kill -9!3"  steps that you name; ! an alarm stands

A sequence with violations is made smaller with --shrink: steps that are not needed to see one are left out.

Begin it with `setsid` where the terminal may be closed meanwhile: a process group that loses its shell is
sent SIGHUP and SIGCONT (setpgid(2)), which reloads the daemon and sets one that is stopped going.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkout import commit
from plant_lab import LabTimes, missing_parts
from run_sequence import SequenceResult, StepResult, run_sequence
from sequences import Step, sequence_of_seed, step_of_text

STEPS = 16
"""In one sequence: every fault once."""
OUT = Path("out") / "reliability"


def tree_of_result(result: SequenceResult, steps: Sequence[Step]) -> dict[str, object]:
    """Return a result as JSON, with the text of its steps."""
    texts = [step.text for step in steps]
    ran = {"commit": commit(), "nice": os.getpriority(os.PRIO_PROCESS, 0)}
    return {**asdict(result), "found": result.found, "texts": texts, **ran}


def run_one(
    steps: Sequence[Step],
    seed: int,
    times: LabTimes,
    *,
    keep: Path | None = None,
    longest_s: float = float("inf"),
) -> SequenceResult:
    """Run one sequence in a folder that goes afterwards.

    `keep`: where the daemon's log goes if something was found, or the daemon was not healthy in time.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        folder = Path(name)
        result = run_sequence(folder, steps, seed, times, note=show, longest_s=longest_s)
        gave_up = any(step.recovered_after_s is None for step in result.steps)
        if (result.found or gave_up) and keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "daemon.log", keep / "daemon.log")
    return result


def show(result: StepResult) -> None:
    """Print what came of a step."""
    told = ", ".join(f"{name} told after {after_s:.1f} s" for name, after_s in result.told_after_s.items())
    after_s = result.recovered_after_s
    healthy = "never healthy" if after_s is None else f"healthy after {after_s:.1f} s"
    wrong = "; ".join(result.violations + result.late)
    print(f"{result.step.text:40} {told or 'nothing to tell'}; {healthy}", wrong, flush=True)  # noqa: T201 - a command's output


def shrink(steps: Sequence[Step], seed: int, times: LabTimes) -> Sequence[Step]:
    """Return fewer steps that still find something: without each step in turn, as long as that works."""
    left = list(steps)
    for step in steps:
        fewer = [other for other in left if other is not step]
        if fewer and run_one(fewer, seed, times).found:
            left = fewer
    return left


def run_many(minutes: float, workers: int, seed: int) -> list[dict[str, object]]:
    """Run sequences in processes of their own until the time is over; seeds rise from `seed`."""
    until_s = time.monotonic() + minutes * 60
    OUT.mkdir(parents=True, exist_ok=True)

    def work(worker: int) -> list[dict[str, object]]:
        results, number = [], seed + worker
        while time.monotonic() < until_s:
            path = OUT / f"seed-{number}.json"
            path.unlink(missing_ok=True)
            command = [sys.executable, __file__, "--seed", str(number), "--json", str(path)]
            command += ["--nice", str(os.getpriority(os.PRIO_PROCESS, 0))]
            command += ["--longest-s", str(max(until_s - time.monotonic(), 1.0))]
            with (OUT / f"seed-{number}.log").open("wb") as log:
                subprocess.run(command, stdout=log, stderr=log, check=False)
            if path.exists():
                results.append(json.loads(path.read_text()))
            else:
                results.append({"seed": number, "broken": (OUT / f"seed-{number}.log").read_text()[-2000:]})
            number += workers
        return results

    with ThreadPoolExecutor(workers) as pool:
        return [result for results in pool.map(work, range(workers)) for result in results]


def main() -> int:
    """Run what was asked for; 1: something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="run sequence after sequence for so long")
    parser.add_argument("--workers", type=int, default=1, help="sequences at once")
    parser.add_argument("--seed", type=int, default=1, help="of the first sequence")
    parser.add_argument("--steps", help="steps of one's own, separated by commas")
    parser.add_argument("--shrink", action="store_true", help="leave out what is not needed")
    parser.add_argument("--longest-s", type=float, default=float("inf"), help="then begin no further step")
    parser.add_argument("--nice", type=int, default=10, help="priority, for those beside it")
    parser.add_argument("--json", type=Path, help="where the result goes")
    arguments = parser.parse_args()
    if missing_parts():
        print(f"no campaign here: {missing_parts()}")  # noqa: T201 - a command's output
        return 2
    os.setpriority(os.PRIO_PROCESS, 0, arguments.nice)  # once, however many processes stand between
    if arguments.minutes:
        results = run_many(arguments.minutes, arguments.workers, arguments.seed)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1))
        return int(any(result.get("found") or "broken" in result for result in results))
    return _one(arguments)


def _one(arguments: argparse.Namespace) -> int:
    times = LabTimes.as_installed()
    texts = arguments.steps.split(",") if arguments.steps else []
    steps = [step_of_text(text) for text in texts] or sequence_of_seed(arguments.seed, STEPS)
    print(f"seed {arguments.seed}:", ", ".join(step.text for step in steps), flush=True)  # noqa: T201 - as above
    keep = OUT / f"seed-{arguments.seed}"
    result = run_one(steps, arguments.seed, times, keep=keep, longest_s=arguments.longest_s)
    tree = tree_of_result(result, steps)
    print("found:", *(result.found or ["nothing"]), sep="\n  ")  # noqa: T201 - as above
    if result.found and arguments.shrink:
        small = shrink(steps, arguments.seed, times)
        tree["smallest"] = [step.text for step in small]
        print("smallest:", ",".join(step.text for step in small))  # noqa: T201 - as above
    if arguments.json:
        arguments.json.write_text(json.dumps(tree, indent=1))
    return int(bool(result.found))


if __name__ == "__main__":
    sys.exit(main())
