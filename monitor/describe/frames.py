"""What single frames say: which groups of bands sound, which have gone quiet, where narrow peaks stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands, Float64
from monitor.describe.baseline import Reference

Bool = NDArray[np.bool_]

MARK_DB = 2.0
"""A group sounds when its highest quarter is so far above its mean, and above all but the rarest."""
LOW_DB = 4.0
"""A group is quiet when its lowest quarter is so far below its mean, and below all but the rarest."""
PEAK_DB = 6.0
"""A narrow peak stands out so far over the bands to both sides."""
NEAR, FAR = 3, 6
"""The bands to a side: so many bands away."""
FOOT, FOOT_DB = 0.3, 3.0
"""... and these are hardly risen: by such a share of the peak, or so little. So a ringing housing, whose
resonances lie close together, is no tone."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What new frames of an event show, beside their excess."""

    high_db: Float64
    """Shape (groups, frames), the highest quarter of each group above what it is in normal sound."""
    marked: Bool
    """Shape (groups, frames), where a group sounds."""
    lowered: Bool
    """Shape (groups, frames), where a group has gone quiet."""
    peaks: Bool
    """Shape (mel, frames), narrow peaks that stood near here in the frame before too."""


def facts_of_frames(excess: Float64, reference: Reference, bands: Bands, before: int) -> FrameFacts:
    """Return the facts of the frames from number `before` on; the ones before them help to see what lasts.

    `excess` has shape (mel, frames), dB above what was expected.
    """
    new = excess[:, before:]
    high = bands.group_extremes(new, highest=True) - reference.high[0][:, None]
    low = bands.group_extremes(new, highest=False) - reference.low[0][:, None]
    marked = high >= np.maximum(reference.high[1] - reference.high[0], MARK_DB)[:, None]
    lowered = low <= np.minimum(reference.low[1] - reference.low[0], -LOW_DB)[:, None]
    first = max(before - 1, 0)
    peaks = narrow_peaks(excess[:, first:])
    lasting = np.zeros_like(peaks)
    lasting[:, 1:] = peaks[:, 1:] & _widened(peaks[:, :-1])
    return FrameFacts(high, marked, lowered, lasting[:, before - first :])


def narrow_peaks(excess: Float64) -> Bool:
    """Return where a band stands out over the bands to both sides, shape (mel, frames)."""
    mel, frames = excess.shape
    sums = np.concatenate([np.zeros((1, frames)), np.cumsum(excess, axis=0)])
    place = np.arange(mel)

    def mean(low: NDArray[np.intp], high: NDArray[np.intp]) -> Float64:
        """Mean of the bands from low to high, -inf where there are none."""
        low, high = np.clip(low, 0, mel), np.clip(high, 0, mel)
        count = np.maximum(high - low, 0)[:, None]
        total = sums[high] - sums[low]
        return np.where(count > 1, total / np.maximum(count, 1), -np.inf)

    sides = np.maximum(mean(place - FAR, place - NEAR + 1), mean(place + NEAR, place + FAR + 1))
    padded = np.pad(excess, ((1, 1), (0, 0)), constant_values=-np.inf)
    crest = (excess >= padded[:-2]) & (excess > padded[2:])
    alone = (excess - sides >= PEAK_DB) & (sides <= np.maximum(FOOT * excess, FOOT_DB))
    return np.asarray(crest & (excess >= PEAK_DB) & alone)


def _widened(peaks: Bool) -> Bool:
    """Return the peaks with two bands to each side."""
    wide = peaks.copy()
    for step in (1, 2):
        wide[step:] |= peaks[:-step]
        wide[:-step] |= peaks[step:]
    return wide
