"""Runs the daemon's threads, and is the one place that catches everything (`guarded`).

A task is a body that is called again and again until it is told to stop: in a thread of its own, or, where it
knows when it is due, in one thread with all others that do (`monitor.rota`). A body that raises is logged
with its traceback, counted and called again after a pause; one that goes on raising ends the daemon, so
that systemd starts it afresh.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.logs import Log
from monitor.rota import Rota, Turn


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
    """One supervised body: called until it is stopped, then `last` once."""

    def __init__(
        self,
        name: str,
        body: Callable[[], None],
        *,
        last: Callable[[], None] = lambda: None,
        due_s: Callable[[], float] | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.body = body
        self.last = last
        self.wake = wake
        """Has a body that waits return soon; called once, by whoever stops the task, and must not raise."""
        self.due_s = due_s
        """When `body` next has something to do, which it then does without waiting, monotonic; infinite: no
        more. None: it waits by itself, and has a thread of its own."""
        self.stopping = threading.Event()
        self.ended = threading.Event()
        """Set when `last` has been called."""
        self.failures: deque[float] = deque()
        """When the body raised, monotonic, the latest last."""
        self.turn: Turn | None = None
        """Its place among those that share a thread."""
        self.is_started = False


class Idle(Protocol):
    """What waits most of the time, and can be woken."""

    def run_once(self, timeout_s: float, /) -> None:
        """Do what there is to do; waits at most so long for it."""

    def wake(self) -> None:
        """Have it wait no more. From any thread; must not raise."""


def idle_task(name: str, idle: Idle, wait_s: float, *, last: Callable[[], None] = lambda: None) -> Task:
    """Return a task that waits `wait_s` at a time, and is woken when it is to end."""
    return Task(name, lambda: idle.run_once(wait_s), last=last, wake=idle.wake)


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
        self._rota = Rota("wheeltapper rota")

    def turns(self, name: str) -> int:
        """Return how often the body of the task of this name has returned: 0 before the first time."""
        return self._turns[name]

    def start(self, task: Task) -> Task:
        """Run the task from now on and return it."""
        task.is_started, task.failures = True, deque(maxlen=self._policy.failures)
        if task.due_s is not None:
            task.turn = Turn(task.due_s, lambda: self._call(task), lambda: self._finish(task))
            self._rota.add(task.turn)
        else:
            name = f"wheeltapper {task.name}"
            threading.Thread(target=self._run, args=(task,), name=name, daemon=True).start()
        return task

    def stop(self, tasks: Sequence[Task], timeout_s: float) -> list[str]:
        """Let tasks end and wait for all of them together; return the names of those still busy."""
        for task in tasks:
            task.stopping.set()
            task.wake()
            if task.turn is not None:
                self._rota.stop(task.turn)
        deadline_s = time.monotonic() + timeout_s
        started = [task for task in tasks if task.is_started]
        return [task.name for task in started if not task.ended.wait(max(0.0, deadline_s - time.monotonic()))]

    def _run(self, task: Task) -> None:
        while not task.stopping.is_set():
            pause_s = self._call(task)
            if pause_s is None:
                break
            if pause_s:
                task.stopping.wait(pause_s)
        self._finish(task)

    def _call(self, task: Task) -> float | None:
        """Call the body once; return for how long it is to be left alone, None: it failed too often."""
        if guarded(self._log, "thread failed", task.body, thread=task.name):
            self._turns[task.name] += 1
            return 0.0
        task.failures.append(time.monotonic())
        often = len(task.failures) == self._policy.failures
        if often and task.failures[-1] - task.failures[0] < self._policy.within_s:
            self._log.error("thread failed too often; the daemon ends", thread=task.name)
            self.gave_up.set()
            return None
        self.restarted += 1
        return self._policy.pause_s

    def _finish(self, task: Task) -> None:
        guarded(self._log, "thread failed", task.last, thread=task.name)
        task.ended.set()


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
