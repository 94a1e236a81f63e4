"""How much the scores of some days are unlike those of others, and how sure that is.

Windows overlap, and a machine sounds like a moment ago: of thousands of windows a day any difference would be
"significant". So the effect counts first, and days are the units of chance. The effect is the population
stability index (Siddiqi, Credit Risk Scorecards, 2006, chapter 6: above 0.1 moderate, above 0.25 large) over
tenths of the reference. Its interval is a bootstrap over whole days (block bootstrap, Kuensch, Annals of
Statistics 17(3), 1989), and its upward bias, for the index is never below 0, is taken off.

Like is compared with like: each third of a working day, a Saturday, a Sunday, with the same of the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.drift.period import SHIFT_S, Period
from monitor.drift.scale import BINS, EDGES, Counts, Float64

DAY_S = 86_400
KINDS_OF_DAY = 3
"""Monday to Friday, Saturday, Sunday; by UTC."""
SLOTS = KINDS_OF_DAY * (DAY_S // SHIFT_S)
TENTHS = 10
DRAWS = 400
INTERVAL = (0.05, 0.95)
LEAST_WINDOWS = 300
"""Fewer normal windows in a third of a day, of all the days together, are not compared."""
NEVER_SEEN = 5e-4
"""Share that is added to each tenth: one that was never reached must not make the index infinite."""


@dataclass(frozen=True, slots=True)
class Day:
    """The normal windows of one UTC day."""

    number: int
    """Days since 1970."""
    counts: Counts
    """Shape (SLOTS, BINS); of the slots of another kind of day 0."""

    @property
    def windows(self) -> int:
        """Normal windows in it."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Likeness:
    """How unlike some days are to a reference."""

    psi: float
    """Population stability index, >= 0, without its bias."""
    low: float
    """Its 90 % interval ..."""
    high: float
    """... over days."""


def days_of(periods: Sequence[Period]) -> list[Day]:
    """Return the days that periods lie in, oldest first."""
    days: dict[int, Counts] = {}
    for period in periods:
        number = period.start_utc_s // DAY_S
        if number not in days:
            days[number] = np.zeros((SLOTS, BINS), np.int64)
        days[number][_slot(period.start_utc_s)] += period.counts
    return [Day(number, days[number]) for number in sorted(days)]


