"""Does tasks on a Ray cluster, this machine's or another's. The only module that imports Ray.

Ray decides where and when; a task is one remote call of the same function that runs without it. A worker that
dies, or its machine, is Ray's to notice: it starts the task again elsewhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from training.fleet.errors import FleetError
from training.fleet.serial import sentence_of_death
from training.fleet.tasks import Report, Task, Terms, failed_report, perform

LOCAL = "local"
IN_FLIGHT = 1000
"""So many tasks are with Ray at a time: it schedules from them, and waiting for one stays cheap."""
OBJECT_STORE_BYTES = 100_000_000
"""Results travel through the store of artefacts, not through Ray, which takes a third of the memory."""
REACH_S = 10.0
"""For a cluster's address to answer."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}
"""Nothing is reported to anybody; GPUs stay visible to tasks that ask for none, as later versions do."""
UNTOLD = {"RAY_task_oom_retries": "2"}
"""Ray tries again without end what its memory monitor kills, unless told how often."""


def is_installed() -> bool:
    """Return whether there is a Ray to import."""
    return importlib.util.find_spec("ray") is not None


class Cluster:
    """A Ray cluster, reached when there is the first task, and left by `close`. One a process."""

    def __init__(self, address: str, workers: int | None = None) -> None:
        """Note where: LOCAL for one of `workers` CPUs on this machine, or the address of a running one."""
        self.address = address
        self.workers = workers
        self._ray: Any = None
        self._files: str | None = None

    def perform(self, tasks: Sequence[Task], terms: Terms) -> Iterator[tuple[Task, Report]]:
        """Yield each task with its report as it is done.

        Raises:
            FleetError: No cluster is reached there.
        """
        if self._ray is None:
            self._connect(terms)
        ray = self._ray
        remote = ray.remote(perform)
        needs = {
            "num_cpus": terms.threads,
            "num_gpus": terms.gpu_share,
            "memory": terms.memory_bytes,
            "max_retries": terms.retries,
        }
        left = iter(tasks)
        running: dict[Any, Task] = {}
        while True:
            while len(running) < IN_FLIGHT and (task := next(left, None)) is not None:
                named = remote.options(name=f"fleet {task.machine} {task.name}", **needs)
                running[named.remote(task, terms)] = task
            if not running:
                return
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            task = running.pop(ready)
            yield task, _report(ray, ready, task, terms)

    def close(self) -> None:
        """Leave the cluster; a local one and its files are gone afterwards. May be called again."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None
        if self._files is not None:
            shutil.rmtree(self._files, ignore_errors=True)
            self._files = None

    def _connect(self, terms: Terms) -> None:
        os.environ.update(QUIET)
        for name, value in UNTOLD.items():
            os.environ.setdefault(name, value)
        ray = importlib.import_module("ray")
        threads = {name: str(terms.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        settings: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": "ERROR",
            "runtime_env": {"env_vars": {**threads, "OPENBLAS_NUM_THREADS": "1"}},
        }
        if self.address == LOCAL:
            self._files = tempfile.mkdtemp(prefix="wt-ray-")
            settings |= {
                "num_cpus": self.workers,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_temp_dir": self._files,
            }
        _refuse_unreachable(self.address)
        try:
            ray.init(address=self.address, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise FleetError(
                f"--ray {self.address}: no cluster is reached: {error}; see `ray status` there, or give "
                "local or none"
            ) from error
        self._ray = ray


def _refuse_unreachable(address: str) -> None:
    """Say at once what Ray says after minutes: nobody listens there."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), REACH_S).close()
    except OSError as error:
        raise FleetError(
            f"--ray {address}: nobody listens there ({error}); see `ray status` on a node of the cluster, or "
            "give local or none"
        ) from error


def _report(ray: Any, ready: object, task: Task, terms: Terms) -> Report:  # noqa: ANN401 - Ray's module
    try:
        report: Report = ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        said = str(error).strip().splitlines()[-1]
        return failed_report(
            task, "fleet-worker", f"a worker could not begin: {said}; install wheeltapper[train,fleet] there"
        )
    except ray.exceptions.RayError as error:
        how = str(error).strip().splitlines()[0]
        return failed_report(task, "fleet-died", sentence_of_death(1 + terms.retries, how))
    return report
