"""Scores for tests of the alarm: windows of 2 s, one a second, whose first ends at second 2."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.alarm import Alarm
from monitor.messages import AlarmChange, ChangeReason, Quality, Score, Span

START_UTC_S = 1_700_000_000.0


def score(index: int, value: float | None, *, hop_s: float = 1.0) -> Score:
    span = Span(
        source_id="pump-3",
        first_sample=round(index * hop_s * 16000),
        start_s=index * hop_s,
        end_s=index * hop_s + 2.0,
        start_utc_s=START_UTC_S + index * hop_s,
        quality=Quality.OK if value is not None else Quality.SILENT,
        level_dbfs=-30.0,
    )
    return Score(span=span, value=value, expected_per_day=None, raw=value, profile=None, bundle_id="ae-1")


def play(
    alarm: Alarm, values: Iterable[float | None], *, first: int = 0, hop_s: float = 1.0
) -> dict[int, list[AlarmChange]]:
    """Judge windows and return the changes by the index of their window, where there are any."""
    changes = {
        index: alarm.judge(score(index, value, hop_s=hop_s)) for index, value in enumerate(values, first)
    }
    return {index: made for index, made in changes.items() if made}


def when(changes: dict[int, list[AlarmChange]], reason: ChangeReason) -> list[int]:
    """Return the windows at which a change with this reason was made."""
    return [index for index, made in changes.items() for change in made if change.reason is reason]
