"""Finds where one of two bundles alarms and the other does not: two alarms on paper, with real delays.

Alarms that begin within AGREE_WITHIN_S of each other are the same one. Who disagrees for longer, or clears
before the other alarmed, is in dispute until both say the same again. Of an alarm that both have raised one
may clear later: what it holds on for is a dispute only beyond AGREE_WITHIN_S, from when the other cleared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.alarm import Alarm, AlarmSettings, AlarmSnapshot
from monitor.messages import Score, Span
from monitor.promotion.rehearsed import limits_only
from monitor.store.shadow_clips import Dispute, Who

AGREE_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a window changed."""

    dispute: Dispute
    """As far as it is known by now."""
    is_new: bool
    """Whether it is told for the first time."""
    is_over: bool
    """Whether it has ended."""


@dataclass(frozen=True, slots=True)
class _Climb:
    """An alarm that is about to be, or is: from its first window at the limit."""

    span: Span
    """The first window's."""
    live_peak: float | None
    """The highest value of the live bundle since then."""
    candidate_peak: float | None
    """The highest value of the candidate since then."""


class Disputes:
    """Of one source and one candidate."""

    def __init__(self, settings: AlarmSettings, facts: AlarmSnapshot) -> None:
        """`facts`: whose limits hold, as an operator has set them."""
        self._settings = settings
        self.facts = limits_only(facts)
        """The limits in force, and nothing else."""
        self._live = Alarm(facts.source_id, settings, self.facts)
        self._candidate = Alarm(facts.source_id, settings, self.facts)
        self._since: dict[Who, _Climb] = {}
        self._open: Dispute | None = None
        self._is_told = False
        self._is_shared = False
        """Whether both have raised the alarm that is active with one of them at least."""

    @property
    def open(self) -> Dispute | None:
        """What is or may become a dispute at present; None: both say the same."""
        return self._open

    def take(self, live: Score, candidate: Score, event_id: str | None) -> Change | None:
        """Take a pair of windows; None: nothing is to be told. `event_id`: the live bundle's open event."""
        is_live = self._judge("live", self._live, live, candidate)
        is_candidate = self._judge("candidate", self._candidate, live, candidate)
        if is_live == is_candidate:
            change = self._agree(live, both=is_live)
            self._is_shared = is_live
            return change
        who: Who = "live" if is_live else "candidate"
        if self._open is not None and self._open.alarmed != who:
            change = self._agree(live, both=False)
            self._is_shared = False
            self._begin(who, live)
            return change
        if self._open is None:
            self._begin(who, live)
        return self._go_on(live, candidate, event_id)

    def _judge(self, who: Who, alarm: Alarm, live: Score, candidate: Score) -> bool:
        """Return whether this one's alarm is active after the window."""
        limit, score = alarm.limits.limit, live if who == "live" else candidate
        before = self._since.get(who)
        if before is not None:
            self._since[who] = replace(
                before,
                live_peak=_higher(before.live_peak, live.value),
                candidate_peak=_higher(before.candidate_peak, candidate.value),
            )
        elif score.value is not None and score.value >= limit:
            self._since[who] = _Climb(live.span, live.value, candidate.value)
        alarm.judge(score)
        active = alarm.snapshot.active
        if not active and score.value is not None and score.value < limit:
            self._since.pop(who, None)
        return active

    def _begin(self, who: Who, live: Score) -> None:
        climb = None if self._is_shared else self._since.get(who)
        if climb is None:
            climb = _Climb(live.span, None, None)
        span, self._is_told = climb.span, False
        peaks = climb.live_peak, climb.candidate_peak
        self._open = Dispute(who, span.start_s, span.start_utc_s, live.span.end_s, *peaks, None)

    def _go_on(self, live: Score, candidate: Score, event_id: str | None) -> Change | None:
        if self._open is None:
            return None
        before, end_s = self._open, live.span.end_s
        self._open = replace(
            before,
            end_s=end_s,
            live_peak=_higher(before.live_peak, live.value),
            candidate_peak=_higher(before.candidate_peak, candidate.value),
            event_id=event_id if before.alarmed == "live" and event_id else before.event_id,
        )
        if not self._is_told and end_s - before.start_s < AGREE_WITHIN_S:
            return None
        is_new, self._is_told = not self._is_told, True
        return Change(self._open, is_new=is_new, is_over=False)

    def _agree(self, live: Score, *, both: bool) -> Change | None:
        """End what is open: no dispute if the other came in time, or has only cleared a little earlier."""
        found, self._open = self._open, None
        if found is None or ((both or self._is_shared) and not self._is_told):
            return None
        over = replace(found, end_s=live.span.end_s)
        return Change(over, is_new=not self._is_told, is_over=True)


def _higher(known: float | None, value: float | None) -> float | None:
    if known is None or value is None:
        return value if known is None else known
    return max(known, value)
