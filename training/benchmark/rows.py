"""What was measured, one JSON file a row, so that an interrupted benchmark goes on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from training.errors import TrainingError

FOLDER = "rows"
TRAINING = Path(__file__).resolve().parent.parent
CODE = (
    *("anomalies.py", "bundling.py", "commission.py", "data.py", "detector.py", "deviation.py"),
    *("features.py", "gather.py", "losses.py", "seeding.py", "sound.py", "split.py", "train.py"),
    *("train_arguments.py", "heads", "models", "pseudo", "evaluation"),
    *("benchmark/scoring.py", "benchmark/controls.py", "benchmark/promises.py"),
)
"""Under training/: what decides a model, its scores and its figures."""


@dataclass(frozen=True, slots=True)
class Row:
    """Everything measured of one method with one seed on one set."""

    method: str
    kind: str
    set: str
    seed: int
    figures: Mapping[str, float | None]
    """By name; None where there is nothing to judge."""
    head: str = ""
    """What the scores come from; see training.heads. A control has none."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Events found at 1 % of clear windows, as `30/40`."""
    costs: Mapping[str, float | None] = field(default_factory=dict)
    """Seconds, bytes and the parity of the export, by name."""
    limit: Mapping[str, float] | None = None
    """The raw score of value 1 with its 90 % interval; None without a calibration."""
    no_limit_because: str = ""
    """Why there is no calibration."""
    promises: tuple[Mapping[str, float], ...] = ()
    """False alarms stated and found; see training.benchmark.promises."""
    controls: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Figures of the controls on the same clips, by their names."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """When, where and with what."""


def row_path(work: Path, name: str) -> Path:
    """Return where a row of this name is kept."""
    return work / FOLDER / f"{name}.json"


def write_row(path: Path, row: Row) -> None:
    """Keep a row; it is there wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.write_text(json.dumps(asdict(row), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def read_row(path: Path) -> Row | None:
    """Return a kept row, or None where there is none.

    Raises:
        TrainingError: The file is damaged.
    """
    if not path.is_file():
        return None
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return Row(**{**tree, "promises": tuple(tree["promises"])})
    except (ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{path}: is damaged ({error}); delete it, and it is measured again") from error


def circumstances() -> dict[str, Any]:
    """Return when, where and with what a row is made, JSON-able."""
    return {
        "utc": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "code": code_digest(),
    }


@functools.cache
def code_digest() -> str:
    """Return a digest of the source that decides a model and its scores, as it is when first asked for."""
    found = hashlib.sha256()
    paths = [path for pattern in CODE for path in TRAINING.glob(pattern)]
    files = {file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))}
    for file in sorted(files):
        found.update(f"{file.relative_to(TRAINING)}\n".encode() + file.read_bytes())
    return found.hexdigest()[:10]
