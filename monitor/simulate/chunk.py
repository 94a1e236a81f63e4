"""One half second of a machine's life, before anything of it is heard."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

Float64 = NDArray[np.float64]

CHUNK_S = 0.5
"""The sound is made in pieces of this length; a call for fewer samples waits for a whole piece."""


def random_of(seed: int, index: int, stream: str) -> np.random.Generator:
    """Return the generator of one chunk and one named stream of chance; equal arguments, equal numbers."""
    return np.random.default_rng([seed, index, zlib.crc32(stream.encode())])


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where the machine is during one chunk."""

    seed: int
    """Of the machine; with the index it decides every random number of the chunk."""
    index: int
    """Chunks before this one."""
    sample_rate_hz: int
    """Of the sound that is made, as the source's device would have it."""
    turns: Float64
    """Shape (n,), revolutions of the main shaft since the start, at each sample."""
    start_load: float
    """Load at its start, within -1 to 1; 0 is the usual load."""
    end_load: float
    """Load at its end."""

    @property
    def samples(self) -> int:
        """How many samples the chunk has."""
        return len(self.turns)

    @property
    def start_s(self) -> float:
        """Stream time of its first sample."""
        return self.index * self.samples / self.sample_rate_hz

    def times_s(self) -> Float64:
        """Return shape (n,), the stream time of each sample."""
        return (self.index * self.samples + np.arange(self.samples)) / self.sample_rate_hz

    def random(self, stream: str) -> np.random.Generator:
        """Return this chunk's generator for one stream of chance."""
        return random_of(self.seed, self.index, stream)


def ramp(start: float, end: float, n: int) -> Float32:
    """Return shape (n,), from `start` straight towards `end`, which the next ramp begins with."""
    return np.linspace(start, end, n, endpoint=False, dtype=np.float32)
