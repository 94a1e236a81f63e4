"""What findings are made of, whatever their kind: a band of an event's portrait, its times, its change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitor.describe.bands import Float64
from monitor.describe.portrait import Portrait, Times
from monitor.describe.rhythm import Course
from monitor.explanation import Finding, SoundKind

RISE_DB = 3.0
"""A band has risen by so much: double the power."""


DURATION_COUNTS = 0.25
"""Exponent of the frames in a finding's weight: sixteen times as long counts as twice as high."""

SPREAD_DB = 4.0
"""... a steadier band counts as one with this spread."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding and how much it counts."""

    finding: Finding
    """What would be said."""
    weight: float
    """What strikes most is said first."""


def risen_profile(portrait: Portrait) -> Float64:
    """Return shape (mel,), dB above normal in the frames in which the band's group sounded."""
    sums = portrait.sums
    marked = np.maximum(sums.marked, 1.0)[portrait.bands.group_of].astype(np.float64)
    return np.asarray(10.0 * np.log10(np.maximum(sums.power / marked, 1e-2)))


def mean_profile(portrait: Portrait) -> Float64:
    """Return shape (mel,), mean dB above what was expected, in frames in which anything was unusual."""
    sums = portrait.sums
    return np.asarray(sums.excess / max(sums.unusual, 1), dtype=np.float64)


def added_db(portrait: Portrait, profile: Float64) -> Float64:
    """Return shape (mel,), the level of what came on top of normal sound, -inf where nothing did."""
    over = 10.0 ** (profile / 10.0) - 1.0
    level = portrait.reference.power_db + 10.0 * np.log10(np.maximum(over, 1e-9))
    return np.where(profile >= RISE_DB, level, -np.inf)


def weight_of(portrait: Portrait, change: Float64, first: int, frames: float) -> float:
    """Return how striking a change of the bands from `first` on is: against their spread in normal sound.

    Its height counts more than its width, and that more than how long it goes on.
    """
    spread = np.maximum(portrait.reference.spread_db[first : first + len(change)], SPREAD_DB)
    spreads = change / spread
    return float(np.sqrt(np.square(np.maximum(spreads, 0.0)).sum()) * frames**DURATION_COUNTS)


def change_db(portrait: Portrait, profile: Float64, first: int, last: int) -> float:
    """Return the change of power over the bands `first` to `last`; `profile` has that of each band."""
    normal = 10.0 ** (portrait.reference.power_db[first : last + 1] / 10.0)
    ratio = 10.0 ** (profile[first : last + 1] / 10.0)
    return float(10.0 * np.log10((normal * ratio).sum() / normal.sum()))


def finding_of(
    portrait: Portrait,
    kind: SoundKind,
    band: tuple[int, int],
    profile: Float64,
    heard_s: tuple[float, float],
) -> Finding:
    """Return a finding in the bands from the first to the last of `band`, within the event's time.

    `heard_s`: when it was first and last heard, in seconds since the event began.
    """
    low_hz, high_hz = portrait.bands.hz_of(*band)
    start = min(max(portrait.start_utc_s + heard_s[0], portrait.start_utc_s), portrait.end_utc_s)
    return Finding(
        kind=kind,
        low_hz=low_hz,
        high_hz=high_hz,
        start_utc_s=start,
        end_utc_s=min(max(portrait.start_utc_s + heard_s[1], start), portrait.end_utc_s),
        change_db=change_db(portrait, profile, *band),
    )


def times_of_course(portrait: Portrait, course: Course, band: tuple[int, int]) -> tuple[float, float]:
    """Return when a sound was first and last heard: by its course, as far back as that is remembered."""
    length, hop_s = portrait.course.shape[1], portrait.hop_s
    begun_s = portrait.heard_until_utc_s - portrait.start_utc_s - length * hop_s
    first_s = begun_s + course.first * hop_s
    last_s = first_s + len(course.level_db) * hop_s
    if begun_s > hop_s:  # longer ago than is remembered
        first_s = min(first_s, times_of_groups(portrait, portrait.risen, band)[0])
    return first_s, last_s


def times_of_groups(portrait: Portrait, times: Times, band: tuple[int, int]) -> tuple[float, float]:
    """Return when any group of a band was first and last heard so."""
    groups = slice(int(portrait.bands.group_of[band[0]]), int(portrait.bands.group_of[band[1]]) + 1)
    first, last = np.fmin.reduce(times.first_s[groups]), np.fmax.reduce(times.last_s[groups])
    return _known(float(first)), _known(float(last))


def _known(since_s: float) -> float:
    return 0.0 if math.isnan(since_s) else since_s
