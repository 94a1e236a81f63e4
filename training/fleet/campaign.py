"""Runs what is missing of many tasks, shows how far it is, and gives back what came of all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tqdm import tqdm

from training.fleet.artefacts import Artefacts
from training.fleet.errors import FleetError
from training.fleet.on_ray import LOCAL, Cluster, is_installed
from training.fleet.serial import Serial
from training.fleet.tasks import FAILED, Report, Task, Terms, reports_of, write_failure

NONE = "none"
LOG_S = 30.0
"""Between lines of progress where nobody watches."""


class Engine(Protocol):
    """Who does the tasks."""

    def perform(self, tasks: Sequence[Task], terms: Terms) -> Iterator[tuple[Task, Report]]:
        """Yield each task with what came of it, as they are done."""

    def close(self) -> None:
        """End what was started for it; may be called again."""


def engine_for(asked: str | None, workers: int | None) -> Engine:
    """Return the engine that was asked for; without a word Ray where it is installed.

    Raises:
        FleetError: Ray is asked for and not installed.
    """
    if asked == NONE:
        return Serial()
    if is_installed():
        return Cluster(asked or LOCAL, workers)
    if asked is not None:
        raise FleetError(
            f"--ray {asked}: Ray is not installed; pip install 'wheeltapper[fleet]', or give --ray none"
        )
    sys.stderr.write(
        "wheeltapper fleet: Ray is not installed, so the tasks are done one after the other here; to use "
        "more cores or machines: pip install 'wheeltapper[fleet]'\n"
    )
    return Serial()


def perform_all(tasks: Iterable[Task], terms: Terms, engine: Engine, title: str) -> dict[str, Report]:
    """Do those tasks that no earlier run has done; return the reports of all, by place."""
    tasks = list(tasks)
    out = Artefacts(terms.out)
    reports = reports_of(out, tasks)
    missing = [task for task in tasks if task.place not in reports]
    failed = 0
    interval_s = 0.1 if sys.stderr.isatty() else LOG_S
    with tqdm(
        total=len(tasks), initial=len(reports), desc=title, unit="task", mininterval=interval_s
    ) as progress:
        for task, report in engine.perform(missing, terms) if missing else ():
            reports[task.place] = report
            if not report.done:
                failed += 1
                progress.write(f"{task.machine}, {task.name}: {report.error} [{report.code}]", sys.stderr)
                _keep_failure(out, task, report)
            progress.set_postfix(failed=failed, refresh=False)
            progress.update()
    return reports


def _keep_failure(out: Artefacts, task: Task, report: Report) -> None:
    """Leave word where the worker could not: it died, or could not reach the place."""
    with contextlib.suppress(OSError):  # then the summary, which is tried last, will fail with a sentence
        if not out.exists(f"{task.place}/{FAILED}"):
            write_failure(out, task, report)
