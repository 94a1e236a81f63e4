"""calibration.json: written in one step, and refused for any bundle but its own."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.calibration.record import Calibration
from monitor.calibration.tail import Tail
from monitor.errors import CalibrationError, CalibrationMismatchError

SCHEMA = 1
KIND = "wheeltapper-calibration"


def tree_of_calibration(calibration: Calibration) -> dict[str, Any]:
    """Return the calibration as JSON-able values."""
    tail = calibration.tail
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "bundle": calibration.bundle_id,
        "fitted_utc_s": calibration.fitted_utc_s,
        "source": calibration.source,
        "hop_s": calibration.hop_s,
        "gap_s": calibration.gap_s,
        "windows": calibration.windows,
        "set_aside_windows": calibration.set_aside_windows,
        "clusters": calibration.clusters,
        "centre": calibration.centre,
        "largest": calibration.largest,
        "threshold": tail.threshold,
        "tail": [tail.scale, tail.shape, tail.rate_per_day],
        "draws": [[draw.scale, draw.shape, draw.rate_per_day] for draw in calibration.draws],
        "below_levels": list(calibration.below_levels),
        "below_per_day": list(calibration.below_per_day),
    }


def calibration_from_tree(tree: Mapping[str, Any]) -> Calibration:
    """Rebuild a calibration.

    Raises:
        CalibrationError: The tree is of another schema, or a value is missing or impossible.
    """
    if tree.get("kind") != KIND or tree.get("schema") != SCHEMA:
        raise CalibrationError(
            f"is {tree.get('kind')!r} with schema {tree.get('schema')!r}, this software reads {KIND!r} "
            f"with schema {SCHEMA}; fit it anew with `wheeltapper calibrate`"
        )
    try:
        return _checked(_built(tree))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"is damaged ({error!r}); fit it anew with `wheeltapper calibrate`") from error


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration so that a reader finds the old file or the new one, never a part.

    Raises:
        CalibrationError: The file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    text = json.dumps(tree_of_calibration(calibration), separators=(",", ":"), allow_nan=False) + "\n"
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be written: {error}; choose another place") from error


def load_calibration(path: Path, *, bundle_id: str) -> Calibration:
    """Read the calibration of one bundle.

    Raises:
        CalibrationError: The file is missing, not readable or damaged.
        CalibrationMismatchError: It was fitted with another bundle.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalibrationError(
            f"{path}: cannot be read: {error}; fit it with `wheeltapper calibrate`"
        ) from error
    if not isinstance(tree, dict):
        raise CalibrationError(f"{path}: is not a calibration; fit it with `wheeltapper calibrate`")
    try:
        calibration = calibration_from_tree(tree)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
    if calibration.bundle_id != bundle_id:
        raise CalibrationMismatchError(
            f"{path}: was fitted with bundle {calibration.bundle_id}, in use is {bundle_id}; scores of "
            "one model say nothing about another: fit it anew with `wheeltapper calibrate`"
        )
    return calibration


def _built(tree: Mapping[str, Any]) -> Calibration:
    threshold = float(tree["threshold"])
    return Calibration(
        bundle_id=str(tree["bundle"]),
        fitted_utc_s=float(tree["fitted_utc_s"]),
        source=str(tree["source"]),
        hop_s=float(tree["hop_s"]),
        gap_s=float(tree["gap_s"]),
        windows=int(tree["windows"]),
        set_aside_windows=int(tree["set_aside_windows"]),
        clusters=int(tree["clusters"]),
        centre=float(tree["centre"]),
        largest=float(tree["largest"]),
        tail=_tail(threshold, tree["tail"]),
        draws=tuple(_tail(threshold, row) for row in tree["draws"]),
        below_levels=tuple(float(level) for level in tree["below_levels"]),
        below_per_day=tuple(float(rate) for rate in tree["below_per_day"]),
    )


def _tail(threshold: float, row: list[float]) -> Tail:
    scale, shape, rate_per_day = (float(value) for value in row)
    if not (all(map(math.isfinite, (threshold, scale, shape))) and scale > 0 and 0 < rate_per_day < math.inf):
        raise ValueError(f"impossible tail {row}")
    return Tail(threshold, scale, shape, rate_per_day)


def _checked(calibration: Calibration) -> Calibration:
    """Refuse what arithmetic would stumble over later, in the middle of listening."""
    levels, rates = calibration.below_levels, calibration.below_per_day
    if not (calibration.draws and len(levels) == len(rates) >= 2 and calibration.hop_s > 0):
        raise ValueError("lists are empty or of different length")
    if not (
        all(low < high for low, high in itertools.pairwise(levels))
        and all(more >= fewer > 0 for more, fewer in itertools.pairwise(rates))
        and calibration.centre <= levels[0]
        and levels[-1] == calibration.tail.threshold
        and rates[-1] == calibration.tail.rate_per_day
    ):
        raise ValueError("levels below the threshold do not rise, or their rates do not fall")
    return calibration
