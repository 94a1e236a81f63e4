"""Runs the daemon's threads, and is the one place that catches everything (`guarded`).

A thread is a body that is called again and again until it is told to stop. A body that raises is logged
with its traceback, counted and called again after a pause; one that goes on raising ends the daemon, so
that systemd starts it afresh.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.logs import Log


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often a thread's body may fail."""

    pause_s: float = 1.0
    """Before it is called again."""
    failures: int = 5
    """So many ..."""
    within_s: float = 600.0
    """... within this end the daemon."""


class Task:
    """One supervised thread: `body` until it is stopped, then `last` once."""

    def __init__(
        self, name: str, body: Callable[[], None], *, last: Callable[[], None] = lambda: None
    ) -> None:
        self.name = name
        self.body = body
        self.last = last
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None


class Supervisor:
    """Owns the threads of a daemon."""

    def __init__(self, log: Log, policy: RestartPolicy | None = None) -> None:
        self._log = log
        self._policy = policy or RestartPolicy()
        self.gave_up = threading.Event()
        """Set when a body failed too often: the daemon must end with a failure."""
        self.restarted = 0
        """Times that a body was called again after it had raised."""
        self._turns: Counter[str] = Counter()

    def turns(self, name: str) -> int:
        """Return how often the body of the task of this name has returned: 0 before the first time."""
        return self._turns[name]

    def start(self, task: Task) -> Task:
        """Start the task's thread and return the task."""
        task.thread = threading.Thread(
            target=self._run, args=(task,), name=f"wheeltapper {task.name}", daemon=True
        )
        task.thread.start()
        return task

    def stop(self, tasks: Sequence[Task], timeout_s: float) -> list[str]:
        """Let tasks end and wait for all of them together; return the names of those still busy."""
        for task in tasks:
            task.stopping.set()
        deadline_s = time.monotonic() + timeout_s
        busy = []
        for task in tasks:
            if task.thread is not None:
                task.thread.join(max(0.0, deadline_s - time.monotonic()))
                if task.thread.is_alive():
                    busy.append(task.name)
        return busy

    def _run(self, task: Task) -> None:
        failures: deque[float] = deque(maxlen=self._policy.failures)
        while not task.stopping.is_set():
            if guarded(self._log, "thread failed", task.body, thread=task.name):
                self._turns[task.name] += 1
                continue
            failures.append(time.monotonic())
            if len(failures) == self._policy.failures and failures[-1] - failures[0] < self._policy.within_s:
                self._log.error("thread failed too often; the daemon ends", thread=task.name)
                self.gave_up.set()
                break
            self.restarted += 1
            task.stopping.wait(self._policy.pause_s)
        guarded(self._log, "thread failed", task.last, thread=task.name)


def guarded(log: Log, event: str, body: Callable[[], None], **facts: str) -> bool:
    """Run `body`; False: it raised, which is logged as `event`, with its traceback.

    For what may fail without harm to the rest: a thread that can be started again, an explanation.
    """
    try:
        body()
    except Exception:  # the one place that may catch everything
        log.exception(event, **facts)
        return False
    return True
