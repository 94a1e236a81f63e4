"""Windows on their way from the judging thread to the candidates: bounded, and whoever puts waits for nobody.

What finds it full is skipped and counted: an alarm counts seconds in a row, so what waits goes on first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from monitor.messages import Quality
from monitor.shadow.watch import Heard

CAPACITY_WINDOWS = 256
"""About 32 kB each: the log-mel is kept while they wait."""


@dataclass(slots=True)
class Skipped:
    """Windows of one source and live bundle that no candidate was given."""

    at_utc_s: float
    """When the first of them began."""
    hop_s: float
    """From one window to the next."""
    count: int = 0
    """How many."""


class ShadowQueue:
    """The judging thread puts, the shadow thread takes."""

    def __init__(self, capacity_windows: int = CAPACITY_WINDOWS) -> None:
        self._capacity = capacity_windows
        self._changed = threading.Condition()
        self._windows: deque[Heard] = deque()
        self._skipped: dict[tuple[str, str], Skipped] = {}
        self.sources: Collection[str] = frozenset()
        """Those that have a candidate; replaced whole."""
        self._rests = False
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._windows)

    def listen_to(self, source_ids: Collection[str], *, rests: bool) -> None:
        """Take windows of these sources from now on; skip them all while candidates rest."""
        self.sources = frozenset(source_ids)
        with self._changed:
            self._rests = rests
            if rests:
                self._skip_where(lambda _heard: True)
            self._skip_where(lambda heard: heard.score.span.source_id not in self.sources)

    def put(self, heard: Heard) -> None:
        """Take a window, or skip it; of sources without a candidate it does nothing, in no time."""
        if heard.score.span.source_id not in self.sources:
            return
        with self._changed:
            if self._rests or len(self._windows) >= self._capacity:
                self._skip(heard)
            else:
                self._windows.append(heard)
                self._changed.notify()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most so long for a window; say whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._windows) or self._is_closed, timeout_s)
            return bool(self._windows)

    def close(self) -> None:
        """Have nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, limit: int, same: Callable[[Heard], object]) -> list[Heard]:
        """Return up to `limit` of the windows that are `same` as the oldest, in their order."""
        with self._changed:
            if not self._windows:
                return []
            kind = same(self._windows[0])
            taken: list[Heard] = []
            rest: deque[Heard] = deque()
            for heard in self._windows:
                wanted = len(taken) < limit and same(heard) == kind
                (taken if wanted else rest).append(heard)
            self._windows = rest
            return taken

    def give_back(self, windows: Collection[Heard]) -> None:
        """Count windows that were taken and not judged as skipped."""
        with self._changed:
            for heard in windows:
                self._skip(heard)

    def take_skipped(self) -> dict[tuple[str, str], Skipped]:
        """Return what was skipped since the last call, by source and live bundle."""
        with self._changed:
            skipped, self._skipped = self._skipped, {}
            return skipped

    def _skip_where(self, is_meant: Callable[[Heard], bool]) -> None:
        gone = [heard for heard in self._windows if is_meant(heard)]
        if gone:
            self._windows = deque(heard for heard in self._windows if not is_meant(heard))
            for heard in gone:
                self._skip(heard)

    def _skip(self, heard: Heard) -> None:
        span = heard.score.span
        if span.quality is not Quality.OK:
            return  # nobody can judge it: nothing was saved by skipping it
        key = (span.source_id, heard.live_bundle_id)
        skipped = self._skipped.setdefault(key, Skipped(span.start_utc_s, heard.machine.ear.hop_s))
        skipped.count += 1
