"""Which alarms a series of values would have raised: the alarm machine itself, on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Protocol

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.alarm.limits import limits_in_force
from monitor.config import AlarmConfig
from monitor.messages import ChangeReason, Quality, Score, Span
from monitor.operators import LIMIT_KEYS

AGAIN_S = 600.0
"""An alarm of a candidate that stays counts again so often: one that never clears would else count once."""

JUMP_S = 10.0
"""So much may stream and clock differ by from one window to the next: beyond it the clock was set."""


@dataclass(frozen=True, slots=True)
class Alarmed:
    """One alarm, from its first window at the limit until it had cleared."""

    start_utc_s: float
    """When its first window at the limit began."""
    end_utc_s: float
    """When it had cleared, or when the sound ended."""
    peak: float
    """The highest value."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one bundle said of one window."""

    start_s: float
    """Stream time."""
    end_s: float
    """Stream time."""
    start_utc_s: float
    """UTC of start_s."""
    value: float | None
    """1.0 = the limit; None: not judged."""
    quality: Quality = Quality.OK
    """Of the sound."""

    @property
    def end_utc_s(self) -> float:
        """UTC of end_s."""
        return self.start_utc_s + self.end_s - self.start_s


class Timed(Protocol):
    """Whatever has a beginning in the stream and by the clock."""

    @property
    def start_s(self) -> float:
        """Stream time."""

    @property
    def start_utc_s(self) -> float:
        """UTC of start_s."""


def clock_jumped(before: Timed, after: Timed) -> bool:
    """Say whether the clock of the box was set between two windows: what lies between was not heard."""
    by_clock_s = after.start_utc_s - before.start_utc_s
    return abs(by_clock_s - (after.start_s - before.start_s)) > JUMP_S


def limits_only(facts: AlarmSnapshot) -> AlarmSnapshot:
    """Return an alarm that knows nothing but the limits that an operator has set."""
    kept = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name in LIMIT_KEYS}
    return AlarmSnapshot(facts.source_id, **kept)


def rules_of(settings: AlarmConfig, facts: AlarmSnapshot) -> str:
    """Return by what scores become alarms, as a text: another one where another alarm would come of them."""
    limits = limits_in_force(settings, facts)
    held = {"limit", "deadband", "on_delay_s", "off_delay_s"}
    told = [f"{key} {getattr(limits, key):g}" for key in LIMIT_KEYS if key in held]
    return ", ".join([*told, f"false_alarms_per_week {settings.false_alarms_per_week:g}"])


class RehearsedAlarm:
    """Takes the values of one bundle in order of time, and remembers the alarms that they raise."""

    def __init__(self, settings: AlarmConfig, facts: AlarmSnapshot, *, again_s: float = math.inf) -> None:
        """`facts`: whose limits hold, see `limits_only`; an alarm that stays counts again each `again_s`."""
        self._again_s = again_s
        # nobody acknowledges on paper: each alarm is to be one by itself
        self._settings = settings.model_copy(update={"acknowledge_required": False})
        self._facts = limits_only(facts)
        self._alarm = Alarm(facts.source_id, self._settings, self._facts)
        self._limit = self._alarm.limits.limit
        self._began: float | None = None
        self._last: Value | None = None
        self._idle, self._peak = True, 0.0
        self._found: list[Alarmed] = []

    @property
    def is_idle(self) -> bool:
        """Whether no alarm is on, nor may be about to begin."""
        return self._idle

    def take(self, value: Value) -> None:
        """Take the next window. A stream that begins anew ends an alarm, and a clock that was set."""
        last = self._last
        if last is not None and (value.start_s < last.start_s or clock_jumped(last, value)):
            self.finish()
        self._last = value
        if self._idle and (value.value is None or value.value < self._limit):
            return  # what is below the limit changes nothing, and most is
        changes = self._alarm.judge(_score(self._facts.source_id, value))
        for change in changes:
            if change.reason is ChangeReason.LIMIT:
                self._began = change.event_start_utc_s
            elif change.reason is ChangeReason.CLEARED:
                self._note(value.end_utc_s)
        if value.value is not None:
            self._peak = max(self._peak, value.value)
            self._idle = self._began is None and value.value < self._limit
        if self._idle:
            self._peak = 0.0

    def finish(self) -> list[Alarmed]:
        """Return all alarms so far; one that has not cleared ends here."""
        if self._last is not None:
            self._note(self._last.end_utc_s)
        self._alarm = Alarm(self._facts.source_id, self._settings, self._facts)
        self._idle, self._last, self._peak = True, None, 0.0
        return self._found

    def _note(self, end_utc_s: float) -> None:
        start_utc_s, self._began = self._began, None
        while start_utc_s is not None:
            until_utc_s = min(end_utc_s, start_utc_s + self._again_s)
            self._found.append(Alarmed(start_utc_s, until_utc_s, self._peak))
            start_utc_s = until_utc_s if until_utc_s < end_utc_s else None


def _score(source_id: str, value: Value) -> Score:
    quality = value.quality
    if value.value is None and quality is Quality.OK:
        quality = Quality.DROPPED
    span = Span(source_id, 0, value.start_s, value.end_s, value.start_utc_s, quality, None)
    return Score(span, value.value, None, None, None, "")
