"""Live scores and maps on their way out: newest first to keep, oldest first to go when it is too much."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Inference, Score
from monitor.publish.delivery import Delivery

UNDER_WAY_MAX = 100
"""Messages handed to the network thread and not yet written: more than that, and the line is stuck."""
PASS_MAX = 200
"""Messages in one go, so that alarms need not wait behind scores."""


@dataclass(frozen=True, slots=True)
class LiveMap:
    """An error map that waits to be published, and the frequencies of its bands."""

    inference: Inference
    """Its error map is made coarser only when it is sent."""
    band_edges_hz: NDArray[np.float64]
    """Shape (mel + 2,)."""


LiveItem = Score | LiveMap


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What became of the live messages."""

    waiting: int
    """In the queue at this moment."""
    sent: int
    """Handed to the network, and as far as is known not lost."""
    dropped: int
    """Given up: the queue was full, or the broker away and the item a map."""
    lost: int
    """Handed to the network and lost with the connection."""


class LiveQueue:
    """A bounded queue: when full the oldest is dropped and counted. `offer` from any thread, never blocks."""

    def __init__(self, queue_messages: int) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[LiveItem] = deque()
        self._max = queue_messages
        self._under_way: deque[Delivery] = deque()
        self._sent = self._dropped = self._lost = 0

    def offer(self, item: LiveItem) -> None:
        """Take an item, at the cost of the oldest when full."""
        with self._lock:
            if len(self._waiting) >= self._max:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(item)

    @property
    def waits(self) -> bool:
        """Whether anything is in the queue at this moment."""
        return bool(self._waiting)

    def send(self, publish: Callable[[LiveItem], Delivery | None]) -> int:
        """Publish what waits, as far as the line takes it; returns how many. Publishing thread only.

        `publish` returns None for an item that cannot be made a document; it is dropped and counted.
        """
        self._settle()
        count = 0
        while count < PASS_MAX and len(self._under_way) < UNDER_WAY_MAX and (item := self._take()):
            count += 1
            delivery = publish(item)
            if delivery is None:
                self._drop()
            elif delivery.failed:
                self._lost += 1
            else:
                self._sent += 1
                self._under_way.append(delivery)
        return count

    def hand_over(self, offline_score: Callable[[Score], Any]) -> int:
        """Give all waiting scores to `offline_score` and drop the maps; returns how many items that were.

        For while the broker is away. Publishing thread only; bounded by what waited when it was called.
        A score that `offline_score` raises for counts as dropped.
        """
        self._settle()
        count = len(self._waiting)
        for _ in range(count):
            item = self._take()
            if isinstance(item, Score):
                self._keep(item, offline_score)
            elif item is not None:
                self._drop()
        return count

    @property
    def counts(self) -> LiveCounts:
        """What has happened so far."""
        with self._lock:
            return LiveCounts(
                waiting=len(self._waiting), sent=self._sent, dropped=self._dropped, lost=self._lost
            )

    def _keep(self, score: Score, offline_score: Callable[[Score], Any]) -> None:
        kept = False
        try:
            offline_score(score)
            kept = True
        finally:
            if not kept:
                self._drop()

    def _drop(self) -> None:
        with self._lock:  # `offer` counts too, in another thread
            self._dropped += 1

    def _take(self) -> LiveItem | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _settle(self) -> None:
        while self._under_way and (self._under_way[0].done or self._under_way[0].failed):
            if self._under_way.popleft().failed:
                self._sent -= 1
                self._lost += 1
