"""Sounds with a known kind, band and period, to be mixed into recordings of machines."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.explanation import SoundKind
from monitor.messages import Float32

Bool = NDArray[np.bool_]

RATE_HZ = 16_000
LOWEST_HZ, HIGHEST_HZ = 400.0, 7000.0
FADE_S = 0.01
KNOCK_S = 0.05
"""A knock's loudness is its mean power over so long."""


@dataclass(frozen=True, slots=True)
class Made:
    """A sound and what is true of it."""

    name: str
    """Row of the tables."""
    kind: SoundKind
    """What it should be called."""
    samples: Float32
    """Shape (n,), at RATE_HZ, of any level."""
    active: Bool
    """Shape (n,), where it sounds: its loudness is that of these samples."""
    period_s: float | None = None
    """From one repetition to the next."""


def knocks(random: np.random.Generator, duration_s: float) -> Made:
    """Return knocks at even intervals of 0.16 to 1.6 s: one to three damped resonances each."""
    period_s = float(np.exp(random.uniform(math.log(0.16), math.log(1.6))))
    first_s = random.uniform(0.05, 0.5) * period_s
    at_s = np.arange(first_s, duration_s - 0.05, period_s)
    at_s = at_s + 0.005 * period_s * random.standard_normal(len(at_s))
    return _ringing("knocks at a rate", SoundKind.RHYTHM, random, at_s, duration_s, period_s)


def single_knocks(random: np.random.Generator, duration_s: float) -> Made:
    """Return one to three knocks at uneven intervals."""
    count = int(random.integers(1, 4))
    at_s = np.sort(random.uniform(0.3, duration_s - 0.3, count))
    return _ringing("single knocks", SoundKind.KNOCK, random, at_s, duration_s, None)


def _ringing(
    name: str,
    kind: SoundKind,
    random: np.random.Generator,
    at_s: NDArray[np.float64],
    duration_s: float,
    period_s: float | None,
) -> Made:
    modes = int(random.integers(1, 4))
    lowest = random.uniform(math.log(LOWEST_HZ), math.log(4000.0))
    hz = np.sort(np.exp(lowest + np.concatenate([[0.0], random.uniform(0.15, 0.55, modes - 1)])))
    decay_s = random.uniform(0.002, 0.012, modes)
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound, active = np.zeros(len(time_s)), np.zeros(len(time_s), bool)
    for start_s in at_s:
        first = math.ceil(start_s * RATE_HZ)
        since_s = time_s[first : first + round(0.1 * RATE_HZ)] - start_s
        ring = sum(
            np.exp(-since_s / decay) * np.sin(2 * np.pi * f * since_s)
            for f, decay in zip(hz, decay_s, strict=True)
        )
        active[first : first + round(KNOCK_S * RATE_HZ)] = True
        sound[first : first + len(since_s)] += np.exp(0.1 * random.standard_normal()) * ring
    return Made(name, kind, sound.astype(np.float32), active, period_s)


def tone(random: np.random.Generator, duration_s: float) -> Made:
    """Return a sine, with a weaker overtone every second time."""
    hz = float(np.exp(random.uniform(math.log(LOWEST_HZ), math.log(6000.0))))
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound = np.sin(2 * np.pi * hz * time_s)
    if random.random() < 0.5 and 2 * hz < HIGHEST_HZ:
        sound += 0.3 * np.sin(4 * np.pi * hz * time_s)
    sound = _faded(sound)
    return _steady("tone", SoundKind.TONE, sound)


def sweep(random: np.random.Generator, duration_s: float) -> Made:
    """Return a sine whose pitch goes up or down by 20 to 60 % during the sound."""
    hz = float(np.exp(random.uniform(math.log(LOWEST_HZ), math.log(4000.0))))
    end_hz = hz * random.uniform(1.2, 1.6)
    ends = (hz, end_hz) if random.random() < 0.5 else (end_hz, hz)
    pitch_hz = np.linspace(*ends, round(duration_s * RATE_HZ))
    sound = _faded(np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ))
    return _steady("sweep", SoundKind.TONE, sound)


def hiss(random: np.random.Generator, duration_s: float) -> Made:
    """Return noise in a band of one to three octaves, with edges as steep as a fourth-order filter's."""
    low_hz = float(np.exp(random.uniform(math.log(LOWEST_HZ), math.log(3500.0))))
    high_hz = min(low_hz * 2.0 ** random.uniform(1.0, 3.0), 7900.0)
    n = round(duration_s * RATE_HZ)
    hz = np.fft.rfftfreq(n, 1.0 / RATE_HZ)
    gain = 1.0 / np.sqrt(1.0 + (low_hz / np.maximum(hz, 1.0)) ** 8 + (hz / high_hz) ** 8)
    sound = _faded(np.fft.irfft(np.fft.rfft(random.standard_normal(n)) * gain, n))
    return _steady("hiss", SoundKind.HISS, sound)


MAKERS = (knocks, single_knocks, tone, sweep, hiss)


def notched(sound: Float32, low_hz: float, high_hz: float) -> Float32:
    """Return the sound without a band: -40 dB within its edges."""
    hz = np.fft.rfftfreq(len(sound), 1.0 / RATE_HZ)
    gain = np.where((hz > low_hz) & (hz < high_hz), 0.01, 1.0)
    return np.fft.irfft(np.fft.rfft(sound) * gain, len(sound)).astype(np.float32)


def _faded(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    n = round(FADE_S * RATE_HZ)
    edge = np.linspace(0.0, 1.0, n)
    sound[:n] *= edge
    sound[-n:] *= edge[::-1]
    return sound


def _steady(name: str, kind: SoundKind, sound: NDArray[np.float64]) -> Made:
    return Made(name, kind, sound.astype(np.float32), np.ones(len(sound), bool))
