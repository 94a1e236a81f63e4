"""One task: what it is, what came of it, and the one function that does it wherever it runs.

OUT/<place>/task.json     the report, written last: who finds it finds all that it speaks of
OUT/<place>/log.txt       what was printed on the way, and the traceback of an error
OUT/<place>/failed.json   in place of task.json where it failed; gone when it is done at last
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import resource
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import torch

from engines.errors import CodedError
from training.fleet.artefacts import Artefacts
from training.fleet.errors import FleetError
from training.fleet.guards import memory_limit, scratch_folder, time_limit

REPORT, LOG, FAILED = "task.json", "log.txt", "failed.json"
SCHEMA = 1
MEMORY_WORDS = ("allocate memory", "bad_alloc", "bad allocation")
"""How torch and ONNX Runtime say that there is no more."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all tasks of a run. Travels to whoever does them."""

    out: str
    """URL of the folder of results; each worker writes there itself."""
    threads: int
    """CPU threads of a task: part of what decides the last bits of a result."""
    limit_s: float
    """Time for one task."""
    memory_bytes: int | None
    """Memory for one task; None without a limit."""
    made_utc_s: float
    """When the run began: the time in everything that is made."""
    gpu_share: float = 0.0
    """Of a GPU for each task; 0: trainings run on the CPU."""
    retries: int = 2
    """How often a task is tried again whose process died."""
    version: str = field(default_factory=lambda: version("wheeltapper"))
    """Of this software; another one's worker refuses."""


class Work(Protocol):
    """What a task does. Travels to the worker, so it holds names and numbers, no open things."""

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:
        """Put the artefacts at `place` and return the result, JSON-able and the same wherever it is done.

        Raises:
            CodedError: It cannot be done; the text says what to change.
        """


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done for one machine."""

    machine: str
    name: str
    """Which of the machine's tasks: a recipe, or a piece of its recordings."""
    place: str
    """Folder of its artefacts below the folder of results."""
    key: str
    """Digest of all that decides the result: a report with another key is out of date."""
    work: Work


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a task."""

    machine: str
    name: str
    key: str
    done: bool
    result: Mapping[str, Any] = field(default_factory=dict)
    """Of a task that is done."""
    code: str = ""
    """Of the error of one that is not."""
    error: str = ""
    """What was wrong and what to do, for a person."""
    cost: Mapping[str, Any] = field(default_factory=dict)
    """Seconds, memory and where: the only part that differs from run to run."""
    fresh: bool = True
    """False where it was done by an earlier run."""


def key_of(*parts: object) -> str:
    """Return a digest of values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def reports_of(out: Artefacts, tasks: Iterable[Task]) -> dict[str, Report]:
    """Return the reports, by place, of those tasks that were done before and are not out of date."""
    wanted = {f"{task.place}/{REPORT}": task for task in tasks}
    reports = {}
    for place, tree in out.trees(wanted).items():
        task = wanted[place]
        if isinstance(tree, dict) and tree.get("schema") == SCHEMA and tree.get("key") == task.key:
            reports[task.place] = Report(
                task.machine,
                task.name,
                task.key,
                done=True,
                result=tree["result"],
                cost=tree["cost"],
                fresh=False,
            )
    return reports


def failed_report(task: Task, code: str, error: str) -> Report:
    """Return the report of a task that somebody else found to have failed."""
    return Report(task.machine, task.name, task.key, done=False, code=code, error=error)


def write_failure(out: Artefacts, task: Task, report: Report) -> None:
    """Leave a failure where the result would be."""
    tree = {"schema": SCHEMA, **{k: v for k, v in asdict(report).items() if k not in {"result", "fresh"}}}
    out.write_tree(f"{task.place}/{FAILED}", tree)


def perform(task: Task, terms: Terms) -> Report:
    """Do a task and return what came of it; whatever goes wrong inside is a report, not an exception.

    To be called in the main thread. One that somebody has done meanwhile is not done again.
    """
    try:
        _refuse_other_version(terms)
        out = Artefacts(terms.out)
        if (found := reports_of(out, [task]).get(task.place)) is not None:
            return found
        with scratch_folder() as scratch:
            return _performed(task, terms, out, scratch)
    except Exception as error:  # noqa: BLE001 - one machine's trouble, whatever it is, never stops the rest
        return failed_report(task, *_said(error, terms))


def _refuse_other_version(terms: Terms) -> None:
    if terms.version != (ours := version("wheeltapper")):
        raise FleetError(
            f"{platform.node()} has wheeltapper {ours}, who asks has {terms.version}; install the same"
        )


def _performed(task: Task, terms: Terms, out: Artefacts, scratch: Path) -> Report:
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    failure: tuple[str, str] | None = None
    result: Mapping[str, Any] = {}
    with (scratch / LOG).open("w", encoding="utf-8") as log:
        try:
            with (
                contextlib.redirect_stdout(log),
                contextlib.redirect_stderr(log),
                time_limit(terms.limit_s, log),
                memory_limit(terms.memory_bytes),
            ):
                torch.set_num_threads(terms.threads)
                result = task.work.do(task.place, out, terms, scratch)
        except Exception as error:  # noqa: BLE001 - see perform; the log keeps where it came from
            failure = _said(error, terms)
            traceback.print_exc(file=log)
    cost = _cost(time.monotonic() - began_s, time.process_time() - began_cpu_s)
    out.put(scratch / LOG, f"{task.place}/{LOG}")
    if failure is not None:
        report = Report(
            task.machine, task.name, task.key, False, code=failure[0], error=failure[1], cost=cost
        )
        write_failure(out, task, report)
        return report
    tree = {"schema": SCHEMA, "machine": task.machine, "name": task.name, "key": task.key}
    out.write_tree(f"{task.place}/{REPORT}", {**tree, "result": result, "cost": cost})
    out.remove(f"{task.place}/{FAILED}")
    return Report(task.machine, task.name, task.key, done=True, result=result, cost=cost)


def _cost(wall_s: float, cpu_s: float) -> dict[str, Any]:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "peak_mb_of_process": round(peak_kb / 1024),
        "node": platform.node(),
    }


def _said(error: Exception, terms: Terms) -> tuple[str, str]:
    """Return an error's code and its sentence with a remedy."""
    if isinstance(error, CodedError):
        return error.code, str(error)
    if isinstance(error, MemoryError) or any(word in str(error) for word in MEMORY_WORDS):
        given = (
            "the machine has" if terms.memory_bytes is None else f"--memory-gb {terms.memory_bytes / 1e9:g}"
        )
        return "fleet-memory", f"needed more memory than {given}; give more, or a smaller kind or less sound"
    if isinstance(error, OSError):
        return "fleet-place", f"{error}; see that the place can be reached and has room, and run again"
    return "fleet-unexpected", f"{type(error).__name__}: {error}; {LOG} has where; this should be reported"
