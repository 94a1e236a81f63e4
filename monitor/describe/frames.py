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
    high, low = bands.group_quarters(new)
    high = high - reference.high[0][:, None]
    low = low - reference.low[0][:, None]
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
    width = FAR - NEAR + 1
    # outside there is nothing to stand out over
    sums = np.full((mel + 2 * FAR, frames), -np.inf)
    if mel >= width:
        total = np.cumsum(excess, axis=0)
        sums[FAR + width - 1 : FAR + mel] = total[width - 1 :]
        sums[FAR + width : FAR + mel] -= total[:-width]
    # sums[FAR + b] is that of the bands that end with b
    below, above = sums[FAR - NEAR : FAR - NEAR + mel], sums[2 * FAR : 2 * FAR + mel]
    sides = np.maximum(below, above) / width
    padded = np.full((mel + 2, frames), -np.inf)
    padded[1:-1] = excess
    crest = (excess >= padded[:-2]) & (excess > padded[2:]) & (excess >= PEAK_DB)
    return np.asarray(crest & (excess - sides >= PEAK_DB) & (sides <= np.maximum(FOOT * excess, FOOT_DB)))


def _widened(peaks: Bool) -> Bool:
    """Return the peaks with two bands to each side."""
    wide = peaks.copy()
    for step in (1, 2):
        wide[step:] |= peaks[:-step]
        wide[:-step] |= peaks[step:]
    return wide
