"""The course of an event in time: when it is on, for how long at a stretch, and whether it repeats evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.describe.bands import Float64

LONG_FRAMES = 12
"""A sound lasts that goes on for so many frames, 0.4 s, ..."""
PAUSES = 0.3
"""... and in all but this share of them ..."""
FLOOR, FLOOR_DB = 0.3, 1.5
"""... stays above this share of its loud level, and so much above normal."""
FLUTTER = 0.2
"""What repeats evenly is a rhythm below FLOOR; what flutters without a rhythm lasts above this share."""
SMOOTHING = np.array([0.25, 0.5, 0.25])
SHORTEST_FRAMES = 3.5
"""A frame holds two hops of sound, so that what repeats faster runs together."""
REPEATS = 2.5
"""So many periods must fit into the event's course."""
CORRELATION = 0.35
"""Least autocorrelation at the period, 1 being an exact repetition."""
CHANCE = 4.0
"""... and so many standard errors of the autocorrelation of noise."""
MULTIPLES = 8
"""The period is refined at so many multiples of it, as long as it agrees with ..."""
DRIFT = 0.1
"""... the last estimate to within this share."""
MULTIPLE = 0.6
"""The shortest lag whose peak is as high as this share of the highest is the period."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a stretch of the spectrum sounded from the first to the last frame in which it did."""

    level_db: Float64
    """Shape (frames,), above normal."""
    loud_db: float
    """Mean of its loudest fiftieth."""
    floor_db: float
    """Exceeded in all but its softest frames, a share of PAUSES."""
    sounding: int
    """Frames in which it is at least half as loud, in dB."""
    first: int
    """The first of them, counted in the level that it was cut from."""

    @property
    def long(self) -> bool:
        """Whether it went on for a while at all."""
        return len(self.level_db) >= LONG_FRAMES

    def stays_above(self, share: float) -> bool:
        """Say whether in all but its softest frames it stays above this share of its loud level."""
        return self.floor_db >= max(share * self.loud_db, FLOOR_DB)

    @property
    def lasts(self) -> bool:
        """Whether it goes on without pauses."""
        return self.long and self.stays_above(FLOOR)


def loud_level(level_db: Float64) -> Float64:
    """Return how loud it is when it is loud, along the last axis; 0 without frames.

    The mean of the loudest fiftieth, two frames at least, without what is less than half as loud as that:
    so a single knock is not mixed with the quiet around it.
    """
    frames = level_db.shape[-1]
    if not frames:
        return np.zeros(level_db.shape[:-1])
    count = min(max(frames // 50, 2), frames)
    top = np.partition(level_db, frames - count, axis=-1)[..., frames - count :]
    counted = top >= 0.5 * top.max(axis=-1, keepdims=True)
    return np.asarray((top * counted).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1))


def course_of_levels(level_db: Float64, threshold_db: float) -> Course | None:
    """Return the course of a level, cut to where it is at least `threshold_db` and half its loud level."""
    if not len(level_db):
        return None
    loud = float(loud_level(level_db))
    at = np.flatnonzero(level_db >= max(threshold_db, 0.5 * loud))
    if not len(at):
        return None
    heard_db = level_db[at[0] : at[-1] + 1]
    floor = float(np.sort(heard_db)[int(PAUSES * (len(heard_db) - 1))])
    return Course(heard_db, loud, floor, len(at), int(at[0]))


def period_frames(level_db: Float64) -> float | None:
    """Return the period of a level in frames, or None if it does not repeat beyond chance."""
    n = len(level_db)
    longest = int(n / REPEATS)
    if longest <= SHORTEST_FRAMES + 2:
        return None
    # a knock lasts two frames, and the period is no whole number of them
    smooth = np.convolve(np.pad(level_db, 1, mode="edge"), SMOOTHING, mode="valid")
    correlation = autocorrelation(smooth, longest + 1)
    lags = np.arange(len(correlation))
    peaks = (correlation[1:-1] > correlation[:-2]) & (correlation[1:-1] >= correlation[2:])
    peaks &= lags[1:-1] >= SHORTEST_FRAMES - 0.5
    limit = np.maximum(CORRELATION, CHANCE / np.sqrt(np.maximum(n - lags[1:-1], 1)))
    good = np.flatnonzero(peaks & (correlation[1:-1] >= limit)) + 1
    if not len(good):
        return None
    highest = correlation[good].max()
    first = int(good[np.argmax(correlation[good] >= MULTIPLE * highest)])
    return _refined(correlation, first)


def autocorrelation(level_db: Float64, lags: int) -> Float64:
    """Return shape (lags + 1,): correlation of the level with itself so many frames later, unbiased."""
    n = len(level_db)
    x = level_db - level_db.mean()
    size = 1 << int(np.ceil(np.log2(max(2 * n, 2))))
    spectrum = np.fft.rfft(x, size)
    sums = np.fft.irfft(spectrum * spectrum.conj(), size)[: lags + 1]
    variance = float(sums[0]) / n
    if variance <= 1e-9:
        return np.zeros(lags + 1)
    return np.asarray(sums / (n - np.arange(lags + 1)) / variance)


def _refined(correlation: Float64, lag: int) -> float:
    """Return the period from the peaks at its multiples too, each by a parabola through three points."""
    period = _vertex(correlation, lag)
    for multiple in range(2, MULTIPLES + 1):
        near = round(multiple * period)
        if near + 2 >= len(correlation):
            break
        at = near - 1 + int(np.argmax(correlation[near - 1 : near + 2]))
        refined = _vertex(correlation, at) / multiple
        if correlation[at] < 0.5 * correlation[lag] or abs(refined - period) > DRIFT * period:
            break
        period = refined
    return period


def _vertex(correlation: Float64, lag: int) -> float:
    before, here, after = correlation[lag - 1 : lag + 2]
    bend = before - 2.0 * here + after
    if bend >= 0.0:
        return float(lag)
    return float(lag + np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
