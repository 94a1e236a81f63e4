"""Stretches of high scores: windows overlap and sound lasts, so one cause gives many high windows.

Runs declustering (Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, section 5.3.2):
high windows that are less than a gap apart are one stretch. The gap is in the order of the alarm's
off-delay, so that one stretch is what an operator would meet as one alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """The judged windows of one or more recordings, laid end to end."""

    scores: Float64
    """Shape (n,), finite."""
    positions: NDArray[np.int64]
    """Shape (n,), rising: consecutive windows differ by 1, windows of different recordings by far more."""
    recordings: NDArray[np.int64]
    """Shape (n,), index of the recording."""
    starts: NDArray[np.int64]
    """Shape (n,), index of the window in its recording."""

    def without(self, dropped: NDArray[np.bool_]) -> Series:
        """Return the series without some windows; what they leave is a break."""
        kept = ~dropped
        return Series(self.scores[kept], self.positions[kept], self.recordings[kept], self.starts[kept])


@dataclass(frozen=True, slots=True)
class Clusters:
    """The stretches of a series that lie above a threshold."""

    peaks: Float64
    """Shape (k,), highest score of each stretch."""
    first: NDArray[np.int64]
    """Shape (k,), index into the series of its first high window."""
    last: NDArray[np.int64]
    """Shape (k,), index into the series of its last high window."""


def series_of_recordings(recordings: list[Float64], gap_windows: int) -> Series:
    """Lay recordings end to end, so far apart that no stretch spans two; NaN windows are left out."""
    scores, positions, owners, starts = [], [], [], []
    offset = 0
    for index, recording in enumerate(recordings):
        judged = np.flatnonzero(~np.isnan(recording))
        scores.append(recording[judged])
        positions.append(judged + offset)
        owners.append(np.full(len(judged), index))
        starts.append(judged)
        offset += len(recording) + gap_windows + 1
    empty = np.zeros(0, dtype=np.int64)
    return Series(
        np.concatenate([np.zeros(0), *scores]),
        np.concatenate([empty, *positions]),
        np.concatenate([empty, *owners]),
        np.concatenate([empty, *starts]),
    )


def clusters_above(series: Series, threshold: float, gap_windows: int) -> Clusters:
    """Return the stretches with scores above `threshold`, split where `gap_windows` or more lie between.

    An unjudged window splits too: what happened there is not known.
    """
    high = np.flatnonzero(series.scores > threshold)
    if not len(high):
        empty = np.zeros(0, dtype=np.int64)
        return Clusters(np.zeros(0), empty, empty)
    between = np.diff(high) - 1
    missing = np.diff(series.positions[high]) - 1 - between
    begins = np.concatenate([[0], np.flatnonzero((between >= gap_windows) | (missing > 0)) + 1])
    ends = np.concatenate([begins[1:] - 1, [len(high) - 1]])
    peaks = np.maximum.reduceat(series.scores[high], begins)
    return Clusters(peaks, high[begins], high[ends])
