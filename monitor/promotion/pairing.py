"""Which alarms of two bundles are the same, and what people said of them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from monitor.promotion.records import Pairs
from monitor.promotion.rehearsed import Alarmed

SPELL_S = 300.0
"""What is less than this apart may well have one cause, and counts as one case in favour of a candidate."""


FOUND_WITHIN_S = SPELL_S
"""An event is found by whoever alarms in its first minutes: who does eleven hours later misses it."""


class Lasting(Protocol):
    """Whatever has a beginning and an end."""

    @property
    def start_utc_s(self) -> float:
        """When it began."""

    @property
    def end_utc_s(self) -> float:
        """When it ended."""


class Stretches:
    """Stretches of time that may be asked which of them meet another."""

    def __init__(self, lasting: Iterable[Lasting]) -> None:
        merged: list[list[float]] = []
        for start, end in sorted((one.start_utc_s, one.end_utc_s) for one in lasting):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]

    def meets(self, other: Lasting) -> bool:
        """Say whether any of them has a moment in common with `other`."""
        return self.first(other) is not None

    def first(self, other: Lasting) -> int | None:
        """Return the number of the first that has a moment in common with `other`; None: there is none."""
        first = bisect.bisect_left(self._ends, other.start_utc_s)
        return first if first < len(self._ends) and self._starts[first] <= other.end_utc_s else None

    def covered_s(self, other: Lasting) -> float:
        """Return how much of `other` they cover, in seconds."""
        covered = 0.0
        for i in range(bisect.bisect_left(self._ends, other.start_utc_s), len(self._ends)):
            if self._starts[i] >= other.end_utc_s:
                break
            start = max(self._starts[i], other.start_utc_s)
            covered += max(0.0, min(self._ends[i], other.end_utc_s) - start)
        return covered


L = TypeVar("L", bound=Lasting)


def spells(lasting: Iterable[L], *, apart_s: float = SPELL_S) -> list[list[L]]:
    """Return stretches in groups that lie `apart_s` or more apart, in order of time.

    A fork-lift that passes for five minutes is one cause, however often it raises the alarm; counted as
    seven it would prove what one does not.
    """
    found: list[list[L]] = []
    end_utc_s = -math.inf
    for one in sorted(lasting, key=lambda one: one.start_utc_s):
        if not found or one.start_utc_s - end_utc_s >= apart_s:
            found.append([])
            end_utc_s = -math.inf
        found[-1].append(one)
        end_utc_s = max(end_utc_s, one.end_utc_s)
    return found


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first minutes of something that lasts.

    An event that nobody acknowledges lasts from its first alarm until its last has cleared, which may be a
    weekend: in its quiet hours nobody has heard anything.
    """

    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """FOUND_WITHIN_S later, or when it ended."""


def beginning(one: Lasting) -> Beginning:
    """Return the first minutes of an event."""
    return Beginning(one.start_utc_s, min(one.end_utc_s, one.start_utc_s + FOUND_WITHIN_S))


@dataclass(frozen=True, slots=True)
class Said:
    """What people said of stretches of time."""

    anomaly: Stretches
    """They agree that something was wrong."""
    no_anomaly: Stretches
    """They agree that nothing was."""
    open: Stretches
    """They listened, and do not agree or do not know."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """The alarms of the same hours, by what they were."""

    false_alarms: Pairs
    """As Comparison.false_alarms."""
    spared: int
    """As Comparison.spared."""
    unlabelled_live_only: tuple[Alarmed, ...]
    """As Comparison.unlabelled_live_only."""
    unlabelled_both: int
    """As Comparison.unlabelled_both."""
    unlabelled_candidate_only: int
    """As Comparison.unlabelled_candidate_only."""


def sort_alarms(live: Sequence[Alarmed], candidate: Sequence[Alarmed], said: Said, alone: Said) -> Sorted:
    """Return what the alarms of two bundles were that judged the same sound.

    Two alarms that meet are one case. However long the live one's alarm stays, one of the candidate's that
    comes again in it, SPELL_S after the one before had cleared, is another call, and a case of its own. One
    that meets a stretch in which people hear an anomaly is a find, and no false alarm. One that nobody
    labelled is the candidate's false alarm where it stands alone, for else a candidate could raise what it
    likes; of the live one alone it is no false alarm, for else a deaf candidate would gain by each fault that
    nobody has looked at. However often the live one raised an event before somebody acknowledged it, one
    label is of one case.

    `said`: of all that the live one raised; `alone`: of alarms that it did not raise, see `Beginning`.
    """
    of_live, of_candidate = Stretches(live), Stretches(candidate)
    both = candidate_only = 0
    live_only: dict[int, Alarmed] = {}
    unlabelled_both = unlabelled_candidate = 0
    unlabelled_live: list[Alarmed] = []
    for one in live:
        if said.anomaly.meets(one):
            continue
        shared, event = of_candidate.meets(one), said.no_anomaly.first(one)
        if event is not None and shared:
            both += 1
        elif event is not None:
            live_only.setdefault(event, one)
        elif not said.open.meets(one):
            unlabelled_both += shared
            unlabelled_live += [one] * (not shared)
    for one, by_whom in _own(candidate, of_live, said, alone):
        if by_whom.anomaly.meets(one):
            continue
        if by_whom.no_anomaly.meets(one):
            candidate_only += 1
        elif not by_whom.open.meets(one):
            candidate_only += 1
            unlabelled_candidate += 1
    return Sorted(
        false_alarms=Pairs(both, len(live_only), candidate_only),
        spared=len(spells(live_only.values())),
        unlabelled_live_only=tuple(unlabelled_live),
        unlabelled_both=unlabelled_both,
        unlabelled_candidate_only=unlabelled_candidate,
    )


def _own(
    candidate: Iterable[Alarmed], of_live: Stretches, said: Said, alone: Said
) -> Iterator[tuple[Alarmed, Said]]:
    """Yield the candidate's alarms that are more than the live one's, and what people said of such."""
    until_utc_s: dict[int, float] = {}
    for one in sorted(candidate, key=lambda one: one.start_utc_s):
        shared = of_live.first(one)
        if shared is None:
            yield one, alone
            continue
        before_utc_s = until_utc_s.get(shared, math.inf)
        until_utc_s[shared] = one.end_utc_s
        if one.start_utc_s - before_utc_s >= SPELL_S:
            yield one, said
