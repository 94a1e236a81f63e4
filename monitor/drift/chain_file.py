"""Where a source's chain of accepted limits lies.

<state_dir>/calibration/SOURCE.json.first   the limit that the first step took the place of, and the steps;
                                            `others`: the chains before it

A calibration that is no step of a chain, because another bundle was promoted or somebody recorded normal
sound anew, begins another one. Those before it are kept: who rolls back to their limits finds their sum.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.bundles.trail import calibration_digest
from monitor.calibration import Calibration, calibration_from_tree, tree_of_calibration
from monitor.drift.chain import Chain
from monitor.errors import CalibrationError
from monitor.machine import calibration_path
from monitor.store.files import write_whole

ENDING = ".first"
KIND = "wheeltapper-limits"
SCHEMA = 1
STEPS_MAX = 1000
"""Of more steps the oldest are forgotten: nobody goes back to them, and the first limit stays."""
OTHERS_MAX = 20
"""Of more chains the one that was stepped along longest ago is forgotten."""


def with_step(chain: Chain, calibration: Calibration) -> Chain:
    """Return the chain when this calibration takes the place of the last one."""
    return Chain(chain.first, (*chain.steps, calibration_digest(calibration))[-STEPS_MAX:])


def chain_path(state_dir: Path, source_id: str) -> Path:
    """Return where the chain of a source lies."""
    path = calibration_path(state_dir, source_id)
    return path.with_name(path.name + ENDING)


def chain_of(state_dir: Path, source_id: str, present: Calibration) -> Chain:
    """Return the chain up to the calibration that judges now; after an undo that is an earlier step.

    Raises:
        CalibrationError: What lies there cannot be read.
    """
    digest = calibration_digest(present)
    for known in _chains(chain_path(state_dir, source_id)):
        if digest == calibration_digest(known.first):
            return Chain(known.first)
        if digest in known.steps:
            return Chain(known.first, known.steps[: known.steps.index(digest) + 1])
    return Chain(present)


def write_chain(state_dir: Path, source_id: str, chain: Chain) -> None:
    """Put the chain on the disk, before its last step judges: a kill in between leaves a step that does not.

    Raises:
        CalibrationError: What lies there cannot be read.
        StoreError: The disk refuses; what was there still is.
    """
    path, first = chain_path(state_dir, source_id), calibration_digest(chain.first)
    others = [one for one in _chains(path) if calibration_digest(one.first) != first]
    tree = {
        "kind": KIND,
        "schema": SCHEMA,
        **_tree_of(chain),
        "others": [_tree_of(one) for one in others[:OTHERS_MAX]],
    }
    write_whole(path, json.dumps(tree).encode(), below=state_dir)


def _chains(path: Path) -> list[Chain]:
    """Return the chains of a source, the one that was stepped along last first.

    Raises:
        CalibrationError: What lies there cannot be read.
    """
    try:
        return _chains_from(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, CalibrationError) as error:
        raise CalibrationError(
            f"{path}: cannot be read: {error}; it says how far accepted limits have moved in all: bring it "
            "back from a backup, or remove it to count from the present limit on"
        ) from error


def _tree_of(chain: Chain) -> dict[str, object]:
    return {"first": tree_of_calibration(chain.first), "steps": list(chain.steps)}


def _chains_from(tree: Mapping[str, Any]) -> list[Chain]:
    if (tree["kind"], tree["schema"]) != (KIND, SCHEMA):
        raise ValueError(f"is {tree['kind']!r}, schema {tree['schema']!r}")
    return [_chain_from(one) for one in (tree, *tree.get("others", ()))]


def _chain_from(tree: Mapping[str, Any]) -> Chain:
    return Chain(calibration_from_tree(tree["first"]), tuple(str(one) for one in tree["steps"]))
