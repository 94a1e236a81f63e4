"""The simulated machine: its samples, and the truth about its faults."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monitor.errors import SourceError
from monitor.messages import Float32
from monitor.simulate.chunk import CHUNK_S, Chunk, ramp
from monitor.simulate.drift import Drift, gain_from_db
from monitor.simulate.faults import Emitter, band_of, open_emitter, period_of
from monitor.simulate.friction import Dropout
from monitor.simulate.noise import Convolution, ShapedNoise
from monitor.simulate.room import room_response
from monitor.simulate.schedule import Fault, Schedule, Truth
from monitor.simulate.specs import MachineSpec, Noise, Tones, spec_of
from monitor.simulate.tones import read_table, table_of

LOWEST_RATE_HZ = 16_000
"""The faults reach up to 8 kHz."""
MICROPHONE_NOISE_DBFS = -75.0
"""White, its level below 8 kHz."""
GRID_HZ = 50.0
SLIP_OF_LOAD = 0.003
"""An induction motor turns slower by this share when the load goes from usual to full."""


class SimulatedMachine:
    """A machine in a hall with a microphone beside it. Not thread-safe.

    Raises:
        SourceError: The machine or a fault is unknown, the schedule is impossible or the rate too low.
    """

    def __init__(
        self,
        machine: str = "pump",
        *,
        seed: int = 1,
        sample_rate_hz: int = 48_000,
        faults: Sequence[Fault] = (),
        repeat_every_s: float | None = None,
    ) -> None:
        if sample_rate_hz < LOWEST_RATE_HZ:
            raise SourceError(
                f"simulated machine: sample_rate_hz {sample_rate_hz} is too low for its sounds; "
                f"use at least {LOWEST_RATE_HZ}"
            )
        self._spec = spec_of(machine)
        self._sample_rate_hz = sample_rate_hz
        self._schedule = Schedule(faults, repeat_every_s)
        self._running = RunningMachine(self._spec, seed=seed, sample_rate_hz=sample_rate_hz)
        kinds = [kind for kind in self._schedule.kinds if kind != "dropout"]
        self._emitters: dict[str, Emitter] = {
            kind: open_emitter(kind, self._spec, self._running.chunk_samples, sample_rate_hz)
            for kind in kinds
        }
        self._dropout = Dropout()
        self._given = 0
        self._rest: Float32 = np.zeros(0, dtype=np.float32)

    @property
    def position_s(self) -> float:
        """Stream time of the next sample."""
        return self._given / self._sample_rate_hz

    def next_samples(self, n: int) -> Float32:
        """Return the next n samples, float32 in [-1, 1]; the same sound whatever the cut."""
        if n < 0:
            raise ValueError(f"cannot give {n} samples")
        if n > len(self._rest):
            more = math.ceil((n - len(self._rest)) / self._running.chunk_samples)
            self._rest = np.concatenate([self._rest, *(self._next_chunk() for _ in range(more))])
        sound, self._rest = self._rest[:n], self._rest[n:]
        self._given += n
        return sound.copy()

    def truth(self, until_s: float) -> tuple[Truth, ...]:
        """Return every fault that begins before `until_s`, by onset, repetitions included."""
        found = [
            Truth(
                fault.kind,
                onset_s,
                onset_s + fault.duration_s,
                *band_of(fault.kind, self._spec),
                period_of(fault.kind, self._spec),
            )
            for fault, onset_s in self._schedule.occurrences(0.0, until_s)
        ]
        return tuple(sorted(found, key=lambda truth: (truth.onset_s, truth.kind)))

    def _next_chunk(self) -> Float32:
        chunk = self._running.step()
        faults = [
            emitter.render(chunk, self._schedule.gate(kind, chunk))
            for kind, emitter in self._emitters.items()
        ]
        sound = self._running.hear(chunk, [fault for fault in faults if fault is not None])
        lost = self._schedule.gate("dropout", chunk)
        return sound if lost is None else self._dropout.silence(chunk, lost, sound)


class RunningMachine:
    """The normal sound, and the way of any sound to the microphone."""

    def __init__(self, spec: MachineSpec, *, seed: int, sample_rate_hz: int) -> None:
        self._spec = spec
        self._seed = seed
        self._rate_hz = sample_rate_hz
        self.chunk_samples = n = round(CHUNK_S * sample_rate_hz)
        self._index = 0
        self._turns = 0.0
        self._load = Drift("load", seed=seed, bound=1.0, correlation_s=60.0)
        self._speed = Drift("speed", seed=seed, bound=0.007, correlation_s=20.0)
        self._airing_db = Drift("ventilation", seed=seed, bound=2.0, correlation_s=40.0)
        parts: list[Tones | Noise] = [*spec.tones, *spec.noises]
        self._own_db = {
            part.name: Drift(part.name, seed=seed, bound=part.drift_db, correlation_s=15.0) for part in parts
        }
        self._tables = [table_of(group.lines, phase_seed=spec.room_seed) for group in spec.tones]
        self._hum = table_of(spec.hum, phase_seed=0)
        self._swell = table_of(((spec.swell_order, -3.0103),), phase_seed=0)
        self._noises = [ShapedNoise(noise.name, noise.spectrum, n, sample_rate_hz) for noise in spec.noises]
        self._ventilation = ShapedNoise("ventilation", spec.ventilation, n, sample_rate_hz)
        white = gain_from_db(MICROPHONE_NOISE_DBFS) * math.sqrt(sample_rate_hz / 16_000)
        self._microphone_level = np.float32(white)
        self._room = Convolution(room_response(sample_rate_hz, seed=spec.room_seed), n)

    def step(self) -> Chunk:
        """Turn on by one chunk; the speed changes straight from one chunk's end to the next."""
        n = self.chunk_samples
        load, speed = self._load.step(), self._speed.step()
        start_hz, end_hz = (
            self._spec.shaft_hz * (1.0 + s - SLIP_OF_LOAD * at) for s, at in zip(speed, load, strict=True)
        )
        time_s = np.arange(n) / self._rate_hz
        duration_s = n / self._rate_hz
        turns = self._turns + time_s * (start_hz + (end_hz - start_hz) * time_s / (2.0 * duration_s))
        chunk = Chunk(self._seed, self._index, self._rate_hz, turns, *load)
        self._turns += duration_s * (start_hz + end_hz) / 2.0
        self._index += 1
        return chunk

    def hear(self, chunk: Chunk, faults: Sequence[Float32]) -> Float32:
        """Return what the microphone gives for this chunk, shape (n,), within [-1, 1]."""
        dry = self._machine(chunk)
        for fault in faults:
            dry += fault
        heard = self._room.filter(dry)
        start_db, end_db = self._airing_db.step()
        heard += self._ventilation.render(chunk) * ramp(
            gain_from_db(start_db), gain_from_db(end_db), chunk.samples
        )
        white = chunk.random("microphone").standard_normal(chunk.samples, dtype=np.float32)
        heard += self._microphone_level * white
        return np.clip(heard, -1.0, 1.0)

    def _machine(self, chunk: Chunk) -> Float32:
        """Return the machine's own normal sound, before the room."""
        sound = read_table(self._hum, chunk.times_s() * GRID_HZ)
        swell = read_table(self._swell, chunk.turns)
        for noise, endless in zip(self._spec.noises, self._noises, strict=True):
            swelling = 1.0 + noise.swell * swell
            sound += self._gain(noise, chunk) * swelling * endless.render(chunk)
        for tones, table in zip(self._spec.tones, self._tables, strict=True):
            sound += self._gain(tones, chunk) * read_table(table, chunk.turns * tones.ratio)
        return sound

    def _gain(self, part: Tones | Noise, chunk: Chunk) -> Float32:
        """Return shape (n,): how a part of the sound goes up and down with the load and by itself."""
        start_db, end_db = self._own_db[part.name].step()
        start = gain_from_db(start_db + part.load_db * chunk.start_load)
        end = gain_from_db(end_db + part.load_db * chunk.end_load)
        return ramp(start, end, chunk.samples)
