"""The alarm of one source: ISA-18.2 as a state machine that does no I/O and asks no clock.

    value >= limit for on_delay_s             -> active, an event opens (or the open one is raised again)
    value <  limit - deadband for off_delay_s -> cleared; the event closes once it is acknowledged too
    between the two                           -> both delays start again, nothing changes
    unjudged                                  -> nothing changes; on-delay waits, off-delay starts again
    dropped, lately                           -> the same, and uncertain until a minute passes without
    the machine is off, by design             -> the same, and the input does not count as uncertain for it
    too quiet, and the machine is not off     -> the same, and uncertain once most of it stays unjudged
    no bundle is live yet                     -> the same, and uncertain until one has judged

A delay is counted in judged sound, from the end of the first window for which its condition holds to the
end of the present one. Shelved and out of service are still evaluated: events open, peak and clear, and every
change is returned for the record, with `new_state` saying that nobody is to be called. While the machine is
off nothing is evaluated: what was active stays so until sound that is judged afterwards clears it.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime, timezone

from monitor.alarm.delays import Delay, Doubt, Progress, TooQuiet
from monitor.alarm.operated import AlarmSettings, OperatedAlarm
from monitor.alarm.snapshot import AlarmSnapshot
from monitor.messages import AlarmChange, ChangeReason, MachineOff, Quality, Score, Span


class Alarm(OperatedAlarm):
    """One source's alarm. Belongs to one thread.

    Every method that may change something returns the changes in order; `snapshot` is then the state after
    the last of them, to be stored with them in one step. What has been returned is never returned again.
    """

    def __init__(
        self, source_id: str, settings: AlarmSettings, snapshot: AlarmSnapshot | None = None
    ) -> None:
        """Start as normal, or go on from `snapshot`: all facts hold, both delays start again.

        An active alarm stays active until sound that is heard after the restart clears it.
        """
        super().__init__(source_id, settings, snapshot)
        self._progress = Progress()
        self._doubt = Doubt()
        self._too_quiet = TooQuiet()
        self._on_delay = Delay(self.limits.on_delay_s)
        self._off_delay = Delay(self.limits.off_delay_s)
        self._first_high: Span | None = None
        """First window at or above the limit while the on-delay runs."""
        self._highest: float = 0.0
        """Highest value while the on-delay runs."""

    def take_machine(self, off: MachineOff | None, at_utc_s: float) -> list[AlarmChange]:
        """Take it that the machine is off, or runs (None): the alarm is suppressed by design, or no longer.

        Further conditions while it is off are no change: the snapshot has them, for the next start.
        """
        causes = None if off is None else " ".join(cause.value for cause in off.causes)
        reason = None if off is None else off.reason
        if (off is None) == (self._facts.off_reason is None):
            if causes != self._facts.off_causes:
                self._facts = dataclasses.replace(self._facts, off_reason=reason, off_causes=causes)
            return []
        self._on_delay.reset()
        self._off_delay.reset()
        return [
            self._change(
                ChangeReason.MACHINE_ON if off is None else ChangeReason.MACHINE_OFF,
                at_utc_s,
                off_reason=reason,
                off_causes=causes,
                off_since_utc_s=None if off is None else off.since_utc_s,
            )
        ]

    def take_bundle(self, *, is_live: bool, at_utc_s: float) -> list[AlarmChange]:
        """Take it that a bundle judges, or none does: the alarm is suppressed by design, or no longer.

        It stays uncertain until something was judged.
        """
        if self._facts.unlearned is not is_live:
            return []
        self._on_delay.reset()
        self._off_delay.reset()
        if is_live:
            return [self._change(ChangeReason.BUNDLE_LIVE, at_utc_s, unlearned=False)]
        return [self._change(ChangeReason.NO_BUNDLE, at_utc_s, unlearned=True, uncertain=True)]

    def judge(self, score: Score) -> list[AlarmChange]:
        """Take the next window's score, in order of time, and return what it changed."""
        # an operator or a reload may have changed them since the last window
        self._on_delay.delay_s, self._off_delay.delay_s = self.limits.on_delay_s, self.limits.off_delay_s
        advance_s, hole = self._progress.advance(score.span)
        at_utc_s, value = score.span.end_utc_s, score.value
        if value is None or math.isnan(value):
            self._off_delay.reset()
            return self._doubt_window(score.span, advance_s)
        if hole:
            self._off_delay.reset()
        self._too_quiet.judge(advance_s)
        changes = []
        if self._facts.uncertain and not (self._doubt.holds(score.span) or self._too_quiet.in_doubt):
            changes.append(self._change(ChangeReason.CERTAIN, at_utc_s, uncertain=False))
        changes += self._judge_warning(value, at_utc_s)
        changes += self._judge_limit(value, score.span, advance_s)
        return changes

    def _doubt_window(self, span: Span, advance_s: float) -> list[AlarmChange]:
        """Take a window that was not judged."""
        self._doubt.note(span)
        by_design = span.quality is Quality.OFF
        if by_design and self._facts.off_reason is None:
            self._too_quiet.miss(advance_s)
        if self._facts.uncertain or (by_design and not self._too_quiet.in_doubt):
            return []
        return [self._change(ChangeReason.UNCERTAIN, span.end_utc_s, uncertain=True)]

    def _judge_warning(self, value: float, at_utc_s: float) -> list[AlarmChange]:
        level = self.limits.warning_value
        if not self._facts.warning and value >= level:
            return [self._change(ChangeReason.WARNING, at_utc_s, warning=True)]
        if self._facts.warning and value < level - self.limits.deadband:
            return [self._change(ChangeReason.WARNING_CLEARED, at_utc_s, warning=False)]
        return []

    def _judge_limit(self, value: float, span: Span, advance_s: float) -> list[AlarmChange]:
        if self._facts.event_id is not None and value > (self._facts.peak or -math.inf):
            self._facts = dataclasses.replace(self._facts, peak=value)
        if self._facts.active:
            return self._judge_clearing(value, span.end_utc_s, advance_s)
        if value < self.limits.limit:
            self._on_delay.reset()
            return []
        if not self._on_delay.running:
            self._first_high, self._highest = span, value
        self._highest = max(self._highest, value)
        if not self._on_delay.hold(advance_s):
            return []
        self._on_delay.reset()
        return [self._raise(self._first_high or span, span.end_utc_s)]

    def _raise(self, first: Span, at_utc_s: float) -> AlarmChange:
        self._off_delay.reset()
        facts = self._facts
        if facts.event_id is not None:
            # returned and not yet acknowledged: the same event is raised again
            return self._change(ChangeReason.LIMIT, at_utc_s, active=True, acknowledged=False)
        return self._change(
            ChangeReason.LIMIT,
            at_utc_s,
            active=True,
            acknowledged=False,
            event_id=event_id_of(facts.source_id, first.start_utc_s),
            event_start_utc_s=first.start_utc_s,
            peak=self._highest,
        )

    def _judge_clearing(self, value: float, at_utc_s: float, advance_s: float) -> list[AlarmChange]:
        if value >= self.limits.limit - self.limits.deadband:
            self._off_delay.reset()
            return []
        if not self._off_delay.hold(advance_s):
            return []
        self._off_delay.reset()
        acknowledged = self._facts.acknowledged or not self._settings.acknowledge_required
        changes = [self._change(ChangeReason.CLEARED, at_utc_s, active=False, acknowledged=acknowledged)]
        if self._facts.shelved_one_shot:
            # OPC UA Part 9, 5.8.17: one-shot shelving lasts until the alarm returns to normal
            changes.append(self._unshelve(ChangeReason.SHELVING_EXPIRED, at_utc_s))
        self._close_if_over()
        return changes


def event_id_of(source_id: str, start_utc_s: float) -> str:
    """Return the id of an event: the source and the UTC millisecond at which its first window began."""
    second, millisecond = divmod(round(start_utc_s * 1000), 1000)
    start = datetime.fromtimestamp(second, tz=timezone.utc)
    return f"{source_id}-{start:%Y%m%dT%H%M%S}{millisecond:03d}Z"
