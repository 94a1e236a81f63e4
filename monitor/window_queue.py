"""Windows that wait for the engine: bounded, fair between sources, and honest about what it drops.

When it is full the source that has had most of the engine's time lately, and waits for most of it, loses its
oldest window. So a flood, or one slow bundle, costs its own sources and not their neighbours, and where all
are alike all lose alike. What is dropped is handed to whoever takes, so that it can be told as not judged.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.messages import Span, Window

PATIENT_WINDOWS = 32
"""Sound that can wait runs no further ahead than this, so that its clips need little memory."""
HALVE_EVERY_S = 10.0
"""So often what a source has had of the engine counts half as much as before."""
TURN_S = 0.5
"""No more of the engine's time is taken at once: neighbours of a slow bundle must not overflow meanwhile."""
UNTOLD_MAX = 10_000
"""Dropped windows that wait to be told; the oldest beyond it are only counted."""


def same_cost(_source_id: str) -> float:
    """Return a millisecond: all windows cost the engine alike."""
    return 0.001


@dataclass(frozen=True, slots=True)
class Taken:
    """What one turn of the judging thread gets; of each source the dropped ones came first."""

    windows: Sequence[Window] = ()
    """To be judged, oldest first."""
    dropped: Sequence[Span] = ()
    """Of the windows that were given up since the turn before, in the order in which they were."""


@dataclass(frozen=True, slots=True)
class Passed:
    """How many windows of one source the queue has had: put == taken + dropped + those that wait."""

    put: int = 0
    """Handed in since the start."""
    dropped: int = 0
    """Of them given up."""


