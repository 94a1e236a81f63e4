"""Whether a source's normal sound has moved: what is compared, and from when on it counts."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from monitor.calibration import Calibration
from monitor.calibration.fit import levels_and_shares
from monitor.drift.likeness import DAY_S, Day, Likeness, alike_mix, days_of, unlike, unlike_shares
from monitor.drift.louder import BandChange, band_changes, level_change
from monitor.drift.period import Period
from monitor.drift.scale import Float64, quantile, unit_of
from monitor.drift.shift import moved_since_calibration, moved_since_first

LEAST_DAYS = 5
"""Fewer days of sound, on either side, say nothing yet: a week has two weekends' worth of other sound."""
LEAST_DAY_WINDOWS = 1000
"""A day with fewer normal windows, a quarter of an hour or so, is passed over."""
LATELY_DAYS = 21
"""The days that are judged lie within so many before today."""
SURE_FROM = 0.1
"""The interval must lie above what is called moderate."""
SURE_ERRORS = 2.5
"""... and the days' medians must have moved by so many standard errors, which know that days are alike ..."""
IN_A_ROW = 7
"""... as found after each of the last so many days: whoever looks every day finds what chance does, too."""
HIGH_SHARE = 0.99


class DriftState(str, enum.Enum):
    """What is known of a source's normal sound."""

    STABLE = "stable"
    """It is as it was, as far as can be told."""
    DRIFTING = "drifting"
    """It has moved; why, the scores do not say."""
    TOO_LITTLE = "too_little"
    """Too few days of normal sound were heard to say anything."""


Against = Literal["first_days", "calibration"]


@dataclass(frozen=True, slots=True)
class Asked:
    """When it counts as moved."""

    reference_days: int = 7
    """The first so many days of sound under a basis are what later ones are held against."""
    recent_days: int = 7
    """The last so many are."""
    psi: float = 0.25
    """From this index on it has moved."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: the days of one source under one bundle and limit."""

    periods: Sequence[Period]
    """All that is known of them."""
    calibration: Calibration
    """The limit in force."""
    asked: Asked
    """When it counts as moved."""
    now_utc_s: float
    """By the clock of the box: only days that are over count."""
    edges_hz: Float64 | None = None
    """Shape (groups + 1,), of the groups of bands; None: bands are not looked at."""
    since_utc_s: float | None = None
    """Whether it has moved since then is asked: days before, and what the limit was made from, are passed
    over. None: since the first days, and since the limit was made."""


@dataclass(frozen=True, slots=True)
class Side:
    """Some days of normal sound; scores in units of the calibration."""

    median: float
    """Half of the windows lay below."""
    high: float | None
    """HIGH_SHARE of them did; None: not known."""
    days: int
    """Days of sound; 0: those of the calibration are not counted."""
    first_utc_s: float
    """Where the first day began, or the calibration was made."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found."""

    state: DriftState
    """What is to be done about it: nothing, look, wait."""
    against: Against = "first_days"
    """What the recent days were held against."""
    likeness: Likeness | None = None
    """How unlike they are; None: too little."""
    then: Side | None = None
    """What they were held against; None: too little."""
    now: Side | None = None
    """The recent days; None: there are none."""
    errors: float = 0.0
    """By how many standard errors the days' medians lie above those of what they were held against."""
    level_change_db: float | None = None
    """Of the level of all normal windows since the first days; None: not known."""
    bands: tuple[BandChange, ...] = ()
    """The groups that changed most since the first days, the most changed first; at most 3."""
    in_a_row: int = 0
    """After so many of the last days, without a break, it was found to have moved; IN_A_ROW count."""


