"""Knocks that come with the turning of a shaft, each setting a structure ringing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Chunk, Float64

RINGS_FOR = 7.0
"""Decay times after which a knock is over: -60 dB."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A resonance that a knock excites."""

    hz: float
    """Frequency at which it rings."""
    decay_s: float
    """Time in which the amplitude falls to 1/e; 1 / (2 pi hz damping)."""
    weight: float
    """Amplitude relative to the other modes of the same knock."""


@dataclass(frozen=True, slots=True)
class KnockSpec:
    """When a shaft knocks, and what rings then."""

    order: float
    """Knocks per revolution of the main shaft."""
    slip: float
    """Standard deviation of the time between knocks, as a share of it."""
    scatter: float
    """Standard deviation of the logarithm of a knock's amplitude."""
    swing: float
    """Share by which the amplitude swings with each revolution."""
    modes: Sequence[Mode]
    """What every knock sets ringing, all at once."""


class Knocks:
    """A train of knocks with a mean power of 1.

    The time between knocks is drawn anew each time, so that they drift out of step with the shaft: the
    pseudo-cyclostationary model of Antoni and Randall, "A stochastic model for simulation and
    diagnostics of rolling element bearings with localized faults", J. Vib. Acoust. 125 (2003).
    """

    def __init__(self, name: str, spec: KnockSpec, *, shaft_hz: float, sample_rate_hz: int) -> None:
        self._name = name
        self._spec = spec
        self._rate_hz = sample_rate_hz
        longest_s = max(mode.decay_s for mode in spec.modes) * RINGS_FOR
        self._ring = np.arange(math.ceil(longest_s * sample_rate_hz))
        self._tail = np.zeros(len(self._ring) + 1, dtype=np.float64)
        self._next_turn: float | None = None
        # a decaying sine of amplitude w holds w^2 decay / 4, at spec.order * shaft_hz a second
        energy_s = sum(mode.weight**2 * mode.decay_s / 4.0 for mode in spec.modes)
        energy_s *= math.exp(2.0 * spec.scatter**2) * (1.0 + spec.swing**2 / 2.0)
        self._amplitude = 1.0 / math.sqrt(energy_s * spec.order * shaft_hz)

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the knocks of the next chunk; None once nothing sounds any more."""
        if gate is None and not self._tail.any():
            self._next_turn = None
            return None
        sound = np.zeros(chunk.samples + len(self._tail))
        sound[: len(self._tail)] += self._tail
        if gate is None:
            self._next_turn = None
        else:
            self._strike(sound, chunk, gate)
        self._tail = sound[chunk.samples :].copy()
        return sound[: chunk.samples].astype(np.float32)

    def _strike(self, sound: Float64, chunk: Chunk, gate: Float32) -> None:
        random = chunk.random(self._name)
        turns = self._strike_turns(chunk, gate, random)
        position = np.interp(turns, chunk.turns, np.arange(chunk.samples, dtype=np.float64))
        strength = self._amplitude * gate[position.astype(np.intp)]
        strength *= np.exp(self._spec.scatter * random.standard_normal(len(turns)))
        strength *= 1.0 + self._spec.swing * np.cos(2.0 * np.pi * turns)
        first = np.ceil(position)
        index = first.astype(np.intp)[:, None] + self._ring
        since_s = ((first - position)[:, None] + self._ring) / self._rate_hz
        ringing = np.zeros_like(since_s)
        for mode in self._spec.modes:
            ringing += mode.weight * np.exp(-since_s / mode.decay_s) * np.sin(2 * np.pi * mode.hz * since_s)
        weights = (strength[:, None] * ringing).ravel()
        sound += np.bincount(index.ravel(), weights=weights, minlength=len(sound))

    def _strike_turns(self, chunk: Chunk, gate: Float32, random: np.random.Generator) -> Float64:
        """Return the revolutions at which it knocks in this chunk; the first when the fault sets in."""
        start, end = float(chunk.turns[0]), float(chunk.turns[-1])
        if self._next_turn is None:
            self._next_turn = float(chunk.turns[np.argmax(gate > 0)])
        most = math.ceil((end - start) * self._spec.order * 1.5) + 8
        intervals = (1.0 + self._spec.slip * random.standard_normal(most)) / self._spec.order
        turns = self._next_turn + np.concatenate([[0.0], np.cumsum(intervals)])
        inside = turns <= end
        self._next_turn = float(turns[np.count_nonzero(inside)])
        return np.asarray(np.maximum(turns[inside], start))