class WindowQueue:
    """First in, first out; bounded. Thread-safe."""

    def __init__(
        self,
        capacity_windows: int,
        *,
        cost_s: Callable[[str], float] = same_cost,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cost_s`: what a window of a source costs the engine, in seconds; it must not block."""
        self.capacity_windows = capacity_windows
        """With so many it is full."""
        self._cost_s = cost_s
        self._monotonic = monotonic
        self._windows: OrderedDict[int, Window] = OrderedDict()
        self._tickets = 0
        self._waiting: dict[str, deque[int]] = {}
        """Tickets of the windows of each source that waits, oldest first."""
        self._patient: Counter[str] = Counter()
        """How many of them can wait: they are dropped last."""
        self._hurried: set[str] = set()
        """Sources whose sound may not wait for room at present, though it could."""
        self._claims_s: dict[str, float] = {}
        """What each source has had of the engine lately, and waits for: being judged does not change it."""
        self._halved_at_s = monotonic()
        self._untold: deque[Span] = deque(maxlen=UNTOLD_MAX)
        self._put: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._closed = False
        self._is_woken = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def is_empty(self) -> bool:
        """Whether no window waits, and no dropped one waits to be told."""
        return not self._windows and not self._untold

    def put(self, window: Window) -> None:
        """Add a window at once; drops one when full, maybe this one."""
        with self._changed:
            self._add(window)
            self._keep_within()

    def put_waiting(self, window: Window) -> None:
        """Add a window when there is room, for sound that can wait, such as a file; dropped when closed.

        While sound that cannot wait fills the queue one such window at a time gets in: the rest trickles.
        Does not wait for a source in a hurry: where there is no room it loses its oldest window instead.
        """
        source_id = window.span.source_id
        with self._changed:
            self._changed.wait_for(lambda: self._has_room() or self._closed or source_id in self._hurried)
            if self._closed:
                self._put[source_id] += 1
                self._give_up(window.span)
                return
            has_room = self._has_room()
            self._patient[source_id] += 1
            self._add(window)
            if has_room:
                self._keep_within()
            else:
                self._give_up(self._remove(source_id).span)

    def hurry(self, source_id: str) -> None:
        """Let `put_waiting` wait no more for this source, whose input is to end, until `be_patient`."""
        with self._changed:
            self._hurried.add(source_id)
            self._changed.notify_all()

    def be_patient(self, source_id: str) -> None:
        """Let `put_waiting` wait again for this source."""
        with self._changed:
            self._hurried.discard(source_id)

    def take(self, limit: int, timeout_s: float) -> Taken:
        """Return up to `limit` windows and TURN_S of work, oldest first, and what was dropped meanwhile.

        Waits at most `timeout_s` for the first of either, and not at all if somebody has said `wake`.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self.is_empty or self._closed or self._is_woken, timeout_s)
            self._is_woken = False
            self._halve()
            windows = self._turn(limit)
            dropped = tuple(self._untold)
            self._untold.clear()
            self._changed.notify_all()
            return Taken(windows, dropped)

    def wake(self) -> None:
        """Have the next `take` return at once, or the one that waits: its thread has something else to do."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def holds(self, source_id: str) -> bool:
        """Whether a window of this source waits, or a dropped one to be told."""
        with self._changed:
            return source_id in self._waiting or any(span.source_id == source_id for span in self._untold)

    def forget(self, source_id: str) -> Sequence[Span]:
        """Remove all there is of a source that leaves, its counters too; return what was not judged of it.

        To be called when nothing more will be put for it.
        """
        with self._changed:
            spans = [span for span in self._untold if span.source_id == source_id]
            others = [span for span in self._untold if span.source_id != source_id]
            self._untold = deque(others, maxlen=UNTOLD_MAX)
            while source_id in self._waiting:
                spans.append(self._remove(source_id).span)
            for counted in (self._patient, self._put, self._dropped):
                counted.pop(source_id, None)
            self._claims_s.pop(source_id, None)
            self._hurried.discard(source_id)
            self._changed.notify_all()
        return spans

    def close(self) -> None:
        """Wake whoever waits; what is in the queue can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def passed(self) -> Mapping[str, Passed]:
        """Return how many windows of each source were handed in, and how many of them dropped."""
        with self._changed:
            return {name: Passed(count, self._dropped[name]) for name, count in self._put.items()}

    def _has_room(self) -> bool:
        """Whether sound that can wait may come in."""
        room = max(1, min(self.capacity_windows // 2, PATIENT_WINDOWS))
        return len(self._windows) < room or not self._patient.total()

    def _add(self, window: Window) -> None:
        source_id = window.span.source_id
        self._tickets += 1
        self._windows[self._tickets] = window
        self._waiting.setdefault(source_id, deque()).append(self._tickets)
        self._claims_s[source_id] = self._claims_s.get(source_id, 0.0) + self._cost_s(source_id)
        self._put[source_id] += 1
        self._changed.notify_all()

    def _turn(self, limit: int) -> list[Window]:
        """Remove the oldest windows, up to `limit` and TURN_S, one at least."""
        windows: list[Window] = []
        turn_s = 0.0
        while self._windows and len(windows) < limit and turn_s < TURN_S:
            source_id = next(iter(self._windows.values())).span.source_id
            windows.append(self._remove(source_id))
            turn_s += self._cost_s(source_id)
        return windows

    def _remove(self, source_id: str) -> Window:
        """Remove the oldest window of a source that waits."""
        tickets = self._waiting[source_id]
        window = self._windows.pop(tickets.popleft())
        if not tickets:
            del self._waiting[source_id]
        if self._patient[source_id]:
            self._patient[source_id] -= 1
        return window

    def _keep_within(self) -> None:
        """Drop a window if there is one too many."""
        if len(self._windows) <= self.capacity_windows:
            return
        can_wait = self._patient
        live = [name for name in self._waiting if not can_wait[name]] if can_wait.total() else self._waiting
        # of equals the first: sources stand in the order in which they began to wait
        loser = max(live or self._waiting, key=self._claims_s.__getitem__)
        self._claims_s[loser] -= min(self._cost_s(loser), self._claims_s[loser])
        self._give_up(self._remove(loser).span)

    def _give_up(self, span: Span) -> None:
        self._dropped[span.source_id] += 1
        self._untold.append(span)
        self._changed.notify_all()

    def _halve(self) -> None:
        now_s = self._monotonic()
        if now_s - self._halved_at_s >= HALVE_EVERY_S:
            self._halved_at_s = now_s
            for source_id, claim_s in self._claims_s.items():
                awaited_s = len(self._waiting.get(source_id, ())) * self._cost_s(source_id)
                self._claims_s[source_id] = awaited_s + max(claim_s - awaited_s, 0.0) / 2
