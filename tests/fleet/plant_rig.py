"""Small plants of noise, and runs of `wheeltapper fleet` on them in a process of their own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE_HZ = 16_000
TINY = "recipes: [{name: tiny, kind: ae, widths: '2', epochs: 1, head: mean, no-calibration: true}]\n"
"""A second of work: one epoch of a few weights, a fixed head, no limit."""
LENGTHS_S = (42, 26, 13)
"""What the tiny recipe can be trained on, just so."""
COMMAND = (sys.executable, "-m", "monitor", "fleet")
EPOCH = "1700000000"


def write_sound(path: Path, seconds: float, seed: int) -> None:
    """A hiss whose level wanders, another one for each seed."""
    draws = np.random.default_rng(seed)
    level = np.repeat(np.exp(0.2 * draws.standard_normal(round(4 * seconds))), RATE_HZ // 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = draws.standard_normal(len(level), dtype=np.float32)
    soundfile.write(path, 0.05 * level * noise, RATE_HZ, subtype="PCM_16")


def write_plant(folder: Path, machines: Iterable[str]) -> Path:
    """A folder of folders, each with what a machine needs at least."""
    for number, machine in enumerate(machines):
        for index, seconds in enumerate(LENGTHS_S):
            write_sound(folder / machine / f"{index}.wav", seconds, 100 * number + index)
    return folder


def fleet_environment() -> dict[str, str]:
    """As a person's, but all is made at one time, and Ray's workers do not give way to other tests."""
    ours = {"SOURCE_DATE_EPOCH": EPOCH, "RAY_worker_niceness": "0"}
    return {**os.environ, **ours, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def fleet(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `wheeltapper fleet` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], check=False, capture_output=True, text=True, env=fleet_environment()
    )


def rows_of(out: Path, verb: str) -> dict[str, dict[str, Any]]:
    """The summary's rows by machine."""
    tree = json.loads((out / f"{verb}.json").read_text())
    return {row["machine"]: row for row in tree["machines"]}


def without_cost(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A report or a row but for what differs from run to run."""
    return {key: value for key, value in tree.items() if key not in {"cost", "cpu_s"}}


def made_in(out: Path) -> dict[str, str]:
    """Digest of everything below `machines`, by place; reports without their cost, logs left out."""
    digests = {}
    for path in sorted((out / "machines").rglob("*")):
        if path.is_dir() or path.name == "log.txt":
            continue
        content = path.read_bytes()
        if path.name == "task.json":
            content = json.dumps(without_cost(json.loads(content))).encode()
        digests[str(path.relative_to(out))] = hashlib.sha256(content).hexdigest()
    return digests
