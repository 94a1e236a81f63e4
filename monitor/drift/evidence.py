"""Which sound a limit may be made from: what was normal lately, and what stands against it.

A window in an alarm counts when a person has said that the event was no anomaly, and never otherwise: left
out, it makes the limit lower, never higher. Where a person has said that an event was an anomaly the machine
was not well, and what was heard up to then is no evidence at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.drift.judgement import LEAST_DAYS, Asked, recent_of, sounding_days
from monitor.drift.likeness import DAY_S, Day
from monitor.drift.period import BLOCK_S, HOUR_S, Period
from monitor.drift.said import EventLabel
from monitor.drift.scale import Counts, Float64, quantile

LEAST_HOURS = 24.0
"""From less normal sound no limit is made."""
AROUND_EVENT_S = 10.0
"""Before and after an event the sound is as odd as in it."""
MOST_PEAKS = 600
"""With more the threshold is raised: the fit takes a second for each thousand, and is no better."""
LEAST_PEAKS = 30
TAIL_SHARES = (0.99, 0.995, 0.998, 0.999, 0.9995)
"""Where a tail may begin, from the lowest up; the first with no more than MOST_PEAKS is taken."""
LOWER_SHARES = (0.98, 0.96, 0.93)
"""Where it may begin if there are too few peaks."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What people and alarms have said of the days that are looked at."""

    labelled_normal: int = 0
    """Events of which somebody has said that they were no anomaly: they count as normal."""
    not_labelled: int = 0
    """Events of which nobody has said anything, or nothing sure: they are left out."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sound that a limit can be made from; scores in units of the calibration in force."""

    days: Sequence[Day]
    """Whose normal windows count."""
    counts: Counts
    """Shape (BINS,): their windows, by score."""
    threshold: float
    """Where the tail begins."""
    peaks: Float64
    """Shape (k,): of each stretch above it the highest score."""
    windows: int
    """Windows of the hours in which stretches were looked for."""
    dispersion: float
    """How many times the number of stretches varies more from day to day than by chance alone, >= 1."""
    facts: Facts
    """What was said of the events in it."""


def evidence_of(
    periods: Sequence[Period], events: Sequence[EventLabel], asked: Asked, *, hop_s: float, now_utc_s: float
) -> Evidence | str:
    """Return the evidence, or in words why there is none."""
    recent = list(recent_of(sounding_days(periods, now_utc_s), asked, now_utc_s))
    faults = [one for one in events if one.may_be_fault]
    if recent and faults:
        until_utc_s = max(now_utc_s if one.end_utc_s is None else one.end_utc_s for one in faults)
        recent = [day for day in recent if day.number * DAY_S >= until_utc_s]
        if len(recent) < LEAST_DAYS:
            return (
                f"{faults[-1].told}; if the machine was not well, "
                f"{LEAST_DAYS} whole days of normal sound must follow it"
            )
    heard_h = sum(day.windows for day in recent) * hop_s / 3600.0
    if len(recent) < LEAST_DAYS or heard_h < LEAST_HOURS:
        return (
            f"{heard_h:.1f} h of normal sound in {len(recent)} days are too little; {LEAST_HOURS:g} h in "
            f"{LEAST_DAYS} days are needed"
        )
    return _evidence(recent, periods, events)


def _evidence(
    recent: Sequence[Day], periods: Sequence[Period], events: Sequence[EventLabel]
) -> Evidence | str:
    first_utc_s = recent[0].number * DAY_S
    events = [one for one in events if one.end_utc_s is None or one.end_utc_s >= first_utc_s]
    odd = [one for one in events if one.rating != "no_anomaly"]
    counts = np.sum([day.counts.sum(axis=0) for day in recent], axis=0)
    numbers = {day.number for day in recent}
    hours = [
        one for one in periods if one.span_s == HOUR_S and one.windows and one.start_utc_s // DAY_S in numbers
    ]
    found = _tail(hours, odd, counts)
    if found is None:
        return "the highest scores of these days were not kept, or lie in too few separate stretches"
    threshold, used, stretches = found
    return Evidence(
        days=recent,
        counts=counts,
        threshold=threshold,
        peaks=np.array([peak for _, peak in stretches]),
        windows=sum(hour.windows for hour in used),
        dispersion=_dispersion(used, stretches),
        facts=Facts(len(events) - len(odd), len(odd)),
    )


def _dispersion(used: Sequence[Period], stretches: _Stretches) -> float:
    """Return how many times the stretches of a day vary more than by chance, >= 1: Pearson's chi-square.

    Days count by what was heard in them; one without sound is no day without a stretch.
    """
    windows, found = Counter[int](), Counter[int]()
    for hour in used:
        windows[hour.start_utc_s // DAY_S] += hour.windows
    for block, _ in stretches:
        found[block // _BLOCKS_A_DAY] += 1
    days = sorted(windows)
    if len(days) < 2:
        return 1.0
    heard, counted = (np.array([one[day] for day in days], np.float64) for one in (windows, found))
    expected = heard * counted.sum() / heard.sum()
    return max(1.0, float(((counted - expected) ** 2 / np.maximum(expected, 1e-9)).sum() / (len(days) - 1)))


_BLOCKS_A_DAY = round(DAY_S / BLOCK_S)
_Stretches = list[tuple[int, float]]


def _tail(
    hours: Sequence[Period], odd: Sequence[EventLabel], counts: Counts
) -> tuple[float, Sequence[Period], _Stretches] | None:
    """Return where the tail begins, the hours that are known down to there, and the stretches above it.

    An hour whose peaks were kept from higher up on is passed over: what it kept was decided by the days
    before it, so that this makes the tail neither lighter nor heavier.
    """
    blocks = {id(hour): _blocks(hour, odd) for hour in hours}
    best = None
    for share in (*reversed(LOWER_SHARES), *TAIL_SHARES):
        threshold = quantile(counts, share)
        used = [hour for hour in hours if hour.cut <= threshold]
        if 2 * len(used) < len(hours):
            continue
        stretches = _stretches([one for hour in used for one in blocks[id(hour)]], threshold)
        if len(stretches) < LEAST_PEAKS:
            break
        best = (threshold, used, stretches)
        if share >= TAIL_SHARES[0] and len(stretches) <= MOST_PEAKS:
            break
    return best


def _blocks(hour: Period, odd: Sequence[EventLabel]) -> _Stretches:
    """Return the blocks of an hour, counted from 1970, with their highest scores; without odd events."""
    spans = [
        (
            one.start_utc_s - AROUND_EVENT_S,
            np.inf if one.end_utc_s is None else one.end_utc_s + AROUND_EVENT_S,
        )
        for one in odd
    ]
    found = []
    for block, peak in hour.peaks.items():
        begin_s = hour.start_utc_s + block * BLOCK_S
        if not any(start < begin_s + BLOCK_S and begin_s < end for start, end in spans):
            found.append((round(begin_s / BLOCK_S), peak))
    return found


def _stretches(blocks: _Stretches, threshold: float) -> _Stretches:
    """Return where each stretch above a threshold begins, and its peak; neighbouring blocks are one."""
    stretches: _Stretches = []
    last = -2
    for block, peak in sorted(one for one in blocks if one[1] > threshold):
        if block == last + 1:
            begin, highest = stretches[-1]
            stretches[-1] = (begin, max(highest, peak))
        else:
            stretches.append((block, peak))
        last = block
    return stretches
