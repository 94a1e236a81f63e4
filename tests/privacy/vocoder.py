"""Makes a sound again of levels in bands, as somebody would who wanted to hear what was said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from voices import RATE_HZ, likeness

from monitor.messages import Float32

Levels = NDArray[np.float64]


def vocoded(amplitude: Levels, bands_hz: Sequence[tuple[float, float]], frame_s: float) -> Float32:
    """Return noise in each band with the amplitude, shape (bands, frames), that is given for it."""
    length = round(amplitude.shape[1] * frame_s * RATE_HZ)
    noise = np.random.default_rng(1).standard_normal(length)
    spectrum, hz = np.fft.rfft(noise), np.fft.rfftfreq(length, 1 / RATE_HZ)
    middles = np.arange(amplitude.shape[1]) + 0.5
    sound = np.zeros(length)
    for (low, high), levels in zip(bands_hz, amplitude, strict=True):
        band = np.fft.irfft(spectrum * ((hz >= low) & (hz < high)), length)
        steps = np.arange(length) / (frame_s * RATE_HZ)
        sound += band / (band.std() + 1e-12) * np.interp(steps, middles, levels)
    return np.asarray(0.1 * sound / (sound.std() + 1e-12), np.float32)


def best_likeness(clean: Float32, rebuilt: Float32, first: int, *, within: int = 3) -> float:
    """Return how like clean speech a sound is at best that begins at its sample `first`, a few hops away."""
    found = []
    for shift in range(-within, within + 1):
        at = first + shift * 256
        part = clean[max(0, at) : at + len(rebuilt)]
        found.append(likeness(part, rebuilt[max(0, -at) :][: len(part)]))
    return max(found)
