"""What a window costs by how many go into one call of ONNX Runtime: CPU time, and memory that stays.

    PYTHONPATH=. python tests/bench/call_size.py engines/demo/ae

Each size is measured in processes of its own, in turns, so that a busy box makes all of them alike slow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import engines.backend_onnx
from engines.bundle import open_bundle

SIZES = (1, 2, 4, 8, 16, 32, 64)
ROUNDS = 3
WINDOWS = 256


def anonymous_mb() -> float:
    """Return what this process has allocated and touched."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(value) * 1024 / 1e6


def measure(folder: Path, size: int) -> tuple[float, float]:
    """Return CPU milliseconds a window, and MB that the session took."""
    before_mb = anonymous_mb()
    engine = engines.backend_onnx.open_engine(open_bundle(folder))
    engines.backend_onnx.CALL_WINDOWS = size
    shape = (size, engine.bundle.manifest.mel, engine.bundle.manifest.frames)
    batch = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    for _ in range(3):
        engine.infer(batch)
    calls = max(2, WINDOWS // size)
    began_s = time.process_time()
    for _ in range(calls):
        engine.infer(batch)
    cpu_ms = 1000 * (time.process_time() - began_s) / (calls * size)
    return cpu_ms, anonymous_mb() - before_mb


def main() -> int:
    """Print a line for each size: the least of the times, the median of the memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--size", type=int, help="only this one, here, as JSON")
    arguments = parser.parse_args()
    if arguments.size:
        print(json.dumps(measure(arguments.bundle, arguments.size)))  # noqa: T201 - a command's output
        return 0
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            command = [sys.executable, __file__, str(arguments.bundle), "--size", str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[size].append(tuple(json.loads(done.stdout)))
    for size, rows in found.items():
        cpu_ms, mb = min(row[0] for row in rows), statistics.median(row[1] for row in rows)
        print(f"{size:3} windows in a call: {cpu_ms:.3f} ms a window, {mb:.0f} MB")  # noqa: T201 - the same
    return 0


if __name__ == "__main__":
    sys.exit(main())
