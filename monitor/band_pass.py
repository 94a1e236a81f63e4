"""Lets only a band of a clip be heard, without moving anything in time.

A windowed-sinc filter of linear phase, its delay taken out, by FFT block by block: a clip of any length in
bounded memory. (scipy's filters would cost the page 70 MB more than all the rest of it.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.errors import QueryError
from monitor.messages import Float32
from monitor.worded import worded

LEAST_WIDTH_HZ = 20.0
"""Narrower bands ring longer than what they let through."""
MOST_EDGE_HZ = 200.0
TAPS_PER_EDGE = 5.5
"""Of a Blackman window: an edge of this many bins falls to -74 dB."""


@dataclass(frozen=True, slots=True)
class Band:
    """What is heard."""

    low_hz: float
    """Lower edge; 0: from the lowest on."""
    high_hz: float
    """Upper edge; half the sample rate and above: up to the highest."""

    def __post_init__(self) -> None:
        if not (self.low_hz >= 0.0 and self.high_hz - self.low_hz >= LEAST_WIDTH_HZ):
            raise QueryError(
                worded(
                    "band-too-narrow",
                    "a band from {low} to {high} Hz cannot be heard alone; low_hz must be 0 or more, high_hz "
                    "at least {least} Hz above it",
                    low=self.low_hz,
                    high=self.high_hz,
                    least=LEAST_WIDTH_HZ,
                )
            )


def band_passed(blocks: Iterable[Float32], band: Band, sample_rate_hz: int) -> Iterator[Float32]:
    """Yield the sound of `blocks`, cut anew, as long as before: what lies in the band, at its place.

    Raises:
        QueryError: The band lies above what the sound can hold.
    """
    taps = _taps(band, sample_rate_hz)
    delay = len(taps) // 2
    size = 1 << max(16, (4 * len(taps)).bit_length())
    step = size - len(taps) + 1
    spectrum = np.fft.rfft(taps, size)
    tail = np.zeros(len(taps) - 1)
    skip = delay
    for block in _of_size(blocks, np.zeros(delay, np.float32), step):
        answer = np.fft.irfft(np.fft.rfft(block, size) * spectrum, size)
        answer[: len(tail)] += tail
        tail = answer[len(block) : len(block) + len(tail)].copy()
        yield np.clip(answer[skip : len(block)], -1.0, 1.0).astype(np.float32)
        skip = max(0, skip - len(block))


def _taps(band: Band, sample_rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the filter, an odd number of taps, symmetric; its edges are centred on the band's."""
    nyquist_hz = sample_rate_hz / 2
    if band.low_hz >= nyquist_hz - LEAST_WIDTH_HZ:
        raise QueryError(
            worded(
                "band-too-high",
                "this clip holds nothing above {most} Hz; ask for a lower band",
                most=nyquist_hz,
            )
        )
    edge_hz = min(max((band.high_hz - band.low_hz) / 4, LEAST_WIDTH_HZ), MOST_EDGE_HZ)
    half = int(TAPS_PER_EDGE * sample_rate_hz / edge_hz) // 2
    place = np.arange(-half, half + 1, dtype=np.float64)
    window = np.blackman(2 * half + 1)
    high = min(band.high_hz, nyquist_hz) / sample_rate_hz
    low = band.low_hz / sample_rate_hz
    taps = 2 * high * np.sinc(2 * high * place) - 2 * low * np.sinc(2 * low * place)
    return np.asarray(taps * window, np.float64)


def _of_size(blocks: Iterable[Float32], end: Float32, size: int) -> Iterator[Float32]:
    """Yield what `blocks` and then `end` hold in pieces of `size`, the last one shorter."""
    waiting = np.zeros(0, np.float32)
    for block in itertools.chain(blocks, [end]):
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if len(waiting):
        yield waiting
