"""Real quadcopters of the shared data, levelled and laid over background, with faults at known times.

Clean flights would prove nothing: their level alone gives a broken propeller away, and so does the room
before take-off. So every flight has one level, other sound behind it in tests than in training, and no
take-off, and a fault has the level of what it stands in place of.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE_HZ = 16_000
BACKGROUND_DB = -10.0
"""Of what is behind a flight, against the flight."""
IN_THE_AIR_S = 12.0
"""By then every flight has taken off, with seconds to spare."""
LANDING_S = 3.0
FADE_S = 0.05
Sound = NDArray[np.float32]


def rms(sound: Sound) -> float:
    """Return the amplitude, never 0."""
    return float(np.sqrt(np.mean(np.square(sound), dtype=np.float64)) + 1e-9)


def at_level(sound: Sound, level: float = 0.02) -> Sound:
    """Return the sound with another amplitude; the default, -34 dBFS, leaves crackling fires room."""
    return (sound * (level / rms(sound))).astype(np.float32)


@dataclass
class Sounds:
    """The shared data by role."""

    data: Path

    def of(self, **wanted: str) -> list[Sound]:
        """Return the sounds of all rows of the index with these values."""
        with (self.data / "index.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if all(row[k] == v for k, v in wanted.items())]
        return [self.read(row["file"]) for row in rows]

    def read(self, name: str) -> Sound:
        """Return the samples of a file, at RATE_HZ."""
        samples, rate_hz = soundfile.read(self.data / name, dtype="float32")
        return np.asarray(resample_poly(samples, RATE_HZ, rate_hz), np.float32)


@dataclass(frozen=True, slots=True)
class Played:
    """A fault or a foreign sound in a session."""

    start_s: float
    """From the session's beginning."""
    end_s: float
    """When it is over."""
    kind: str
    """BROKEN, or the name of a foreign sound."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a microphone hears, and what of it is not normal."""

    sound: Sound
    """Shape (n,), at RATE_HZ."""
    faults: tuple[Played, ...]
    """In order."""

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.sound) / RATE_HZ


BROKEN = "broken propeller"
BROKEN_S = 4.0
FOREIGN_S = 3.0
FOREIGN_DB = 6.0
CEILING = 0.95
"""A microphone that clips says so, and its windows are not judged."""


class Airfield:
    """Flights of the shared data as sessions of a microphone; the same seed gives the same sound."""

    def __init__(self, data: Path, seed: int = 0, *, foreign_db: float = FOREIGN_DB) -> None:
        """`foreign_db`: of foreign sounds, against the machine."""
        self._foreign_db = foreign_db
        self._sounds = Sounds(data)
        self._draws = np.random.default_rng(seed)

    def normal(self, *roles: str, most: int | None = None) -> Session:
        """Return the intact flights of these roles, one after the other; at `most` so many of each role."""
        flights = [flight for role in roles for flight in self._intact(role)[:most]]
        levelled = [self._over_background([flight], "background_train") for flight in flights]
        return Session(np.concatenate(levelled), ())

    def with_faults(
        self,
        flights: slice,
        broken: slice,
        kinds: Sequence[str],
        *,
        count: int,
        every_s: float,
        role: str = "event_test",
    ) -> Session:
        """Return intact test flights with `count` faults in them, one in `every_s`; the kinds take turns.

        BROKEN is in place of the intact propellers, at their level, out of the test recordings `broken`. All
        else is a foreign sound, louder than the machine. `flights`: which of the intact test recordings,
        over and over. `role`: whose foreign sounds.
        """
        seconds = (count + 1) * every_s
        intact = self._intact("test")[flights]
        rounds = int(np.ceil(seconds * RATE_HZ / sum(map(len, intact))))
        sound = np.concatenate([at_level(flight) for _ in range(rounds) for flight in intact])
        sound = sound[: round(seconds * RATE_HZ)]
        damaged = self._sounds.of(set="uav", label="anomaly")[broken]
        faults = [
            Played(at_s := (n + 1) * every_s, at_s + BROKEN_S, kinds[n % len(kinds)]) for n in range(count)
        ]
        for n, fault in enumerate(fault for fault in faults if fault.kind == BROKEN):
            self._splice(sound, damaged[n % len(damaged)], fault.start_s)
        sound = self._over_background([sound], "background_test")
        faults = [self._mixed(sound, fault, role) for fault in faults]
        return Session(np.clip(sound, -CEILING, CEILING), tuple(faults))

    def _intact(self, role: str) -> list[Sound]:
        flights = self._sounds.of(set="uav", label="normal", role=role)
        return [one[round(IN_THE_AIR_S * RATE_HZ) : -round(LANDING_S * RATE_HZ)] for one in flights]

    def _over_background(self, flights: Sequence[Sound], role: str) -> Sound:
        sound = np.concatenate([at_level(flight) for flight in flights])
        pool = self._background(role)
        behind = np.concatenate([pool[i] for i in self._draws.permutation(len(pool))])
        behind = np.resize(behind, len(sound))
        return at_level(sound + at_level(behind, rms(sound) * 10 ** (BACKGROUND_DB / 20)))

    def _splice(self, sound: Sound, damaged: Sound, at_s: float) -> None:
        """Put a broken propeller in place of the intact ones, at their level, with cross-fades."""
        count, first = round(BROKEN_S * RATE_HZ), round(at_s * RATE_HZ)
        start = int(self._draws.integers(15 * RATE_HZ, len(damaged) - count - 10 * RATE_HZ))
        part = sound[first : first + count]
        other = at_level(damaged[start : start + count], rms(part))
        ramp = np.ones(count, np.float32)
        fade = round(FADE_S * RATE_HZ)
        ramp[:fade] = np.linspace(0, 1, fade)
        ramp[-fade:] = ramp[:fade][::-1]
        part[:] = part * (1 - ramp) + other * ramp

    def _mixed(self, sound: Sound, fault: Played, role: str) -> Played:
        """Put a foreign sound in, in place; return when it is over."""
        if fault.kind == BROKEN:
            return fault
        pool = self._sounds.of(label="event", role=role, kind=fault.kind)
        foreign = loudest(pool[int(self._draws.integers(len(pool)))])
        first = round(fault.start_s * RATE_HZ)
        part = sound[first : first + len(foreign)]
        part += foreign * (rms(part) / rms(foreign) * 10 ** (self._foreign_db / 20))
        return Played(fault.start_s, fault.start_s + len(foreign) / RATE_HZ, fault.kind)

    def _background(self, role: str) -> list[Sound]:
        return _all_of(self._sounds.data, role)


@cache
def _all_of(data: Path, role: str) -> list[Sound]:
    return Sounds(data).of(role=role)


def loudest(sound: Sound) -> Sound:
    """Return FOREIGN_S of a recording from where it first sounds on; most of one is silence."""
    frame = round(0.02 * RATE_HZ)
    power = np.square(sound[: len(sound) // frame * frame]).reshape(-1, frame).mean(axis=1)
    first = int(np.argmax(power > power.max() * 10 ** (-25 / 10))) * frame
    return sound[first : first + round(FOREIGN_S * RATE_HZ)]


def levels_dbfs(sound: Sound, window_s: float = 2.05) -> NDArray[np.float64]:
    """Return the level of each window, half a window from one to the next, shape (windows,)."""
    count = round(window_s * RATE_HZ)
    starts = range(0, len(sound) - count + 1, count // 2)
    return np.array([20 * np.log10(rms(sound[at : at + count])) for at in starts])
