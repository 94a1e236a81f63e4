"""Sounds that belong to no machine, to be mixed into a machine's own: does a bundle hear them?

A control that needs no labels. They are no model of any fault: a bundle that hears none of them is deaf, one
that hears all may still miss the fault that matters.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

Float64 = NDArray[np.float64]
SNRS_DB = (6.0, 0.0, -6.0)
"""How much louder than the machine."""
FULL = 0.98
"""A mixture that goes beyond would be clipped, and judged by nobody."""
EDGE_S = 0.02


def knocks(time_s: Float64, _random: np.random.Generator) -> Float64:
    """Return something loose that hits a plate four times a second."""
    since_s = np.mod(time_s, 0.25)
    return np.asarray(
        np.exp(-since_s / 0.012) * (np.sin(2 * np.pi * 2900 * since_s) + np.sin(2 * np.pi * 1130 * since_s))
    )


def clang(time_s: Float64, _random: np.random.Generator) -> Float64:
    """Return one blow on metal that rings."""
    since_s = np.maximum(0.0, time_s - time_s[len(time_s) // 3])
    rung = sum(
        np.exp(-since_s * 4.0) * np.sin(2 * np.pi * hz * since_s) for hz in (640.0, 1510.0, 2470.0, 3890.0)
    )
    return np.asarray(rung)


def tone(time_s: Float64, _random: np.random.Generator) -> Float64:
    """Return a whistle with two overtones."""
    return np.asarray(sum(np.sin(2 * np.pi * 1740.0 * k * time_s) / k for k in (1, 2, 3)))


def squeal(time_s: Float64, _random: np.random.Generator) -> Float64:
    """Return a belt that slips: a voice that glides up and down twice a second."""
    phase = 2 * np.pi * (900.0 * time_s - 150.0 / (2 * np.pi * 2.0) * np.cos(2 * np.pi * 2.0 * time_s))
    return np.asarray(sum(np.sin(k * phase) / k for k in range(1, 6)))


def hiss(time_s: Float64, random: np.random.Generator) -> Float64:
    """Return a leak: noise from 2.5 kHz upwards."""
    return _coloured(time_s, random, low_hz=2500.0, high_hz=7500.0)


def rumble(time_s: Float64, random: np.random.Generator) -> Float64:
    """Return something heavy that rolls: noise below 400 Hz, thrice a second."""
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3.0 * time_s)
    return _coloured(time_s, random, low_hz=90.0, high_hz=400.0) * swell


MAKERS: Mapping[str, Callable[[Float64, np.random.Generator], Float64]] = {
    "knocks": knocks,
    "clang": clang,
    "tone": tone,
    "squeal": squeal,
    "hiss": hiss,
    "rumble": rumble,
}
"""By name: none is like another."""


def mixed(normal: Float32, sample_rate_hz: int, kind: str, snr_db: float) -> Float32 | None:
    """Return normal sound with a foreign one in it, the same each time; None: it would be clipped.

    `snr_db` is the power of the foreign sound over that of the normal one, both over the whole stretch.
    """
    time_s = np.arange(len(normal)) / sample_rate_hz
    random = np.random.default_rng(zlib.crc32(kind.encode()))
    foreign = MAKERS[kind](time_s, random)
    fade = np.clip(np.minimum(time_s, time_s[-1] - time_s) / EDGE_S, 0.0, 1.0)
    foreign = foreign * fade
    power = float(np.mean(np.square(foreign)))
    machine = float(np.mean(np.square(normal, dtype=np.float64)))
    if power == 0.0 or machine == 0.0:
        return None
    gain = np.sqrt(machine / power * 10.0 ** (snr_db / 10.0))
    mixture = (normal + gain * foreign).astype(np.float32)
    return None if float(np.abs(mixture).max()) > FULL else mixture


def _coloured(time_s: Float64, random: np.random.Generator, *, low_hz: float, high_hz: float) -> Float64:
    n = len(time_s)
    rate_hz = 1.0 / (time_s[1] - time_s[0])
    spectrum = np.fft.rfft(random.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0.0
    return np.fft.irfft(spectrum, n)
