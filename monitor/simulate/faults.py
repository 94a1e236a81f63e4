"""What each fault sounds like, where in the spectrum, and how much above normal.

Loudness is set against the normal noise of the same machine in the fault's band, so that severity 1.0
means the same on every machine. A fault's sound is added to the machine's; only the dropout takes away.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Chunk
from monitor.simulate.drift import gain_from_db
from monitor.simulate.friction import Crackle, Squeal
from monitor.simulate.knocks import Knocks, KnockSpec, Mode
from monitor.simulate.noise import ShapedNoise, Spectrum, band_power
from monitor.simulate.specs import MachineSpec
from monitor.simulate.tones import read_table, table_of


class Emitter(Protocol):
    """The sound of one kind of fault."""

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the fault's sound in the next chunk, `gate` its severity; None while it is silent."""
        ...


BANDS_HZ = {
    "bearing": (2800.0, 5300.0),
    "cavitation": (2000.0, 8000.0),
    "belt_squeal": (1900.0, 2350.0),
    "air_leak": (3000.0, 8000.0),
    "dropout": (0.0, 8000.0),
}
"""Where the energy rises most; the band of imbalance depends on the machine's speed."""
RISE_DB = {"bearing": 12.0, "cavitation": 11.0, "belt_squeal": 20.0, "air_leak": 12.0, "imbalance": 15.0}
"""Power of normal sound and fault together in the fault's band, above normal, at severity 1.0."""


def bpfo_order(balls: int, ball_mm: float, pitch_mm: float, contact_deg: float) -> float:
    """Return how often per turn a ball passes a point of the outer race: n/2 (1 - d/D cos(angle)).

    The outer race stands still and nothing slips (Randall and Antoni, "Rolling element bearing
    diagnostics: a tutorial", Mech. Syst. Signal Process. 25 (2011), equation 1).
    """
    return balls / 2.0 * (1.0 - ball_mm / pitch_mm * math.cos(math.radians(contact_deg)))


BEARING_ORDER = bpfo_order(balls=9, ball_mm=7.94, pitch_mm=39.04, contact_deg=0.0)
"""A deep-groove ball bearing 6205: 3.585 knocks a turn."""
# damping 2.5 to 3 %, as of a bearing housing
BEARING = KnockSpec(
    order=BEARING_ORDER,
    slip=0.015,
    scatter=0.15,
    swing=0.3,
    modes=(Mode(3250.0, 0.0018, 1.0), Mode(4150.0, 0.0013, 0.8), Mode(4900.0, 0.0011, 0.5)),
)
# what the shaking loosens: guards and pipe clamps, once a turn
RATTLE = KnockSpec(
    order=1.0,
    slip=0.02,
    scatter=0.3,
    swing=0.0,
    modes=(Mode(310.0, 0.012, 1.0), Mode(560.0, 0.009, 0.8), Mode(930.0, 0.006, 0.6)),
)
RATTLE_BAND_HZ = (250.0, 1100.0)
RATTLE_RISE_DB = 4.0
HISS_POINTS = ((500, -30), (2000, -8), (3000, 0), (6000, -3), (9000, -6), (24000, -16))


def band_of(kind: str, spec: MachineSpec) -> tuple[float, float]:
    """Return the band, in Hz, in which this fault raises the energy of this machine most."""
    if kind == "imbalance":
        return 0.6 * spec.shaft_hz, 1.6 * spec.shaft_hz
    return BANDS_HZ[kind]


def period_of(kind: str, spec: MachineSpec) -> float | None:
    """Return the time from one repetition to the next at nominal speed, if the fault repeats."""
    orders = {"bearing": BEARING_ORDER, "imbalance": 1.0}
    return 1.0 / (orders[kind] * spec.shaft_hz) if kind in orders else None


def open_emitter(kind: str, spec: MachineSpec, chunk_samples: int, sample_rate_hz: int) -> Emitter:
    """Return what makes a kind's sound on this machine at this rate; not for a dropout, which makes none."""
    if kind == "imbalance":
        return Imbalance(spec, sample_rate_hz)
    extra = band_power(spec.spectra, *BANDS_HZ[kind]) * (10.0 ** (RISE_DB[kind] / 10.0) - 1.0)
    level = math.sqrt(extra)
    if kind == "bearing":
        knocks = Knocks(kind, BEARING, shaft_hz=spec.shaft_hz, sample_rate_hz=sample_rate_hz)
        return Scaled(knocks, level)
    if kind == "cavitation":
        return Scaled(Crackle(kind, chunk_samples, sample_rate_hz), level)
    if kind == "belt_squeal":
        return Scaled(Squeal(kind, sample_rate_hz), level)
    return Hiss(level, chunk_samples, sample_rate_hz)


class Scaled:
    """An emitter of power 1 at the level that a machine asks for."""

    def __init__(self, emitter: Emitter, level: float) -> None:
        self._emitter = emitter
        self._level = np.float32(level)

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the next chunk of the emitter, scaled."""
        sound = self._emitter.render(chunk, gate)
        return None if sound is None else sound * self._level


class Hiss:
    """Compressed air through a leak: the broad hump of a small turbulent jet (Lighthill's mixing noise)."""

    def __init__(self, level: float, chunk_samples: int, sample_rate_hz: int) -> None:
        shape = Spectrum(0.0, HISS_POINTS)
        in_band = band_power((shape,), *BANDS_HZ["air_leak"])
        hiss = Spectrum(10.0 * math.log10(level**2 / in_band), HISS_POINTS)
        self._noise = ShapedNoise("air_leak", hiss, chunk_samples, sample_rate_hz)

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the next chunk of hiss; None while nothing leaks."""
        return None if gate is None else self._noise.render(chunk) * gate


class Imbalance:
    """A rotor out of balance: far more of the tone at shaft rate, some of its double, and a rattle.

    The force grows with m e omega^2 and turns with the shaft, so that order 1 dominates (ISO 13373-1).
    """

    def __init__(self, spec: MachineSpec, sample_rate_hz: int) -> None:
        grown_db = 20.0 * math.log10(gain_from_db(RISE_DB["imbalance"]) - 1.0)
        level_dbfs = spec.rotor_level_dbfs + grown_db
        # in phase with the machine's own order 1: table_of draws the first line's phase first
        self._table = table_of(((1, level_dbfs), (2, level_dbfs - 14.0)), phase_seed=spec.room_seed)
        rattle = band_power(spec.spectra, *RATTLE_BAND_HZ)
        rattle *= 10.0 ** (RATTLE_RISE_DB / 10.0) - 1.0
        knocks = Knocks("rattle", RATTLE, shaft_hz=spec.shaft_hz, sample_rate_hz=sample_rate_hz)
        self._rattle = Scaled(knocks, math.sqrt(rattle))

    def render(self, chunk: Chunk, gate: Float32 | None) -> Float32 | None:
        """Return the next chunk of tone and rattle; None once all is quiet."""
        rattle = self._rattle.render(chunk, gate)
        if gate is None:
            return rattle
        tone = read_table(self._table, chunk.turns) * gate
        return tone if rattle is None else tone + rattle