def _slot(start_utc_s: int) -> int:
    weekday = (start_utc_s // DAY_S + 3) % 7  # 1970 began on a Thursday
    kind = max(0, weekday - 4)
    return int(kind * (DAY_S // SHIFT_S) + start_utc_s % DAY_S // SHIFT_S)


def unlike(then: Sequence[Day], now: Sequence[Day]) -> Likeness | None:
    """Return how unlike the days `now` are to the days `then`; None: there is nothing to compare."""
    first, second = _stacked(then), _stacked(now)
    common = _common(first, second)
    if not common.any():
        return None
    first, second = first[:, common], second[:, common]
    tenths = _tenths(_reference(first.sum(axis=0), second.sum(axis=0)))
    before, after = _grouped(first, tenths), _grouped(second, tenths)
    rng = np.random.default_rng(0)
    drawn = _psi_of(_resampled(before, rng), _resampled(after, rng))
    return _likeness(float(_psi_of(before.sum(axis=0)[None], after.sum(axis=0)[None])[0]), drawn)


def unlike_shares(
    levels: Float64, shares: Float64, now: Sequence[Day], *, known_hours: float
) -> Likeness | None:
    """Return how unlike days are to shares that so many hours of sound had; None: nothing to compare.

    `levels`, shape (n,), rising, in units; `shares`, shape (n + 1,): below the first, between, and above.
    A few hours are unlike a week even where nothing has moved: what as many hours of these very days are
    unlike to them, in thirds of days, is taken off.
    """
    counts = _stacked(now).sum(axis=1)
    if counts.sum() < LEAST_WINDOWS:
        return None
    tenths = np.searchsorted(levels, np.concatenate([EDGES, EDGES[-1:]]), side="left")
    grouped = _grouped(counts[:, None], tenths, groups=len(shares))
    expected = np.broadcast_to(shares * counts.sum(), (1, 1, len(shares)))
    psi = float(_psi_of(expected, grouped.sum(axis=0)[None])[0])
    thirds = _grouped(_stacked(now).reshape(-1, 1, BINS), tenths, groups=len(shares))
    thirds = thirds[thirds.sum(axis=(1, 2)) > 0]
    rng, pieces = np.random.default_rng(0), max(1, round(known_hours * 3600.0 / SHIFT_S))
    by_chance = _psi_of(_resampled(thirds, rng, pieces), _resampled(grouped, rng))
    high, low = psi - np.quantile(by_chance, INTERVAL)
    return Likeness(max(0.0, psi - float(by_chance.mean())), max(0.0, float(low)), max(0.0, float(high)))


def alike_mix(then: Sequence[Day], now: Sequence[Day]) -> tuple[Float64, Float64]:
    """Return the windows of both, shapes (BINS,): the first with the shifts and weekdays of the second.

    What only one of them has is in neither, as long as they have anything in common.
    """
    first, second = _stacked(then).sum(axis=0), _stacked(now).sum(axis=0)
    common = _common(first[None], second[None])
    if not common.any():
        return first.sum(axis=0).astype(np.float64), second.sum(axis=0).astype(np.float64)
    first, second = first[common], second[common]
    return _reference(first, second), second.sum(axis=0).astype(np.float64)


def _stacked(days: Sequence[Day]) -> Counts:
    """Return shape (days, SLOTS, BINS)."""
    return np.stack([day.counts for day in days]) if days else np.zeros((0, SLOTS, BINS), np.int64)


def _common(first: Counts, second: Counts) -> NDArray[np.bool_]:
    """Return shape (SLOTS,): which both have enough of."""
    enough = [days.sum(axis=(0, 2)) >= LEAST_WINDOWS for days in (first, second)]
    return np.asarray(enough[0] & enough[1])


def _reference(first: Counts, second: Counts) -> Float64:
    """Return shape (BINS,): the first, each slot with as many windows as the second; (slots, BINS) both."""
    weights = second.sum(axis=1) / np.maximum(first.sum(axis=1), 1)
    return np.asarray((first * weights[:, None]).sum(axis=0))


def _tenths(reference: Float64) -> NDArray[np.intp]:
    """Return shape (BINS,): to which tenth of the reference each bin belongs."""
    reached = (np.cumsum(reference) - reference / 2.0) / max(float(reference.sum()), 1e-12)
    return np.minimum((reached * TENTHS).astype(np.intp), TENTHS - 1)


def _grouped(counts: Counts, tenths: NDArray[np.intp], groups: int = TENTHS) -> Float64:
    """Return shape (days, slots, groups) of shape (days, slots, BINS)."""
    member = (tenths[:, None] == np.arange(groups)).astype(np.float64)
    return np.asarray(counts @ member)


def _resampled(days: Float64, rng: np.random.Generator, drawn: int | None = None) -> Float64:
    """Return shape (DRAWS, slots, groups): sums over days drawn with replacement; None: as many as days."""
    count = len(days)
    times = rng.multinomial(drawn or count, np.full(count, 1.0 / count), size=DRAWS)
    return np.asarray(np.tensordot(times, days, axes=1))


def _psi_of(first: Float64, second: Float64) -> Float64:
    """Return shape (draws,): the index of the second against the first, both (draws or 1, slots, groups)."""
    sizes = np.maximum(first.sum(axis=2), 1e-12)
    weights = np.where(first.sum(axis=2) > 0, second.sum(axis=2), 0.0)
    expected = _shares((first * (weights / sizes)[:, :, None]).sum(axis=1))
    found = _shares(np.where(weights[:, :, None] > 0, second, 0.0).sum(axis=1))
    return np.asarray(((found - expected) * np.log(found / expected)).sum(axis=1))


def _shares(windows: Float64) -> Float64:
    shares = windows / np.maximum(windows.sum(axis=1, keepdims=True), 1e-12) + NEVER_SEEN
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _likeness(psi: float, drawn: Float64) -> Likeness:
    # what days do to the resamples they have done to the days themselves
    bias = float(drawn.mean()) - psi
    low, high = np.quantile(drawn, INTERVAL) - 2.0 * bias
    return Likeness(max(0.0, psi - bias), max(0.0, float(low)), max(0.0, float(high)))
