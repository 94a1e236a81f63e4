"""Broadband noise of a wanted spectrum, and the streaming convolution that shapes it.

A spectrum is given as power per Hz, so that a machine sounds the same below 8 kHz whatever the rate
of its converter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Chunk, Float64

KERNEL_S = 0.04
"""Length of a shaping filter: it resolves 25 Hz."""
LEVEL_BAND_HZ = (20.0, 8000.0)
"""The band in which a spectrum's level is stated: what every supported rate can carry."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A power spectrum that is a chain of straight lines in dB over log frequency."""

    level_dbfs: float
    """RMS level within 20 Hz to 8 kHz."""
    points: Sequence[tuple[float, float]]
    """(frequency in Hz, density in dB relative to any one reference), frequencies rising."""

    def density(self, frequencies_hz: Float64) -> Float64:
        """Return the power per Hz, full scale squared, at each frequency."""
        grid_hz: Float64 = np.asarray(np.geomspace(*LEVEL_BAND_HZ, 400), dtype=np.float64)
        shape = self._shape(grid_hz)
        power = float(np.sum(0.5 * (shape[1:] + shape[:-1]) * np.diff(grid_hz)))
        return np.asarray(self._shape(frequencies_hz) * (10.0 ** (self.level_dbfs / 10.0) / power))

    def _shape(self, frequencies_hz: Float64) -> Float64:
        hz, level_db = np.asarray(self.points, dtype=np.float64).T
        octaves = np.log2(np.maximum(frequencies_hz, 1.0))
        return np.asarray(10.0 ** (np.interp(octaves, np.log2(hz), level_db) / 10.0))


def band_power(spectra: Sequence[Spectrum], low_hz: float, high_hz: float) -> float:
    """Return the power, full scale squared, that independent noises have together between two frequencies."""
    grid_hz: Float64 = np.linspace(low_hz, high_hz, 400, dtype=np.float64)
    return sum(float(np.mean(spectrum.density(grid_hz))) for spectrum in spectra) * (high_hz - low_hz)


def kernel_of(spectrum: Spectrum, sample_rate_hz: int) -> Float32:
    """Return the FIR filter that turns white noise of variance 1 into this spectrum."""
    taps = round(KERNEL_S * sample_rate_hz / 2) * 2
    frequencies_hz: Float64 = np.arange(taps // 2 + 1, dtype=np.float64) * (sample_rate_hz / taps)
    magnitude = np.sqrt(spectrum.density(frequencies_hz) * (sample_rate_hz / 2.0))
    return np.asarray(np.roll(np.fft.irfft(magnitude), taps // 2) * np.hanning(taps), dtype=np.float32)


class Convolution:
    """A streaming convolution by overlap and add: what one chunk sets ringing sounds on in the next."""

    def __init__(self, kernel: Float32, chunk_samples: int) -> None:
        if len(kernel) > chunk_samples:
            raise ValueError(f"kernel of {len(kernel)} samples is longer than a chunk of {chunk_samples}")
        self._n = chunk_samples
        self._size = _fast_length(chunk_samples + len(kernel) - 1)
        self._spectrum = np.fft.rfft(kernel, self._size)
        self._tail = np.zeros(self._size - chunk_samples, dtype=np.float32)

    def filter(self, chunk: Float32) -> Float32:
        """Return the next chunk, convolved, same length."""
        product = np.fft.rfft(chunk, self._size) * self._spectrum
        ringing: Float32 = np.fft.irfft(product, self._size).astype(np.float32)
        ringing[: len(self._tail)] += self._tail
        self._tail = ringing[self._n :]
        return ringing[: self._n]


class ShapedNoise:
    """Gaussian noise with a given spectrum, without end."""

    def __init__(self, name: str, spectrum: Spectrum, chunk_samples: int, sample_rate_hz: int) -> None:
        self._name = name
        self._convolution = Convolution(kernel_of(spectrum, sample_rate_hz), chunk_samples)

    def render(self, chunk: Chunk) -> Float32:
        """Return the noise of the next chunk."""
        white = chunk.random(self._name).standard_normal(chunk.samples, dtype=np.float32)
        return self._convolution.filter(white)


def _fast_length(n: int) -> int:
    """Return the least 2^a 3^b 5^c that is at least n: the sizes at which an FFT is quick."""
    powers = range(n.bit_length() + 1)
    sizes = ((1 << a) * int(3**b) * int(5**c) for a in powers for b in powers[:8] for c in powers[:6])
    return min(size for size in sizes if size >= n)
