"""What the daemon says of itself on the control socket, and what the Now page and /api/v1/now show.

Values that are not known are null, never 0; times are UTC, RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from monitor.alarm import Alarm
from monitor.health import BoxFacts, SourceFacts
from monitor.messages import AlarmState, CaptureState, MachineOff, OffCause, Quality, SignalState
from monitor.publish.drift import DriftDocument, drift_document
from monitor.publish.fields import Time, rfc3339_from_utc_s
from monitor.trends import STEP_S, TrendSteps
from monitor.worded import Worded


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlarmNow(_Document):
    """One source's alarm."""

    state: AlarmState = Field(description="ISA-18.2 state.")
    active: bool = Field(description="At or above the limit, whatever an operator has set aside.")
    limit: float = Field(description="Where the alarm is raised: 1.0 unless an operator has set another.")
    warning_value: float = Field(description="Where the warning is raised.")
    limits_by: str | None = Field(description="Who set limits; null: they are as configured.")
    warning: bool = Field(description="At or above the warning level.")
    uncertain: bool = Field(description="The input cannot be judged, or too little of it was lately.")
    event_id: str | None = Field(description="The open event; null: none is open.")
    event_start: Time | None = Field(description="When its first window at the limit began.")
    peak: float | None = Field(description="Its highest value so far, in units of the limit.")
    shelved_until: Time | None = Field(description="Null: not shelved.")
    shelved_one_shot: bool = Field(description="Shelving ends as soon as the alarm clears.")
    acknowledged: bool = Field(description="Nothing waits to be acknowledged, whatever was set aside.")


class Trend(_Document):
    """The last hour of a source in even steps; the lists are equally long, oldest first."""

    step_s: float = Field(description="Length of a step.")
    end: Time = Field(description="Where the last step ends.")
    value: Sequence[float | None] = Field(description="Highest score, in units of the limit.")
    level_dbfs: Sequence[float | None] = Field(description="Loudest window.")
    quality: Sequence[Quality | None] = Field(description="Worst input; null: no window ended there.")


class OffNow(_Document):
    """That a machine is off."""

    since: Time = Field(description="When it went off.")
    causes: Sequence[OffCause] = Field(description="The conditions that hold, or settling alone: it starts.")
    reason: str = Field(description="The same in words, in English.")


class SourceNow(_Document):
    """How one source is."""

    source: str = Field(description="Its id, as in the configuration.")
    device: str = Field(description="What is listened to, without any password.")
    capture: CaptureState = Field(description="How its capture is.")
    reason: str = Field(description="Why it is not healthy; empty when it is.")
    reason_said: dict[str, Any] | None = Field(
        default=None, description="What `reason` is said from in other languages; null: nothing."
    )
    quality: Quality | None = Field(description="Input of the last window; null before the first.")
    level_dbfs: float | None = Field(description="RMS level of the last window.")
    value: float | None = Field(description="Last score: 1.0 is the alarm limit; null: not judged.")
    expected_per_day: float | None = Field(description="False alarms a day at that score.")
    bundle: str | None = Field(description="The bundle that judges it; null: it waits for its first.")
    backend: str | None = Field(
        description="The library that computes, with version, place and precision; null with `bundle`."
    )
    fallback: str = Field(description="Why no better backend answers; empty: this one was the choice.")
    lag_s: float | None = Field(description="From the end of the last window's sound to its score.")
    keeps_up: bool = Field(description="No window was given up in the last minute, and the engine answers.")
    dropped_windows: int = Field(description="Given up because the engine could not keep up.")
    dropped_share: float = Field(description="Of the last minute's windows, 0 to 1.", default=0.0)
    received_samples: int = Field(description="At the device's rate, since the start.")
    lost_samples: int = Field(description="At the device's rate, since the start.")
    alarm: AlarmNow = Field(description="Its alarm.")
    off: OffNow | None = Field(default=None, description="Null: the machine counts as running.")
    off_signal: SignalState | None = Field(
        default=None, description="What the plant says of the machine; null: no signal is configured."
    )
    drift: DriftDocument | None = Field(
        default=None, description="Its normal sound; null: not looked into yet."
    )
    comparing_since: Time | None = Field(
        default=None,
        description="Since when somebody waits for its candidate to be compared with the live bundle; null: "
        "nobody does.",
    )
    trend: Trend | None = Field(default=None, description="Its last hour; null before its first window.")


