"""How much louder normal sound is than it was, and in which bands: told beside scores, judged by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.drift.likeness import DAY_S, Day
from monitor.drift.period import Levels, Period
from monitor.drift.scale import Float64

LOUDER_FROM_DB = 1.5
"""A smaller change of a band is not told ..."""
LOUDER_SPREADS = 2.0
"""... nor one that is not so many times what days differ by."""


@dataclass(frozen=True, slots=True)
class BandChange:
    """A group of mel bands whose level in normal sound has changed."""

    low_hz: float
    """Where it begins ..."""
    high_hz: float
    """... and ends."""
    change_db: float
    """Louder, or softer when negative."""


def level_change(first: Sequence[Day], recent: Sequence[Day], periods: Sequence[Period]) -> float | None:
    """Return by how many dB normal sound is louder on the recent days; None: not known."""
    before, after = (_levels([one.level for one in _within(periods, days)]) for days in (first, recent))
    if not (before.windows and after.windows):
        return None
    return after.mean[0] - before.mean[0]


def band_changes(
    first: Sequence[Day], recent: Sequence[Day], periods: Sequence[Period], edges_hz: Float64 | None
) -> tuple[BandChange, ...]:
    """Return the groups of bands that changed more than days differ, the most changed first; at most 3."""
    if edges_hz is None:
        return ()
    before, after = (_daily(days, periods, len(edges_hz) - 1) for days in (first, recent))
    if min(len(before), len(after)) < 2:
        return ()
    change = after.mean(axis=0) - before.mean(axis=0)
    spread = np.sqrt((before.var(axis=0, ddof=1) + after.var(axis=0, ddof=1)) / 2.0)
    told = (np.abs(change) >= LOUDER_FROM_DB) & (np.abs(change) >= LOUDER_SPREADS * spread)
    order = np.argsort(-np.abs(change), kind="stable")
    changes = [
        BandChange(float(edges_hz[group]), float(edges_hz[group + 1]), float(change[group]))
        for group in order
        if told[group]
    ]
    return tuple(changes[:3])


def _daily(days: Sequence[Day], periods: Sequence[Period], groups: int) -> Float64:
    """Return shape (days, groups): mean levels of the days that have them."""
    means = [_levels([one.bands for one in _within(periods, [day])]).mean for day in days]
    return np.array([mean for mean in means if len(mean) == groups]).reshape(-1, groups)


def _within(periods: Sequence[Period], days: Sequence[Day]) -> list[Period]:
    numbers = {day.number for day in days}
    return [period for period in periods if period.start_utc_s // DAY_S in numbers]


def _levels(levels: Sequence[Levels]) -> Levels:
    total = Levels()
    for one in levels:
        total = total.with_more(one)
    return total
