"""How far a limit has come from the one that was learned, by steps of which each was accepted on its own.

<state_dir>/calibration/SOURCE.json.first   the limit that the first step took the place of, and the steps

Ten small steps move a limit as far as one large one that nobody would accept. So the first limit is kept: it
says what it would raise now. A calibration that is no step of the chain, because another bundle was promoted
or somebody recorded normal sound anew, begins another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.bundles.trail import calibration_digest
from monitor.calibration import Calibration, calibration_from_tree, tree_of_calibration
from monitor.errors import CalibrationError
from monitor.machine import calibration_path
from monitor.store.files import write_whole

ENDING = ".first"
KIND = "wheeltapper-limits"
SCHEMA = 1
STEPS_MAX = 1000
"""Of more steps the middle ones are forgotten: nobody goes back to them, and the first limit stays."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The limit that was learned, and those that were accepted in its place, one after the other."""

    first: Calibration
    """What was learned: from a recording, or with the bundle."""
    steps: tuple[str, ...] = ()
    """Digests of the limits since then, oldest first; the last one judges now."""

    def limit_of(self, calibration: Calibration, budget: float) -> float:
        """Return the limit of a calibration in units of the first one's, both for so many alarms a week."""
        return self.first.value(calibration.limit_raw(budget), self.first.limit_raw(budget))

    def with_step(self, calibration: Calibration) -> Chain:
        """Return the chain when this calibration takes the place of the last one."""
        return Chain(self.first, (*self.steps, calibration_digest(calibration))[-STEPS_MAX:])


def chain_path(state_dir: Path, source_id: str) -> Path:
    """Return where the chain of a source lies."""
    path = calibration_path(state_dir, source_id)
    return path.with_name(path.name + ENDING)


def chain_of(state_dir: Path, source_id: str, present: Calibration) -> Chain:
    """Return the chain up to the calibration that judges now; after an undo that is an earlier step.

    Raises:
        CalibrationError: What lies there cannot be read.
    """
    path = chain_path(state_dir, source_id)
    try:
        known = _chain_from(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Chain(present)
    except (OSError, ValueError, KeyError, TypeError, CalibrationError) as error:
        raise CalibrationError(
            f"{path}: cannot be read: {error}; it says how far accepted limits have moved in all: bring it "
            "back from a backup, or remove it to count from the present limit on"
        ) from error
    digest = calibration_digest(present)
    if digest == calibration_digest(known.first):
        return Chain(known.first)
    if digest not in known.steps:
        return Chain(present)
    return Chain(known.first, known.steps[: known.steps.index(digest) + 1])


def write_chain(state_dir: Path, source_id: str, chain: Chain) -> None:
    """Put the chain on the disk, before its last step judges: a kill in between leaves a step that does not.

    Raises:
        StoreError: The disk refuses; what was there still is.
    """
    tree = {
        "kind": KIND,
        "schema": SCHEMA,
        "first": tree_of_calibration(chain.first),
        "steps": list(chain.steps),
    }
    write_whole(chain_path(state_dir, source_id), json.dumps(tree).encode(), below=state_dir)


def _chain_from(tree: Mapping[str, Any]) -> Chain:
    if (tree["kind"], tree["schema"]) != (KIND, SCHEMA):
        raise ValueError(f"is {tree['kind']!r}, schema {tree['schema']!r}")
    return Chain(calibration_from_tree(tree["first"]), tuple(str(one) for one in tree["steps"]))
