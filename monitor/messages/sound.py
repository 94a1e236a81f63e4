"""Sound on its way to a model: its blocks, where a window lies in them, and whether it can be judged."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class Quality(str, enum.Enum):
    """Whether a window's input can be judged. Anything but OK has a score of None."""

    OK = "ok"
    GAP = "gap"
    """Samples inside the window were lost."""
    SILENT = "silent"
    """The whole window lies below the level at which a live microphone can be."""
    FLAT = "flat"
    """The samples stand still for longer than sound can: a cut cable or a stuck converter."""
    CLIPPED = "clipped"
    """Too many samples at full scale."""
    ABSENT = "absent"
    """No sample of the window arrived: the device is away."""
    DROPPED = "dropped"
    """The input was good, and the engine too slow: the window was given up, nobody has judged it."""
    OFF = "off"
    """The machine is off, starts, or is too quiet to be running: not judged, by design.

    A deaf microphone keeps its own quality.
    """
    UNLEARNED = "unlearned"
    """The input was good, and no bundle of its source is live yet: there is nobody who could judge it."""


DEAF_QUALITIES = frozenset({Quality.SILENT, Quality.FLAT, Quality.ABSENT})
"""Input on which no machine could be heard, whatever the capture says."""
SAME_TIME_S = 1e-6
"""Times in a stream, and sums of them, differ by rounding; this is far less than a sample."""


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A run of consecutive samples of one source, at the device's own rate."""

    source_id: str
    """The source's id, as in the configuration."""
    samples: Float32
    """Shape (n,), mono, in [-1, 1], read-only; empty when it only reports loss, while a device is away."""
    sample_rate_hz: int
    """May change within a source, when its device comes back at another rate."""
    first_sample: int
    """Index since the source first opened: end_sample of the block before, plus lost_samples."""
    lost_samples: int
    """Samples missing immediately before samples[0]."""
    captured_utc_s: float
    """When samples[0] reached the converter, by the source's clock anchor."""

    @property
    def end_sample(self) -> int:
        """The index after the last sample: where the next block starts if nothing is lost."""
        return self.first_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in a source's sound a window lies, and whether the input was good there."""

    source_id: str
    """The source's id, as in the configuration."""
    first_sample: int
    """Index, at the model's rate, of the first sample under the first STFT frame."""
    start_s: float
    """Stream time. Frame i covers [start_s + i*hop, start_s + (i+1)*hop), centred on its STFT frame."""
    end_s: float
    """Stream time at which the last frame's part ends."""
    start_utc_s: float
    """UTC of start_s, by the source's clock anchor."""
    quality: Quality
    """The first that applies of ABSENT, GAP, SILENT, FLAT and CLIPPED; else OK. OFF: the machine is.
    UNLEARNED: its source waits for a first bundle."""
    level_dbfs: float | None
    """RMS level; None when no sample arrived."""
    machine: int = 0
    """Number of the machine that the window was cut for, which alone judges it; see monitor.roster."""

    @property
    def end_utc_s(self) -> float:
        """UTC of end_s."""
        return self.start_utc_s + (self.end_s - self.start_s)


@dataclass(frozen=True, slots=True)
class Window:
    """The samples that one LogMel is computed from, at the model's rate."""

    span: Span
    """Where the samples lie."""
    samples: Float32
    """Shape (n,), in [-1, 1], lost samples are 0, read-only."""


@dataclass(frozen=True, slots=True)
class LogMel:
    """One window as log10 of mel energies."""

    span: Span
    """That of the window it was computed from."""
    values: Float32
    """Shape (mel, frames), log10(power + floor), not standardised, read-only."""


def read_only(array: Float32) -> Float32:
    """Return `array` with writing switched off, so that stages may share it."""
    array.flags.writeable = False
    return array
