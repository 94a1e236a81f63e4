"""Runs what is missing of many tasks, shows how far it is, and gives back what came of all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from training.fleet.artefacts import Artefacts
from training.fleet.errors import FleetError
from training.fleet.on_ray import LOCAL, is_installed, perform_on_ray
from training.fleet.serial import perform_serially
from training.fleet.tasks import FAILED, Report, Task, Terms, reports_of, write_failure

NONE = "none"
LOG_S = 30.0
"""Between lines of progress where nobody watches."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Who does the tasks."""

    ray: str
    """NONE, LOCAL or the address of a cluster."""
    workers: int | None = None
    """CPUs of a local cluster; None: all."""

    def perform(self, tasks: Sequence[Task], terms: Terms) -> Iterator[tuple[Task, Report]]:
        """Yield each task with what came of it, as they are done."""
        if self.ray == NONE:
            return perform_serially(tasks, terms)
        return perform_on_ray(tasks, terms, address=self.ray, workers=self.workers)


def engine_for(asked: str | None, workers: int | None) -> Engine:
    """Return the engine that was asked for; without a word Ray where it is installed.

    Raises:
        FleetError: Ray is asked for and not installed.
    """
    if asked == NONE:
        return Engine(NONE)
    if not is_installed():
        if asked is not None:
            raise FleetError(
                f"--ray {asked}: Ray is not installed; pip install 'wheeltapper[fleet]', or give --ray none"
            )
        sys.stderr.write(
            "wheeltapper fleet: Ray is not installed, so the tasks are done one after the other here; to use "
            "more cores or machines: pip install 'wheeltapper[fleet]'\n"
        )
        return Engine(NONE)
    return Engine(asked or LOCAL, workers)


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
