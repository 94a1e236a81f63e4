"""The hall between machine and microphone: direct sound, a few early reflections, a diffuse tail."""

from __future__ import annotations

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Float64

TAIL_S = 0.15
"""The response is cut here, 22 dB below its start."""
REVERBERATION_S = 0.4
"""RT60 of a small, furnished plant room."""
TAIL_DB = -7.0
"""Energy of the diffuse tail against the direct sound: near the machine, within the critical distance."""
TAIL_REFLECTIONS = 900
"""Dense enough that single ones are not heard."""
REFLECTIONS = ((0.0023, 0.42), (0.0041, -0.31), (0.0067, 0.27), (0.0102, 0.20), (0.0153, -0.16))
"""(delay in seconds after the direct sound, amplitude against it): floor, walls, ceiling."""


def room_response(sample_rate_hz: int, *, seed: int) -> Float32:
    """Return the impulse response, shape (n,), with an energy of 1 below 8 kHz.

    The tail is a shower of reflections at times drawn in seconds, hence the same hall at every sample
    rate. It decays by 60 dB in RT60 (Polack's model; Kuttruff, Room Acoustics, ch. 4) and is darker
    than the direct sound, because air and walls take the high frequencies first.
    """
    n = round(TAIL_S * sample_rate_hz)
    random = np.random.default_rng(seed)
    delay_s = random.uniform(REFLECTIONS[0][0], TAIL_S, TAIL_REFLECTIONS)
    amplitude = random.standard_normal(TAIL_REFLECTIONS) * 10.0 ** (-3.0 * delay_s / REVERBERATION_S)
    index = (delay_s * sample_rate_hz).astype(np.intp)
    tail: Float64 = np.asarray(np.bincount(index, weights=amplitude, minlength=n), dtype=np.float64)
    time_s = np.arange(n) / sample_rate_hz
    dark = np.exp(-2.0 * np.pi * 3000.0 * time_s[: round(0.002 * sample_rate_hz)])
    tail = np.convolve(tail, dark / dark.sum())[:n]
    response = np.asarray(tail * np.sqrt(10.0 ** (TAIL_DB / 10.0) / _energy(tail, sample_rate_hz)))
    response[0] += 1.0
    for early_s, early_amplitude in REFLECTIONS:
        response[round(early_s * sample_rate_hz)] += early_amplitude
    return np.asarray(response / np.sqrt(_energy(response, sample_rate_hz)), dtype=np.float32)


def _energy(response: Float64, sample_rate_hz: int) -> float:
    """Return the factor on the power of white noise below 8 kHz, which every rate can carry."""
    frequencies_hz = np.fft.rfftfreq(len(response), 1.0 / sample_rate_hz)
    return float(np.mean(np.abs(np.fft.rfft(response)[frequencies_hz <= 8000.0]) ** 2))
