"""Notices that an engine does not come back, so that another thread can go on with the others.

A thread inside a library cannot be ended. It is given up: when it ever comes back it finds that it has been
replaced, changes nothing, and ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass


class ReplacedError(Exception):
    """Another thread has taken over from the one that this is raised in."""


@dataclass(frozen=True, slots=True)
class _Busy:
    thread: int
    until_s: float
    source_ids: tuple[str, ...]


class Hangs:
    """What may hang runs `during` it; another thread asks whether it is `overdue`."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._busy: _Busy | None = None
        self._replaced: set[int] = set()
        self._hung: list[str] = []
        self.count = 0
        """How many threads were given up."""

    @contextlib.contextmanager
    def during(self, source_ids: Collection[str], limit_s: float) -> Iterator[None]:
        """Run the body, which is about the candidates of these sources and takes no longer than `limit_s`.

        Raises:
            ReplacedError: It took longer, and another thread has taken over.
        """
        thread = threading.get_ident()
        with self._lock:
            self._busy = _Busy(thread, self._monotonic() + limit_s, tuple(source_ids))
        try:
            yield
        finally:
            with self._lock:
                if thread in self._replaced:
                    self._replaced.discard(thread)
                    raise ReplacedError
                self._busy = None

    def overdue(self) -> bool:
        """Say whether a body has taken too long; its thread is replaced then, and is to change nothing."""
        with self._lock:
            busy = self._busy
            if busy is None or self._monotonic() < busy.until_s:
                return False
            self._busy = None
            self._replaced.add(busy.thread)
            self._hung += busy.source_ids
            self.count += 1
            return True

    def take_hung(self) -> list[str]:
        """Return the sources whose candidates hung since the last call."""
        with self._lock:
            hung, self._hung = self._hung, []
            return hung
