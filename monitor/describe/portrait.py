"""What an event has sounded like so far, in bounded memory: a profile over the bands and a course in time.

It is updated by whole frames, each once however windows overlap, and holds only numbers that are stored and
read back without loss, so that a restarted daemon goes on as if it had never stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands, Float64
from monitor.describe.baseline import Reference
from monitor.describe.frames import Bool, FrameFacts
from monitor.describe.unheard import Unheard

Float32 = NDArray[np.float32]

RING_BYTES = 3000
"""What the course in time may take of the 8 kB; with 128 bands 750 frames, 24 s, are remembered."""
STEP_DB = 1.5
"""Resolution of the remembered course; fifteen steps fit into half a byte."""
USUAL_BANDS, BYTES_A_BAND = 128, 17
"""More bands than usual cost so many bytes each of the course."""
TOP = 15
LEAST_FRAMES = 94
MOST = 65_535
NEPER = math.log(10.0) / 10.0
"""Powers: exp(NEPER * dB)."""


def ring_frames(bands: Bands) -> int:
    """Return how many frames of an event's course are remembered: half a byte for each group in each.

    Never less than three seconds' worth, so that more than some 280 bands cost more than RING_BYTES.
    """
    beyond = max(bands.count - USUAL_BANDS, 0) * BYTES_A_BAND
    return max(max(RING_BYTES - beyond, 0) * 2 // bands.groups, LEAST_FRAMES)


@dataclass(slots=True)
class Sums:
    """Sums over the frames of an event."""

    power: Float32
    """Shape (mel,), power over normal power, in frames in which the band's group sounded."""
    excess: Float32
    """Shape (mel,), dB above what was expected, in frames in which anything was unusual."""
    peaks: NDArray[np.uint16]
    """Shape (mel,), frames in which a narrow peak stood here, at most 65 535."""
    marked: Float32
    """Shape (groups,), frames in which the group sounded."""
    lowered: Float32
    """Shape (groups,), frames in which the group had gone quiet."""
    unusual: int = 0
    """Frames in which anything was unusual."""
    frames: int = 0
    """All frames."""

    @classmethod
    def of_none(cls, bands: Bands) -> Sums:
        """Return the sums over no frame."""
        return cls(
            power=np.zeros(bands.count, np.float32),
            excess=np.zeros(bands.count, np.float32),
            peaks=np.zeros(bands.count, np.uint16),
            marked=np.zeros(bands.groups, np.float32),
            lowered=np.zeros(bands.groups, np.float32),
        )

    def add(self, excess: Float64, facts: FrameFacts, bands: Bands, reference: Reference) -> None:
        """Take new frames, `excess` of shape (mel, frames)."""
        of_band = facts.marked[bands.group_of]
        over_db = np.minimum(excess - (reference.power_db - reference.mean_db)[:, None], 80.0)
        self.power += (np.exp(over_db * NEPER) * of_band).sum(axis=1).astype(np.float32)
        unusual = (facts.marked | facts.lowered).any(axis=0)
        self.excess += excess[:, unusual].sum(axis=1).astype(np.float32)
        peaks = self.peaks + (facts.peaks & of_band).sum(axis=1)
        self.peaks = np.minimum(peaks, MOST).astype(np.uint16)
        self.marked += facts.marked.sum(axis=1).astype(np.float32)
        self.lowered += facts.lowered.sum(axis=1).astype(np.float32)
        self.unusual += int(unusual.sum())
        self.frames += excess.shape[1]


@dataclass(slots=True)
class Times:
    """When each group was first and last heard so, in seconds since the event's first window began."""

    first_s: Float64
    """Shape (groups,), NaN: never."""
    last_s: Float64
    """Shape (groups,), NaN: never."""

    @classmethod
    def of_none(cls, groups: int) -> Times:
        """Return the times of what was never heard."""
        return cls(np.full(groups, np.nan), np.full(groups, np.nan))

    def add(self, marked: Bool, since_s: float, hop_s: float) -> None:
        """Take new frames, the first of which begins at `since_s`."""
        for group in np.flatnonzero(marked.any(axis=1)):
            at = np.flatnonzero(marked[group])
            if np.isnan(self.first_s[group]):
                self.first_s[group] = round(since_s + at[0] * hop_s, 3)
            self.last_s[group] = round(since_s + (at[-1] + 1) * hop_s, 3)


@dataclass(slots=True)
class Portrait:
    """The portrait of one event; belongs to the Describer."""

    bands: Bands
    """The front end's."""
    reference: Reference
    """Normal sound as it was when the event began."""
    sums: Sums
    """Over all frames."""
    course: NDArray[np.uint8]
    """Shape (groups, frames), steps of STEP_DB above normal, the latest frame last, at most ring_frames."""
    risen: Times
    """Of groups that sounded."""
    fallen: Times
    """Of groups that had gone quiet."""
    start_utc_s: float
    """Start of the first window."""
    end_utc_s: float
    """End of the last window."""
    heard_until_utc_s: float
    """End of the last frame."""
    unheard: Unheard
    """Its windows that could not be judged."""
    errors: Float32
    """Shape (groups,), the model's squared error."""
    windows: int = 0
    """So far, those that could not be judged included."""
    next_frame: int | None = None
    """Number, in the stream, of the first frame that was not heard yet; None after a restart."""

    @classmethod
    def begun(cls, bands: Bands, reference: Reference, start_utc_s: float) -> Portrait:
        """Return the portrait of an event of which nothing was heard yet."""
        return cls(
            bands=bands,
            reference=reference,
            sums=Sums.of_none(bands),
            course=np.zeros((bands.groups, 0), np.uint8),
            risen=Times.of_none(bands.groups),
            fallen=Times.of_none(bands.groups),
            start_utc_s=start_utc_s,
            end_utc_s=start_utc_s,
            heard_until_utc_s=start_utc_s,
            unheard=Unheard(),
            errors=np.zeros(bands.groups, np.float32),
        )

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.bands.hop_s

    def date_anew(self, by_s: float) -> None:
        """Move all times by `by_s`: the clock that dated them was wrong by so much."""
        self.start_utc_s += by_s
        self.end_utc_s += by_s
        self.heard_until_utc_s += by_s
        self.unheard.date_anew(by_s)

    def add(self, excess: Float64, facts: FrameFacts, *, gap_frames: int, since_s: float) -> None:
        """Take new frames, shape (mel, frames), the first of which begins `since_s` into the event."""
        self.sums.add(excess, facts, self.bands, self.reference)
        steps = np.clip(np.rint(facts.high_db / STEP_DB), 0, TOP).astype(np.uint8)
        longest = ring_frames(self.bands)
        gap = np.zeros((self.bands.groups, min(gap_frames, longest)), np.uint8)
        self.course = np.concatenate([self.course, gap, steps], axis=1)[:, -longest:]
        self.risen.add(facts.marked, since_s, self.hop_s)
        self.fallen.add(facts.lowered, since_s, self.hop_s)

    def note_error(self, error_map: Float32) -> None:
        """Take the model's error map of a window, shape (mel, frames)."""
        of_bands = error_map.mean(axis=1).astype(np.float64)
        self.errors += self.bands.group_means(of_bands).astype(np.float32)
