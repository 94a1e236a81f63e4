"""What is kept of the normal sound of one period, and how two of them become one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.drift.scale import BINS, Counts

HOUR_S = 3600
SHIFT_S = 28_800
"""A third of a UTC day: what hours are folded into when they are old."""
BLOCK_S = 5.0
"""High scores less than so far apart are one stretch (monitor.calibration, gap_s): of each such block the
highest score is kept, which is all that declustering needs."""
GROUPS = 12
"""Groups of neighbouring mel bands whose level is followed."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Mean levels, of so many windows."""

    windows: int = 0
    """Windows that were added."""
    mean: tuple[float, ...] = ()
    """In dB; empty: there were none."""

    def with_more(self, other: Levels) -> Levels:
        """Return the mean of both; of two kinds, as after a change of the front end, the larger one."""
        if len(self.mean) != len(other.mean):
            return max(self, other, key=lambda one: one.windows)
        total = self.windows + other.windows
        if not total:
            return self
        share = other.windows / total
        pairs = zip(self.mean, other.mean, strict=True)
        return Levels(total, tuple((1.0 - share) * mine + share * theirs for mine, theirs in pairs))


@dataclass(frozen=True, slots=True)
class Period:
    """Normal windows of one source and basis from `start_utc_s` on: judged, machine on, no alarm."""

    start_utc_s: int
    """Where it begins, by the clock of the box."""
    span_s: int
    """HOUR_S, or SHIFT_S when hours have been folded."""
    counts: Counts
    """Shape (BINS,): normal windows by their score."""
    level: Levels = field(default_factory=Levels)
    """dBFS, one number."""
    bands: Levels = field(default_factory=Levels)
    """Level of each group of mel bands, dB; of every so manyth window."""
    peaks: Mapping[int, float] = field(default_factory=dict)
    """Block of the hour -> highest score in it, in units, where that is above `cut`; alarms included."""
    cut: float = -np.inf
    """What lies below is not in `peaks`."""

    @property
    def windows(self) -> int:
        """Normal windows in it."""
        return int(self.counts.sum())

    def with_more(self, other: Period) -> Period:
        """Return both as one, which lies where this one does."""
        cut = max(self.cut, other.cut)
        peaks = {
            block: peak
            for block in {**self.peaks, **other.peaks}
            if (peak := max(self.peaks.get(block, -np.inf), other.peaks.get(block, -np.inf))) >= cut
        }
        return Period(
            self.start_utc_s,
            self.span_s,
            self.counts + other.counts,
            self.level.with_more(other.level),
            self.bands.with_more(other.bands),
            peaks,
            cut,
        )


def body_of(period: Period) -> bytes:
    """Return what a row holds besides times: JSON, packed; some hundred bytes."""
    places = np.flatnonzero(period.counts)
    tree = {
        "bins": places.tolist(),
        "counts": period.counts[places].tolist(),
        "level": [period.level.windows, [round(one, 2) for one in period.level.mean]],
        "bands": [period.bands.windows, [round(one, 2) for one in period.bands.mean]],
        "blocks": sorted(period.peaks),
        "peaks": [round(period.peaks[block], 5) for block in sorted(period.peaks)],
        "cut": round(period.cut, 5) if np.isfinite(period.cut) else None,
    }
    return zlib.compress(json.dumps(tree, separators=(",", ":")).encode())


def period_of(start_utc_s: int, span_s: int, body: bytes) -> Period:
    """Return the period that `body_of` packed; a body that cannot be read counts as nothing heard.

    Damaged, or by software with other bins: the days that stay say what can be said, as after a gap.
    """
    try:
        return _unpacked(start_utc_s, span_s, body)
    except (zlib.error, ValueError, KeyError, IndexError, TypeError):
        return Period(start_utc_s, span_s, np.zeros(BINS, np.int64))


def _unpacked(start_utc_s: int, span_s: int, body: bytes) -> Period:
    tree = json.loads(zlib.decompress(body))
    counts = np.zeros(BINS, np.int64)
    counts[tree["bins"]] = tree["counts"]
    (levels, level), (windows, bands) = tree["level"], tree["bands"]
    return Period(
        start_utc_s,
        span_s,
        counts,
        Levels(levels, tuple(level)),
        Levels(windows, tuple(bands)),
        dict(zip(tree["blocks"], tree["peaks"], strict=True)),
        -np.inf if tree["cut"] is None else tree["cut"],
    )


def merged_bodies(first: bytes, second: bytes) -> bytes:
    """Return the body of two of the same period."""
    return body_of(period_of(0, HOUR_S, first).with_more(period_of(0, HOUR_S, second)))


def folded(hours: Sequence[Period]) -> list[Period]:
    """Return thirds of days in place of hours: scores and levels in full, and no peaks."""
    shifts: dict[int, Period] = {}
    for hour in hours:
        start = hour.start_utc_s - hour.start_utc_s % SHIFT_S
        bare = Period(start, SHIFT_S, hour.counts, hour.level, hour.bands)
        shifts[start] = shifts[start].with_more(bare) if start in shifts else bare
    return list(shifts.values())
