"""Short spectra of a sound, half overlapping, and the sound back from them.

With the root of a Hann window on both sides, spectra that are left alone give back the sound itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

Spectra = NDArray[np.complex128]
"""Shape (frames, size // 2 + 1)."""


def spectra_from_samples(samples: Float32, size: int) -> Spectra:
    """Return the spectra of frames of `size` samples, an even number, from half a frame before the first."""
    half = size // 2
    count = -(-len(samples) // half) + 1
    padded = np.zeros((count + 1) * half)
    padded[half : half + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::half]
    return np.asarray(np.fft.rfft(frames * _window(size), axis=1), np.complex128)


def samples_from_spectra(spectra: Spectra, size: int, length: int) -> Float32:
    """Return the `length` samples whose spectra these are."""
    half = size // 2
    frames = np.fft.irfft(spectra, size, axis=1) * _window(size)
    padded = np.zeros((len(frames) + 1) * half)
    padded[: len(frames) * half] += frames[:, :half].reshape(-1)
    padded[half:] += frames[:, half:].reshape(-1)
    return padded[half : half + length].astype(np.float32)


def _window(size: int) -> NDArray[np.float64]:
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
