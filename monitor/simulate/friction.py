"""Sounds that come and go by themselves: crackle, squeal, and a microphone with a loose contact."""

from __future__ import annotations

import math

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Chunk, Float64, ramp
from monitor.simulate.noise import Convolution, Spectrum, kernel_of

CRACKLE_SPECTRUM = Spectrum(0.0, ((300, -40), (1200, -18), (2200, 0), (5000, -6), (8000, -11), (24000, -30)))
CLUSTERS_HZ = 14.0
COLLAPSES_A_CLUSTER = 60.0
CLUSTER_DECAY_S = 0.015
CLUSTER_S = 0.15
"""A cluster is over by then."""
FIZZ = 0.25
"""Share of the power that is steady, from bubbles too small to be heard singly."""

SQUEAL_HZ = 2120.0
SQUEAL_HARMONICS = (1.0, 0.35, 0.15)
SQUEAL_SWING = 0.02
"""Share of the pitch by which it swings with each pass of the belt."""
SQUEAL_WANDER = 0.03
"""Share of the pitch within which it wanders from half second to half second."""
BELT_PASS_HZ = 5.3


class Crackle:
    """Vapour bubbles collapsing in clusters, with a mean power of 1.

    Clusters come by a Poisson process and each is a Poisson number of collapses that thin out
    exponentially (Neyman and Scott's cluster process); a collapse is a click far shorter than the ear
    resolves, hence broadband (Brennen, Cavitation and Bubble Dynamics, 1995, ch. 3).
    """

    def __init__(self, name: str, chunk_samples: int, sample_rate_hz: int) -> None:
        self._name = name
        self._rate_hz = sample_rate_hz
        kernel = kernel_of(CRACKLE_SPECTRUM, sample_rate_hz)
        self._convolution = Convolution(kernel, chunk_samples)
        self._late: Float64 = np.zeros(round(CLUSTER_S * sample_rate_hz))
        self._ringing = False
        # the kernel turns white noise of variance 1 into power 1, and this makes clicks that white
        collapses_a_sample = CLUSTERS_HZ * COLLAPSES_A_CLUSTER / sample_rate_hz
        self._click = math.sqrt((1.0 - FIZZ) / (collapses_a_sample * 2.0))

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the next chunk of crackle; None once nothing sounds any more."""
        if gate is None:
            self._late[:] = 0.0
            if not self._ringing:
                return None
            self._ringing = False
            return self._convolution.filter(np.zeros(chunk.samples, dtype=np.float32))
        self._ringing = True
        return self._convolution.filter(self._clicks(chunk) * gate)

    def _clicks(self, chunk: Chunk) -> Float32:
        random = chunk.random(self._name)
        clusters = random.poisson(CLUSTERS_HZ * chunk.samples / self._rate_hz)
        sizes = random.poisson(COLLAPSES_A_CLUSTER, clusters)
        centres = np.repeat(random.uniform(0.0, chunk.samples, clusters), sizes)
        after_s = np.minimum(random.exponential(CLUSTER_DECAY_S, len(centres)), CLUSTER_S - 0.001)
        # Rayleigh (mean square 2): most bubbles are middling, few are big, none fills the converter
        strengths = random.rayleigh(self._click, len(centres)) * random.choice((-1.0, 1.0), len(centres))
        index = (centres + after_s * self._rate_hz).astype(np.intp)
        length = chunk.samples + len(self._late)
        clicks: Float64 = np.bincount(index, weights=strengths, minlength=length).astype(np.float64)
        clicks[: len(self._late)] += self._late
        self._late = clicks[chunk.samples :].copy()
        fizz = random.standard_normal(chunk.samples) * math.sqrt(FIZZ)
        return (clicks[: chunk.samples] + fizz).astype(np.float32)


class Spells:
    """Spells of something, with pauses between, of random lengths; a fault begins with a spell."""

    def __init__(
        self, name: str, *, spell_s: tuple[float, float], pause_s: tuple[float, float], edge_s: float
    ) -> None:
        self._name = name
        self._spell_s = spell_s
        self._pause_s = pause_s
        self._edge_s = edge_s
        self._corners: list[tuple[float, float]] = []
        self._heard_index: int | None = None

    def render(self, chunk: Chunk, gate: Float32) -> Float32:
        """Return shape (n,), 1 in a spell, 0 in a pause, straight edges between."""
        times_s = chunk.times_s()
        if self._heard_index != chunk.index - 1:
            self._corners = [(float(times_s[np.argmax(gate > 0)]), 1.0)]
        self._heard_index = chunk.index
        random = chunk.random(f"{self._name} spells")
        while self._corners[-1][0] <= times_s[-1]:
            at_s, _ = self._corners[-1]
            fall_s = at_s + random.uniform(*self._spell_s)
            rise_s = fall_s + self._edge_s + random.uniform(*self._pause_s)
            self._corners += [(fall_s, 1.0), (fall_s + self._edge_s, 0.0), (rise_s, 0.0)]
            self._corners.append((rise_s + self._edge_s, 1.0))
        at_s_all, level = np.asarray(self._corners).T
        spells: Float32 = np.interp(times_s, at_s_all, level).astype(np.float32)
        before = int(np.searchsorted(at_s_all, times_s[-1])) - 1
        self._corners = self._corners[max(before, 0) :]
        return spells


class Squeal:
    """A belt that sticks and slips: a tone with overtones whose pitch wobbles, with short pauses.

    The power is 1 while it sounds. Stick-slip locks to a resonance of the belt span, which the changing
    tension of each pass moves up and down (Akay, "Acoustics of friction", JASA 111 (2002)).
    """

    def __init__(self, name: str, sample_rate_hz: int) -> None:
        self._name = name
        self._rate_hz = sample_rate_hz
        self._spells = Spells(name, spell_s=(0.5, 1.4), pause_s=(0.05, 0.25), edge_s=0.015)
        self._cycles = 0.0
        self._wander = 0.0
        self._gain = math.sqrt(2.0 / sum(h**2 for h in SQUEAL_HARMONICS))

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the next chunk of squeal; None while the belt grips."""
        if gate is None:
            return None
        wander = float(chunk.random(self._name).uniform(-SQUEAL_WANDER, SQUEAL_WANDER))
        swing = SQUEAL_SWING * np.sin(2.0 * np.pi * BELT_PASS_HZ * chunk.times_s())
        pitch_hz = SQUEAL_HZ * (1.0 + ramp(self._wander, wander, chunk.samples) + swing)
        self._wander = wander
        cycles = self._cycles + np.cumsum(pitch_hz) / self._rate_hz
        self._cycles = float(cycles[-1] % 1.0)
        tone = sum(
            level * np.sin(2.0 * np.pi * order * cycles) for order, level in enumerate(SQUEAL_HARMONICS, 1)
        )
        envelope = self._gain * gate * self._spells.render(chunk, gate)
        return np.asarray(tone * envelope, dtype=np.float32)


class Dropout:
    """A loose contact: the microphone gives exact zeros for 0.1 to 0.4 s, several times in two seconds."""

    def __init__(self) -> None:
        self._spells = Spells("dropout", spell_s=(0.1, 0.4), pause_s=(0.08, 0.3), edge_s=1e-4)

    def silence(self, chunk: Chunk, gate: Float32, sound: Float32) -> Float32:
        """Return `sound` with the stretches that are lost set to 0."""
        lost = (self._spells.render(chunk, gate) > 0.5) & (gate > 0)
        return np.where(lost, np.float32(0.0), sound)
