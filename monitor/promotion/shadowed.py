"""What live bundle and candidate said beside each other, read from the store as alarms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.alarm import AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.messages import SAME_TIME_S, Quality
from monitor.promotion.pairing import Stretches
from monitor.promotion.rehearsed import AGAIN_S, Alarmed, RehearsedAlarm, Value, clock_jumped
from monitor.store.shadow import ShadowWindow


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The hours that both have judged."""

    live: tuple[Alarmed, ...]
    """Alarms of the live bundle."""
    candidate: tuple[Alarmed, ...]
    """Alarms that the candidate would have raised."""
    covered: Stretches
    """When both judged."""
    hours: float
    """Of sound that both judged, each second once."""
    since_utc_s: float | None
    """Since when; None: never."""


@dataclass(slots=True)
class _Stretch:
    start_utc_s: float
    end_utc_s: float


def shadowed(windows: Iterable[ShadowWindow], settings: AlarmConfig, facts: AlarmSnapshot) -> Shadowed:
    """Return the alarms of both in what both have judged.

    A window that one of them has not judged counts as not judged by the other: only so are they compared on
    the same sound.
    """
    live = RehearsedAlarm(settings, facts)
    candidate = RehearsedAlarm(settings, facts, again_s=AGAIN_S)
    covered: list[_Stretch] = []
    heard_s, before_s, since_utc_s = 0.0, 0.0, None
    last: ShadowWindow | None = None
    for window in windows:
        length_s = window.end_utc_s - window.start_utc_s
        end_s = window.start_s + length_s
        both = window.live is not None and window.candidate_value is not None
        for side, value in ((live, window.live), (candidate, window.candidate_value)):
            side.take(
                Value(
                    window.start_s,
                    end_s,
                    window.start_utc_s,
                    value if both else None,
                    window.quality if window.quality is not Quality.OK else _unjudged(both=both),
                )
            )
        if not both:
            continue
        since_utc_s = window.start_utc_s if since_utc_s is None else since_utc_s
        follows = window.start_s - SAME_TIME_S <= before_s < end_s and not (
            last is not None and clock_jumped(last, window)
        )
        last = window
        heard_s += end_s - before_s if follows else length_s
        if follows and covered:
            covered[-1].end_utc_s = window.end_utc_s
        else:
            covered.append(_Stretch(window.start_utc_s, window.end_utc_s))
        before_s = end_s
    return Shadowed(
        live=tuple(live.finish()),
        candidate=tuple(candidate.finish()),
        covered=Stretches(covered),
        hours=heard_s / 3600.0,
        since_utc_s=since_utc_s,
    )


def _unjudged(*, both: bool) -> Quality:
    return Quality.OK if both else Quality.DROPPED
