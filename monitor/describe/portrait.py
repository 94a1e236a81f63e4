"""What an event has sounded like so far, in bounded memory: a profile over the bands and a course in time.

It is updated by whole frames, each once however windows overlap, and holds only numbers that are stored
and read back without loss, so that a restarted daemon goes on as if it had never stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands, Float64
from monitor.describe.baseline import Reference

RING_FRAMES = 900
"""About 29 s of the event's course in time are remembered."""
STEP_DB = 1.5
"""Resolution of the remembered course; fifteen steps fit."""
MARK_SPREADS, MARK_DB = 3.0, 2.0
"""A group sounds in a frame when its highest quarter lies above normal by both."""
TOP = 15


@dataclass(slots=True)
class Sums:
    """Sums over the frames of an event."""

    power: NDArray[np.float32]
    """Shape (mel,), power over normal power, in frames in which the band's group sounded."""
    excess: NDArray[np.float32]
    """Shape (mel,), dB above what was expected, in frames in which anything was unusual."""
    peaks: NDArray[np.float32]
    """Shape (mel,), frames in which a narrow peak stood here and in the frame before."""
    marked: NDArray[np.float32]
    """Shape (groups,), frames in which the group sounded."""
    unusual: float = 0.0
    """Frames in which anything was unusual."""
    frames: int = 0
    """All frames."""


class Portrait:
    """The portrait of one event; belongs to the Describer."""

    def __init__(self, bands: Bands, reference: Reference) -> None:
        self.bands = bands
        self.reference = reference
        mel, groups = bands.count, bands.groups
        self.sums = Sums(
            np.zeros(mel, np.float32),
            np.zeros(mel, np.float32),
            np.zeros(mel, np.float32),
            np.zeros(groups, np.float32),
        )
        self.course = np.zeros((groups, 0), np.uint8)
        """Shape (groups, frames), steps of STEP_DB above normal, the latest frame last."""
        self.first_heard_utc_s = np.full(groups, np.nan)
        """When each group first sounded."""
        self.last_heard_utc_s = np.full(groups, np.nan)
        """When each group last sounded."""
        self.start_utc_s = self.end_utc_s = np.nan
        self.windows = 0

    def add(self, excess: Float64, peaks: NDArray[np.bool_], start_utc_s: float, hop_s: float) -> None:
        """Take new frames, shape (mel, frames), the first of which begins at `start_utc_s`."""
        reference, sums = self.reference, self.sums
        high = self.bands.group_extremes(excess, highest=True) - reference.high[0][:, None]
        low = self.bands.group_extremes(excess, highest=False) - reference.low[0][:, None]
        marked = high >= np.maximum(MARK_SPREADS * reference.high[1], MARK_DB)[:, None]
        lowered = low <= -np.maximum(MARK_SPREADS * reference.low[1], 2 * MARK_DB)[:, None]
        unusual = (marked | lowered).any(axis=0)
        of_band = marked[self.bands.group_of]
        over_db = np.minimum(excess - (reference.power_db - reference.mean_db)[:, None], 80.0)
        sums.power += np.where(of_band, 10.0 ** (over_db / 10.0), 0.0).sum(axis=1).astype(np.float32)
        sums.excess += excess[:, unusual].sum(axis=1).astype(np.float32)
        sums.peaks += (peaks & of_band).sum(axis=1).astype(np.float32)
        sums.marked += marked.sum(axis=1).astype(np.float32)
        sums.unusual += float(unusual.sum())
        sums.frames += excess.shape[1]
        steps = np.clip(np.rint(high / STEP_DB), 0, TOP).astype(np.uint8)
        self.course = np.concatenate([self.course, steps], axis=1)[:, -RING_FRAMES:]
        self._note_times(marked, start_utc_s, hop_s)

    def _note_times(self, marked: NDArray[np.bool_], start_utc_s: float, hop_s: float) -> None:
        for group in np.flatnonzero(marked.any(axis=1)):
            at = np.flatnonzero(marked[group])
            if np.isnan(self.first_heard_utc_s[group]):
                self.first_heard_utc_s[group] = start_utc_s + at[0] * hop_s
            self.last_heard_utc_s[group] = start_utc_s + (at[-1] + 1) * hop_s
