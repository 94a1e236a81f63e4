"""Windows that wait for the engine: bounded, fair between sources, and honest about what it drops."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping

from monitor.messages import Window

PATIENT_WINDOWS = 32
"""Sound that can wait runs no further ahead than this, so that its clips need little memory."""


class WindowQueue:
    """First in, first out. When full, the oldest window of the source with most waiting is dropped.

    So a source that floods the queue loses its own windows, not its neighbours'. Thread-safe.
    """

    def __init__(self, capacity_windows: int) -> None:
        self.capacity_windows = capacity_windows
        """With so many it is full."""
        self._windows: deque[Window] = deque()
        self._waiting: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._windows)

    def put(self, window: Window) -> None:
        """Add a window at once; drops one when full."""
        with self._changed:
            if len(self._windows) >= self.capacity_windows:
                self._drop_one()
            self._add(window)

    def put_waiting(self, window: Window) -> None:
        """Add a window when there is room, for sound that can wait, such as a file; dropped when closed."""
        room = min(self.capacity_windows, PATIENT_WINDOWS)
        with self._changed:
            self._changed.wait_for(lambda: len(self._windows) < room or self._closed)
            if self._closed:
                self._dropped[window.span.source_id] += 1
            else:
                self._add(window)

    def take(self, limit: int, timeout_s: float) -> list[Window]:
        """Return up to `limit` windows, oldest first; waits at most `timeout_s` for the first one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._windows) or self._closed, timeout_s)
            taken = [self._windows.popleft() for _ in range(min(limit, len(self._windows)))]
            self._waiting.subtract(window.span.source_id for window in taken)
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Wake whoever waits; what is in the queue can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def dropped(self) -> Mapping[str, int]:
        """Return how many windows of each source were dropped since the start."""
        with self._changed:
            return dict(self._dropped)

    def _add(self, window: Window) -> None:
        self._windows.append(window)
        self._waiting[window.span.source_id] += 1
        self._changed.notify_all()

    def _drop_one(self) -> None:
        loudest = max(self._waiting, key=self._waiting.__getitem__)
        index = next(i for i, w in enumerate(self._windows) if w.span.source_id == loudest)
        del self._windows[index]
        self._waiting[loudest] -= 1
        self._dropped[loudest] += 1
