"""How long an hour of sound takes to become a bundle: `wheeltapper learn --data`, in CPU seconds.

    python tests/bench/learn_time.py [--minutes 60] [--threads 2] [--epochs N]

The sound is the simulated pump at 16 kHz, without faults. Its recording is not timed: that takes its own
length. It is to take less than 15 minutes on two cores that do nothing else; CPU seconds tell the same beside
other work, but for threads that wait for each other. One object of JSON on the last line.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from monitor.simulate import SimulatedMachine

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
WITHIN_S = 900.0
"""An hour of sound is to be a running bundle in less, on two cores."""
STEPS = (("looking through", "look"), ("learning ", "learn"), ("learned ", "report"))
"""How a line begins that the verb says when a step begins, and what the step is called."""


def main() -> int:
    """Make the sound, learn from it, and tell what each step cost; 1 where it took too long."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="passes; default: as the minutes need")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder / "sound", arguments.minutes)
        config = folder / "config.yaml"
        config.write_text(f"state_dir: {folder / 'state'}\nsources: [{{id: pump-1, kind: microphone}}]\n")
        words = ["learn", "pump-1", "--config", str(config), "--data", str(folder / "sound")]
        words += ["--threads", str(arguments.threads)]
        words += [] if arguments.epochs is None else ["--epochs", str(arguments.epochs)]
        before_s = cpu_s()
        began_s = time.monotonic()
        steps = timed([sys.executable, "-m", "monitor", *words])
        wall_s, used_s = time.monotonic() - began_s, cpu_s() - before_s
    told = {
        "minutes": arguments.minutes,
        "threads": arguments.threads,
        "wall_s": round(wall_s, 1),
        "cpu_s": round(used_s, 1),
        "steps_wall_s": {step: round(seconds, 1) for step, seconds in steps.items()},
        "load_1_min": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0 if wall_s < WITHIN_S else 1


def record(folder: Path, minutes: int) -> None:
    """Write so many minutes of a healthy pump, a file each."""
    folder.mkdir()
    machine = SimulatedMachine("pump", seed=1, sample_rate_hz=RATE_HZ)
    for number in range(minutes):
        samples = np.clip(machine.next_samples(60 * RATE_HZ), -1.0, 1.0)
        soundfile.write(folder / f"{number:03d}.flac", samples, RATE_HZ, subtype="PCM_16")


def timed(command: list[str]) -> dict[str, float]:
    """Run the verb, show what it says, and return how long each of its steps took by the clock."""
    steps: dict[str, float] = {}
    at, since_s = "start", time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stderr.write(line)
            following = next((name for words, name in STEPS if line.startswith(words)), None)
            if following is not None:
                now_s = time.monotonic()
                steps[at] = now_s - since_s
                at, since_s = following, now_s
    steps[at] = time.monotonic() - since_s
    if process.returncode:
        sys.exit(process.returncode)
    return steps


def cpu_s() -> float:
    """Return the CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
