"""Which sources are to be devices: told by other threads, taken up by the edge node's own.

A source that leaves stays a device until hosts have been told what happened to it last, but not for long.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from monitor.publish.sparkplug.settings import Now

PART_WITHIN_S = 5.0
"""For so long the records of a source that leaves may hold up its death."""


class Presence:
    """Any thread may let sources join and leave; one takes it up, in the order in which it was told."""

    def __init__(self, source_ids: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._devices = dict.fromkeys(source_ids)
        self._joined: dict[str, Now] = {}
        self._leaving: dict[str, float] = {}

    @property
    def source_ids(self) -> Sequence[str]:
        """Every source that is a device now, those that are about to leave too."""
        with self._lock:
            return tuple(self._devices)

    def join(self, source_id: str, now: Now) -> None:
        """Take in a source; one that was about to leave stays."""
        with self._lock:
            if self._leaving.pop(source_id, None) is None:
                self._joined[source_id] = now

    def leave(self, source_id: str, now_s: float) -> None:
        """Let go of a source, soon."""
        with self._lock:
            if self._joined.pop(source_id, None) is None:
                self._leaving[source_id] = now_s

    def take_joined(self) -> Mapping[str, Now]:
        """Return the sources that are new, with when they came; they are devices from now on."""
        with self._lock:
            joined, self._joined = self._joined, {}
            self._devices.update(dict.fromkeys(joined))
        return joined

    def take_left(self, now_s: float, *, is_told: bool) -> Sequence[str]:
        """Return the sources that are devices no more; `is_told`: hosts know all that was to be told."""
        with self._lock:
            left = [
                name for name, since_s in self._leaving.items() if is_told or now_s - since_s >= PART_WITHIN_S
            ]
            for source_id in left:
                del self._leaving[source_id], self._devices[source_id]
        return left