def sounding_days(periods: Sequence[Period], now_utc_s: float) -> list[Day]:
    """Return the days that are over and have enough normal sound, oldest first."""
    today = int(now_utc_s // DAY_S)
    return [day for day in days_of(periods) if day.number < today and day.windows >= LEAST_DAY_WINDOWS]


def recent_of(days: Sequence[Day], asked: Asked, now_utc_s: float) -> Sequence[Day]:
    """Return the days that are judged."""
    oldest = int(now_utc_s // DAY_S) - LATELY_DAYS
    return [day for day in days if day.number >= oldest][-asked.recent_days :]


def judged(case: Case) -> Judgement:
    """Judge the last days; moved is only what was found to be so after each of the last IN_A_ROW."""
    days = sounding_days(case.periods, case.now_utc_s)
    if case.since_utc_s is not None:
        days = [day for day in days if day.number * DAY_S >= case.since_utc_s]
    today = _judged_after(days, case)
    if today.state is not DriftState.DRIFTING:
        return today
    in_a_row = 1
    while in_a_row < IN_A_ROW and _had_moved(days[:-in_a_row], case):
        in_a_row += 1
    state = DriftState.DRIFTING if in_a_row == IN_A_ROW else DriftState.STABLE
    return replace(today, state=state, in_a_row=in_a_row)


def _had_moved(days: Sequence[Day], case: Case) -> bool:
    """Return what was found when the last of these days was over.

    A machine that runs three days a week has its seven in a row within sixteen: the days to be judged are
    those before each of them, not those before today.
    """
    if not days:
        return False
    then = replace(case, now_utc_s=float((days[-1].number + 1) * DAY_S), edges_hz=None)
    return _judged_after(days, then).state is DriftState.DRIFTING


def _judged_after(days: Sequence[Day], case: Case) -> Judgement:
    """Judge the last of these days, whatever was found the day before."""
    recent = recent_of(days, case.asked, case.now_utc_s)
    if len(recent) < LEAST_DAYS:
        return Judgement(DriftState.TOO_LITTLE)
    first = [day for day in days if day.number < recent[0].number][: case.asked.reference_days]
    found = [_against_first(first, recent, case)] if len(first) >= LEAST_DAYS else []
    if case.since_utc_s is None:
        found.append(_against_calibration(case.calibration, recent))
    known = [one for one in found if one.likeness is not None]
    moved = [one for one in known if _has_moved(one, case.asked)]
    if not known:
        return Judgement(DriftState.TOO_LITTLE)
    return replace(
        (moved or known)[0],
        state=DriftState.DRIFTING if moved else DriftState.STABLE,
        level_change_db=found[0].level_change_db,
        bands=found[0].bands,
    )


def _has_moved(one: Judgement, asked: Asked) -> bool:
    likeness = one.likeness
    return (
        likeness is not None
        and likeness.psi >= asked.psi
        and likeness.low >= SURE_FROM
        and abs(one.errors) >= SURE_ERRORS
    )


def _against_first(first: Sequence[Day], recent: Sequence[Day], case: Case) -> Judgement:
    before, after = alike_mix(first, recent)
    return Judgement(
        DriftState.STABLE,
        "first_days",
        unlike(first, recent),
        Side(quantile(before, 0.5), quantile(before, HIGH_SHARE), len(first), first[0].number * DAY_S),
        Side(quantile(after, 0.5), quantile(after, HIGH_SHARE), len(recent), recent[0].number * DAY_S),
        moved_since_first(first, recent),
        level_change(first, recent, case.periods),
        band_changes(first, recent, case.periods, case.edges_hz),
    )


def _against_calibration(calibration: Calibration, recent: Sequence[Day]) -> Judgement:
    """Hold days against the sound that the limit was made from: its median, and what lay above it."""
    levels_raw, reached = levels_and_shares(calibration)
    places = [int(np.argmin(np.abs(reached - share))) for share in (0.5, 0.6, 0.7, 0.8, 0.9)]
    chosen = sorted(set(places))
    unit = unit_of(calibration)
    levels = np.array([unit.of_raw(float(levels_raw[place])) for place in chosen])
    shares = np.diff(np.concatenate([[0.0], reached[chosen], [1.0]]))
    counts = np.sum([day.counts.sum(axis=0) for day in recent], axis=0)
    return Judgement(
        DriftState.STABLE,
        "calibration",
        unlike_shares(levels, shares, recent, known_hours=calibration.exposure_h),
        Side(0.0, None, 0, calibration.fitted_utc_s),
        Side(quantile(counts, 0.5), quantile(counts, HIGH_SHARE), len(recent), recent[0].number * DAY_S),
        moved_since_calibration(recent, calibration.exposure_h),
    )
