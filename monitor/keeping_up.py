"""Whether the engine keeps up with a source, and which share of its windows it does not get to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from monitor.window_queue import Passed

KEEPS_UP_AFTER_S = 60.0
"""So long after the last dropped window a source is said to keep up again."""
STEP_S = 5.0
"""Resolution with which that time is remembered."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What became of a source's windows in the last minute, or a step more."""

    windows: int = 0
    """Handed to the queue."""
    dropped: int = 0
    """Of them given up because the engine could not keep up."""

    @property
    def dropped_share(self) -> float:
        """Of all windows, 0 to 1."""
        return self.dropped / self.windows if self.windows else 0.0


NO_WINDOWS = Lately()
"""Of a source from which none has come."""


class PaceMeter:
    """Turns the queue's counts of one source, which only rise, into those of the last minute."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, Passed]] = deque()
        self._last: Passed | None = None
        self._dropped_at_s: float | None = None

    def note(self, passed: Passed, now_s: float) -> tuple[bool, Lately]:
        """Take the counts at monotonic time `now_s`; return whether the engine keeps up, and the minute."""
        if self._last is None:  # what was dropped before the first look is of another life of the source
            self._last = passed if passed.dropped else Passed()
        last, self._last = self._last, passed
        if passed.dropped > last.dropped:
            self._dropped_at_s = now_s
        if not self._marks or now_s - self._marks[-1][0] >= STEP_S:
            self._marks.append((now_s, last))
        while len(self._marks) > 1 and now_s - self._marks[1][0] >= KEEPS_UP_AFTER_S:
            self._marks.popleft()
        keeps_up = self._dropped_at_s is None or now_s - self._dropped_at_s >= KEEPS_UP_AFTER_S
        base = self._marks[0][1]
        dropped = 0 if keeps_up else passed.dropped - base.dropped
        return keeps_up, Lately(passed.put - base.put, dropped)


def share_of(lately: list[Lately]) -> float:
    """Return the share of dropped windows, 0 to 1, of several sources together."""
    windows = sum(each.windows for each in lately)
    return sum(each.dropped for each in lately) / windows if windows else 0.0


def percent(share: float) -> str:
    """Return a share above 0 for a person; what is dropped is never 0 %."""
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"
