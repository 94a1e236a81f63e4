"""Takes speech out of a stretch of sound and leaves the machine's spectrum in it.

In the band of speech every spectrum becomes noise with the power that was there on average over a second: a
syllable lasts a fifth of that, so that no words are left, and the levels of the bands are what they were.
Below and above the band nothing changes: hum, bearings and leaks are heard on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32, read_only
from monitor.privacy.spectra import samples_from_spectra, spectra_from_samples
from monitor.store.protection import Spoken

LOW_HZ, HIGH_HZ = 80.0, 8000.0
"""Where speech is: from the deepest voice's pitch to the end of what an s is known by."""
FRAME_S = 0.128
"""Long enough to keep a machine's tones apart."""
MEAN_S = 1.0
"""Over so long the power is averaged, and over the whole stretch where that is shorter."""
FADE_S = 0.02
"""From the sound to what takes its place, inside the margin, where nobody speaks yet."""


def blurred(
    samples: Float32, sample_rate_hz: int, spoken: Sequence[Spoken], noise: np.random.Generator
) -> Float32:
    """Return the sound, shape (n,), with noise of the same spectrum in place of each stretch."""
    result = samples.copy()
    for one in spoken:
        part = _span(one, len(samples), sample_rate_hz)
        cover = _noise_like(samples[part], sample_rate_hz, noise)
        fade = _fade(len(cover), sample_rate_hz)
        result[part] = np.clip(fade * cover + (1 - fade) * samples[part], -1.0, 1.0)
    return read_only(result)


def silenced(samples: Float32, sample_rate_hz: int, spoken: Sequence[Spoken]) -> Float32:
    """Return the sound, shape (n,), with silence in place of each stretch."""
    result = samples.copy()
    for one in spoken:
        part = _span(one, len(samples), sample_rate_hz)
        result[part] *= 1 - _fade(part.stop - part.start, sample_rate_hz)
    return read_only(result)


def smeared(values: Float32, frame_s: float, spoken: Sequence[Spoken]) -> Float32:
    """Return a map, shape (bands, frames), that has in the frames of each stretch their mean over time."""
    result = values.copy()
    for one in spoken:
        first = max(0, int(np.floor(one.start_s / frame_s)))
        last = min(values.shape[1], int(np.ceil(one.end_s / frame_s)))
        if first < last:
            result[:, first:last] = values[:, first:last].mean(axis=1, keepdims=True)
    return read_only(result)


def _noise_like(samples: Float32, sample_rate_hz: int, noise: np.random.Generator) -> Float32:
    size = 2 * round(FRAME_S * sample_rate_hz / 2)
    spectra = spectra_from_samples(samples, size)
    bins_hz = np.arange(spectra.shape[1]) * sample_rate_hz / size
    band = (bins_hz >= LOW_HZ) & (bins_hz <= HIGH_HZ)
    # frames that reach over an end hold less of the sound: they count for as much as they hold
    power = _means(np.abs(spectra[:, band]) ** 2, 2 * round(MEAN_S / FRAME_S) + 1)
    phases = noise.uniform(0.0, 2 * np.pi, power.shape)
    # frames of unlike phases add their powers, not their amplitudes: half of it would be missing
    spectra[:, band] = np.sqrt(2.0 * power) * np.exp(1j * phases)
    return samples_from_spectra(spectra, size, len(samples))


def _means(power: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Return the mean over `frames` neighbours in time; the first and last frame count for half."""
    weights = np.ones(len(power))
    weights[[0, -1]] = 0.5
    sums = np.cumsum(np.vstack([np.zeros(power.shape[1]), power]), axis=0)
    counts = np.cumsum(np.concatenate([[0.0], weights]))
    middle = np.arange(len(power))
    first = np.clip(middle - frames // 2, 0, max(0, len(power) - frames))
    last = np.minimum(first + frames, len(power))
    mean = (sums[last] - sums[first]) / (counts[last] - counts[first])[:, None]
    return np.asarray(np.maximum(mean, 0.0))


def _span(one: Spoken, length: int, sample_rate_hz: int) -> slice:
    first = min(length, max(0, round(one.start_s * sample_rate_hz)))
    return slice(first, max(first, min(length, round(one.end_s * sample_rate_hz))))


def _fade(length: int, sample_rate_hz: int) -> Float32:
    """Return 0 to 1 to 0: how much of what takes the sound's place is heard."""
    steps = max(1.0, FADE_S * sample_rate_hz)
    place = np.arange(length)
    return np.clip(np.minimum(place, length - 1 - place) / steps, 0.0, 1.0).astype(np.float32)
