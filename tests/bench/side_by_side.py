"""Two checkouts' daemons at the same time on one core: what an hour of sound costs the one and the other.

    git worktree add ../before COMMIT
    python tests/bench/side_by_side.py ../before [--kind mae] [--sources 32] [--rounds 7]

On a box where others work CPU seconds of the same daemon differ by a third from minute to minute, far more
than most changes save. Side by side both have the same caches, the same neighbours and the same interruptions
in the same seconds, so that the ratio says something where the figures do not. The one that starts later was
charged 3 % more when both were the same checkout: run it the other way round as well. Each has a broker and a
subscriber of its own. Prints both for each round, then their sums, and how late scores were.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crowd import Crowd, crowd_daemon, last_core, write_sound
from fixtures_daemon import ROOT


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process and its threads have had since they began."""

    cpu_s: float
    """User and system."""
    switches: int
    """Changes of thread, of its own will or not."""


def reading_of(pid: int) -> Reading:
    """Read it of every thread of a process; one that ends meanwhile is passed over."""
    cpu_s, switches = 0.0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            cpu_s += int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
            status = (task / "status").read_text(encoding="utf-8")
            switches += sum(int(count) for count in re.findall(r"ctxt_switches:\s+(\d+)", status))
    return Reading(cpu_s, switches)


def compare(trees: list[Path], arguments: argparse.Namespace, folder: Path) -> None:
    """Run the daemons of all trees together and print what each of them used."""
    sound = write_sound(folder)
    with contextlib.ExitStack() as running:
        daemons = []
        for number, tree in enumerate(trees):
            place = folder / str(number)
            place.mkdir()
            crowd = Crowd(arguments.kind, sound, arguments.sources, 250.0, last_core(), 0.0, tree)
            daemons.append(running.enter_context(crowd_daemon(crowd, place)))
        time.sleep(arguments.settle)
        pids = [daemon.process.pid for daemon, _ in daemons if daemon.process is not None]
        for _, lags_s in daemons:
            lags_s.clear()
        hours = arguments.sources * arguments.seconds / 3600
        first = [reading_of(pid) for pid in pids]
        for _ in range(arguments.rounds):
            before = [reading_of(pid) for pid in pids]
            time.sleep(arguments.seconds)
            costs = [
                (reading_of(pid).cpu_s - was.cpu_s) / hours for pid, was in zip(pids, before, strict=True)
            ]
            said = ", ".join(f"{cost:.2f}" for cost in costs)
            sys.stdout.write(f"{said} CPU s per hour of sound, load {os.getloadavg()[0]:.1f}\n")
        for tree, pid, was, (_, lags_s) in zip(trees, pids, first, daemons, strict=True):
            now, total_s = reading_of(pid), arguments.rounds * arguments.seconds
            p50, p99 = np.percentile(np.array(lags_s), [50, 99])
            sys.stdout.write(
                f"{tree}: {(now.cpu_s - was.cpu_s) / hours / arguments.rounds:.2f} CPU s per hour of sound, "
                f"{(now.switches - was.switches) / total_s:.0f} changes of thread a second, scores after "
                f"{p50:.2f} s (p99 {p99:.2f} s, {len(lags_s)} windows)\n"
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("--kind", choices=("ae", "mae"), default="ae", help="of the demo's bundles")
    parser.add_argument("--sources", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each round")
    parser.add_argument("--settle", type=float, default=14.0, help="after the start, as in scale.py")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare([arguments.before.resolve(), ROOT], arguments, Path(folder))


if __name__ == "__main__":
    main()
