"""What another thread wants done by the thread that judges, so that it happens between two windows."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Errands:
    """Any thread may ask; the judging thread runs what was asked, in order."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` has the judging thread look round soon; from any thread, and it must not raise."""
        self._wake = wake
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running: Callable[[], None] | None = None
        self._failed: list[Callable[[], None]] = []
        """Those that raised, until whoever asked has seen it."""
        self._closed = False

    def ask(self, errand: Callable[[], None]) -> bool:
        """Have `errand` run, and wait until it is over.

        False: it raised, at whatever point; or the daemon ends, and it never will be run.
        """

        def is_over() -> bool:
            return self._running is not errand and errand not in self._waiting

        with self._changed:
            if self._closed:
                return False
            self._waiting.append(errand)
            self._wake()
            self._changed.wait_for(lambda: is_over() or self._closed)
            if errand in self._waiting:
                self._waiting.remove(errand)
                return False
            self._changed.wait_for(is_over)
            if errand in self._failed:
                self._failed.remove(errand)
                return False
            return True

    def run(self) -> None:
        """Run what has been asked for so far; what an errand raises ends this turn."""
        for _ in range(len(self._waiting)):
            with self._changed:
                if not self._waiting:
                    return
                self._running = self._waiting.popleft()
                errand = self._running
            has_run = False
            try:
                errand()
                has_run = True
            finally:
                with self._changed:
                    self._running = None
                    if not has_run:
                        self._failed.append(errand)
                    self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more for what is not being run yet: it never will be."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