class BoxNow(_Document):
    """How the daemon as a whole is."""

    site: str = Field(description="As configured.")
    box: str = Field(description="As configured.")
    version: str = Field(description="Of the daemon.")
    started: Time = Field(description="When it began.")
    clock_set: bool = Field(default=True, description="False: the box does not know the time.")
    line: str = Field(description="One line for a person, worst news first.")
    broker: str = Field(description="connected, away, stalled, not yet connected, or off.")
    broker_error: str = Field(description="What last went wrong there; empty when nothing.")
    waiting_records: int | None = Field(description="Records that wait for the broker; null: not known.")
    store_error: str | None = Field(description="Why alarms cannot be stored; null: they can.")
    clips_error: str | None = Field(description="Why no clips are written; null: they are.")
    said: dict[str, Any] = Field(
        default_factory=dict,
        description="What `store_error` and `clips_error` are said from in other languages, by these names.",
    )
    losses: Mapping[str, int] = Field(description="What was dropped since the start, by what it was.")


class Now(_Document):
    """How everything is, now."""

    time: Time = Field(description="When this was said.")
    box: BoxNow = Field(description="The daemon.")
    sources: Sequence[SourceNow] = Field(description="In the order of the configuration.")


def alarm_now(alarm: Alarm) -> AlarmNow:
    """Return what is said of an alarm, whose facts are replaced whole: reading them needs no lock."""
    facts, limits = alarm.snapshot, alarm.limits
    start, until = facts.event_start_utc_s, facts.shelved_until_utc_s
    return AlarmNow(
        state=facts.state,
        active=facts.active,
        limit=limits.limit,
        warning_value=limits.warning_value,
        limits_by=limits.set_by,
        warning=facts.warning,
        uncertain=facts.uncertain,
        event_id=facts.event_id,
        event_start=None if start is None else rfc3339_from_utc_s(start),
        peak=facts.peak,
        shelved_until=None if until is None else rfc3339_from_utc_s(until),
        shelved_one_shot=facts.shelved_one_shot,
        acknowledged=facts.nothing_waits,
    )


def source_now(facts: SourceFacts, alarm: Alarm, comparing_utc_s: float | None = None) -> SourceNow:
    """Return what is said of a source; its trend is asked for on its own.

    `comparing_utc_s`: since when its candidate is being compared; None: it is not.
    """
    reason = facts.capture.reason
    return SourceNow(
        source=facts.capture.source_id,
        device=facts.capture.device,
        capture=facts.capture.state,
        reason=reason,
        reason_said=reason.tree if isinstance(reason, Worded) else None,
        quality=facts.quality,
        level_dbfs=facts.level_dbfs,
        value=facts.value,
        expected_per_day=facts.expected_per_day,
        bundle=facts.bundle_id,
        backend=facts.backend,
        fallback=facts.fallback,
        lag_s=facts.lag_s,
        keeps_up=facts.keeps_up,
        dropped_windows=facts.dropped_windows,
        dropped_share=facts.lately.dropped_share,
        received_samples=facts.capture.received_samples,
        lost_samples=facts.capture.lost_samples,
        alarm=alarm_now(alarm),
        off=_off_now(facts.machine.off),
        off_signal=facts.machine.signal,
        drift=drift_document(facts.drift),
        comparing_since=None if comparing_utc_s is None else rfc3339_from_utc_s(comparing_utc_s),
    )


def _off_now(off: MachineOff | None) -> OffNow | None:
    if off is None:
        return None
    return OffNow(since=rfc3339_from_utc_s(off.since_utc_s), causes=off.causes, reason=off.reason)


def box_now(facts: BoxFacts, *, site: str, box: str, line: str) -> BoxNow:
    """Return what is said of the daemon."""
    return BoxNow(
        site=site,
        box=box,
        version=facts.version,
        started=rfc3339_from_utc_s(facts.started_utc_s),
        clock_set=facts.clock_set,
        line=line,
        broker=facts.broker,
        broker_error=facts.broker_error,
        waiting_records=facts.outbox_records,
        store_error=facts.store_error,
        clips_error=facts.clips_error,
        said={
            name: error.tree
            for name, error in (("store_error", facts.store_error), ("clips_error", facts.clips_error))
            if isinstance(error, Worded)
        },
        losses={name: count for name, count in facts.counts.items() if count},
    )


def trend_document(steps: TrendSteps | None) -> Trend | None:
    """Return a source's last hour as it is sent."""
    if steps is None:
        return None
    return Trend(
        step_s=STEP_S,
        end=rfc3339_from_utc_s(steps.end_utc_s),
        value=steps.value,
        level_dbfs=steps.level_dbfs,
        quality=steps.quality,
    )
