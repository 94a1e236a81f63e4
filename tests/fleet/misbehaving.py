"""Work of a fleet that does what real work should not, for Ray's workers to import; run, it does three."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.fleet.artefacts import Artefacts
from training.fleet.on_ray import LOCAL, Cluster
from training.fleet.tasks import Task, Terms


@dataclass(frozen=True)
class Misbehaving:
    """Work that does what real work should not."""

    how: str

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:  # noqa: ARG002
        if self.how == "hang":
            while True:
                time.sleep(0.01)
        if self.how == "grow":
            return {"size": len(bytearray(4_000_000_000))}
        if self.how == "die":
            os.abort()
        if self.how == "die once":
            marker = Path(terms.out) / "died"
            if not marker.exists():
                marker.touch()
                os.abort()
        if self.how == "raise":
            raise ZeroDivisionError("by nothing")
        return {"well": True}


def terms(out: Path, **changes: object) -> Terms:
    """What holds for such work unless something else is asked for."""
    given: dict[str, Any] = {"threads": 1, "limit_s": 60.0, "memory_bytes": None, "made_utc_s": 1.7e9}
    return Terms(out=str(out), **{**given, **changes})


def task(how: str) -> Task:
    """A task that goes wrong in this way."""
    return Task(how, "task", f"machines/{how}", "key", Misbehaving(how))


def main(out: Path) -> None:
    """Do three on a local cluster, each once, and print their reports."""
    tasks = [importlib.import_module("misbehaving").task(how) for how in ("die", "hang", "behave")]
    with contextlib.closing(Cluster(LOCAL, 1)) as cluster:
        found = cluster.perform(tasks, terms(out, retries=0, limit_s=0.5))
        reports = {work.machine: asdict(report) for work, report in found}
    sys.stdout.write("\n" + json.dumps(reports) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
