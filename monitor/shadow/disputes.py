"""Finds where one of two bundles alarms and the other does not: two alarms on paper, with real delays.

Alarms that begin within AGREE_WITHIN_S of each other are the same one. Who disagrees for longer, or clears
before the other alarmed, is in dispute until both say the same again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.alarm import Alarm, AlarmSettings, AlarmSnapshot
from monitor.messages import Score
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


class Disputes:
    """Of one source and one candidate."""

    def __init__(self, settings: AlarmSettings, facts: AlarmSnapshot) -> None:
        """`facts`: whose limits hold, as an operator has set them."""
        self._settings = settings
        self.facts = limits_only(facts)
        """The limits in force, and nothing else."""
        self._live = Alarm(facts.source_id, settings, self.facts)
        self._candidate = Alarm(facts.source_id, settings, self.facts)
        self._since: dict[Who, Score] = {}
        """Of an alarm that is about to be, or is: its first window at the limit."""
        self._open: Dispute | None = None
        self._is_told = False

    @property
    def open(self) -> Dispute | None:
        """What is or may become a dispute at present; None: both say the same."""
        return self._open

    def take(self, live: Score, candidate: Score, event_id: str | None) -> Change | None:
        """Take a pair of windows; None: nothing is to be told. `event_id`: the live bundle's open event."""
        is_live = self._judge("live", self._live, live)
        is_candidate = self._judge("candidate", self._candidate, candidate)
        if is_live == is_candidate:
            return self._agree(live, both=is_live)
        who: Who = "live" if is_live else "candidate"
        if self._open is not None and self._open.alarmed != who:
            change = self._agree(live, both=False)
            self._begin(who, live)
            return change
        if self._open is None:
            self._begin(who, live)
        return self._go_on(live, candidate, event_id)

    def _judge(self, who: Who, alarm: Alarm, score: Score) -> bool:
        """Return whether this one's alarm is active after the window."""
        limit = alarm.limits.limit
        if score.value is not None and score.value >= limit:
            self._since.setdefault(who, score)
        alarm.judge(score)
        active = alarm.snapshot.active
        if not active and score.value is not None and score.value < limit:
            self._since.pop(who, None)
        return active

    def _begin(self, who: Who, live: Score) -> None:
        span = self._since.get(who, live).span
        self._is_told = False
        self._open = Dispute(who, span.start_s, span.start_utc_s, live.span.end_s, None, None, None)

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
        """End what is open: no dispute if both alarm now, and the other came in time."""
        found, self._open = self._open, None
        if found is None or (both and not self._is_told):
            return None
        over = replace(found, end_s=live.span.end_s)
        return Change(over, is_new=not self._is_told, is_over=True)


def _higher(known: float | None, value: float | None) -> float | None:
    if known is None or value is None:
        return value if known is None else known
    return max(known, value)
