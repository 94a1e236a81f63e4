"""Runs in one thread all tasks that know when they are due, each of them when it is."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable

GRID_S = 0.02
"""Tasks are run at multiples of this: those that are due within it are run at one waking, in turn."""
_Entry = tuple[float, int, "Turn"]


class Turn:
    """One task's share of the thread."""

    def __init__(
        self, due_s: Callable[[], float], run: Callable[[], float | None], end: Callable[[], None]
    ) -> None:
        self.due_s = due_s
        """When `run` next has something to do, monotonic; infinite: never by itself. Must not raise."""
        self.run = run
        """Does it, without waiting or raising; returns how long it is to be left alone, None: for ever."""
        self.end = end
        """Called last, once, soon after `stop`."""
        self.stopping = False


class Rota:
    """One thread for many turns; it lasts while there are any. `add` and `stop` from any thread.

    A thread of its own for each costs a waking, a stack out of the caches and a quarrel for the interpreter
    at every turn: where each has a tenth of a millisecond to do that is as much again.
    """

    def __init__(self, name: str) -> None:
        """`name` is the thread's."""
        self._name = name
        self._changed = threading.Condition()
        self._entries: list[_Entry] = []
        self._tickets = itertools.count()
        self._is_told = False
        self._thread: threading.Thread | None = None

    def add(self, turn: Turn) -> None:
        """Run a turn from now on."""
        with self._changed:
            self._push(turn, 0.0)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self, turn: Turn) -> None:
        """Have a turn end as soon as none is being run."""
        with self._changed:
            turn.stopping = self._is_told = True
            self._changed.notify()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            if not turn.stopping:
                pause_s = turn.run()
                if pause_s is not None:
                    with self._changed:
                        self._push(turn, pause_s)
                    continue
            turn.end()

    def _push(self, turn: Turn, pause_s: float) -> None:
        due_s = max(turn.due_s(), time.monotonic() + pause_s)
        on_grid_s = due_s if math.isinf(due_s) else math.ceil(due_s / GRID_S) * GRID_S
        heapq.heappush(self._entries, (on_grid_s, next(self._tickets), turn))

    def _next(self) -> Turn | None:
        """Return the next turn when it is due, or is to end; None: there are no more."""
        with self._changed:
            while self._entries:
                if self._is_told:
                    self._is_told = False
                    self._entries = [(0.0 if e[2].stopping else e[0], e[1], e[2]) for e in self._entries]
                    heapq.heapify(self._entries)
                wait_s = self._entries[0][0] - time.monotonic()
                if wait_s <= 0:
                    return heapq.heappop(self._entries)[2]
                self._changed.wait(None if math.isinf(wait_s) else wait_s)
            self._thread = None
            return None
