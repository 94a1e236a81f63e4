"""Days of scores as a daemon would have counted them, made up: a machine whose normal sound moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.bundles.trail import calibration_digest
from monitor.calibration import Calibration
from monitor.drift.period import BLOCK_S, HOUR_S, Levels, Period, body_of, merged_bodies
from monitor.drift.scale import counts_of
from monitor.store import open_store
from monitor.store.drift import PeriodRow, add_periods

DAY_S = 86_400
WINDOWS_AN_HOUR = 700
"""A fifth of what is heard at the usual hop: one in each block of five seconds."""
HOP_S = HOUR_S / WINDOWS_AN_HOUR


def units(rng: np.random.Generator, windows: int, moved: float = 0.0) -> NDArray[np.float64]:
    """Draw normal scores in units: median about 0, reaching 1 about once a week."""
    spread, tail = rng.standard_normal(windows), rng.exponential(size=windows)
    return np.asarray(0.17 * spread + 0.083 * (tail - 0.69) + moved)


def hour_of(
    start_utc_s: int, scores: NDArray[np.float64], *, bands: Sequence[float] = (), cut: float = 0.0
) -> Period:
    """Return one hour of scores in units, evenly spread over it."""
    blocks = (np.arange(len(scores)) * HOUR_S / len(scores) // BLOCK_S).astype(int)
    highest = np.full(round(HOUR_S / BLOCK_S), -np.inf)
    np.maximum.at(highest, blocks, scores)
    peaks = {int(block): float(highest[block]) for block in np.flatnonzero(highest >= cut)}
    return Period(
        start_utc_s,
        HOUR_S,
        counts_of(scores[scores < 1.0]),
        Levels(len(scores), (-30.0,)),
        Levels(len(scores) if bands else 0, tuple(bands)),
        peaks,
        cut,
    )


def days_up_to(
    today: int, moved: Callable[[int], float], days: int, *, seed: int = 0, louder_db: float = 0.0
) -> list[Period]:
    """Return the hours of `days` days before `today`; `moved` says by how much the n-th has moved."""
    rng, hours = np.random.default_rng(seed), []
    for day in range(days):
        by = moved(day) + 0.01 * rng.standard_normal()
        bands = [-40.0 + 0.2 * rng.standard_normal() for _ in range(12)]
        bands[5] += louder_db * (by > 0.1)
        for hour in range(24):
            start = (today - days + day) * DAY_S + hour * HOUR_S
            scores = units(rng, WINDOWS_AN_HOUR, by)
            hours.append(hour_of(start, scores, bands=bands, cut=float(np.quantile(scores, 0.9))))
    return hours


def stored(source_id: str, basis: str, hours: Sequence[Period]) -> list[PeriodRow]:
    """Return hours as rows of a store."""
    return [
        PeriodRow(source_id, basis, one.start_utc_s, one.span_s, one.windows, body_of(one)) for one in hours
    ]


def begin_with_days(state_dir: Path, source_ids: Sequence[str], calibration: Calibration) -> None:
    """Fill a store, and close it again: 28 days in which normal sound moves by half a unit."""
    basis = f"{calibration.bundle_id}/{calibration_digest(calibration)}"
    hours = days_up_to(int(time.time() // DAY_S), lambda day: 0.5 * (day >= 14), 28, louder_db=4.0)
    store = open_store(state_dir)
    try:
        for source_id in source_ids:
            add_periods(store.database, stored(source_id, basis, hours), merged_bodies)
    finally:
        store.close()
