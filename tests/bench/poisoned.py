"""Twenty poisoned candidates and an honest one before the managed policy.

    PYTHONPATH=tests:tests/bench python tests/bench/poisoned.py ../shared/data [NAME | 1/3]

Quadcopters (uav), levelled and laid over background; faults are broken propellers and foreign sounds. The
live bundle has the honest candidate's model and a limit LAX times as high, as sound with faults in it would
have set it; every other candidate is wrong in one way. People label all that is raised by what it is. Nets
are small, and the hours are short sound mixed many times: what is measured is the gate, not the models. NAME:
only candidates whose name begins so; `1/3` to `3/3`: a third of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from flights import RATE_HZ, Sound, Sounds, at_level, rms
from promotion_rig import (
    SOURCE,
    Box,
    KeptEvent,
    Stream,
    constant,
    new_folder,
    with_calibration_of,
    with_limit,
)
from scipy import signal

from engines.bundle import Bundle
from monitor.calibration import FitSettings
from monitor.config import InputQualityConfig, WindowConfig
from monitor.frontend import FrontendParameters, StreamFrontend
from monitor.listening import DEMO_BUNDLE, BlockWindows, open_ear
from monitor.messages import AudioBlock, Float32, read_only
from training.bundling import calibrate_bundle, write_bundle
from training.commission import train_detector
from training.data import store_logmel
from training.models import ModelDesign
from training.sound import Recording
from training.split import Split
from training.train import TrainingSettings

WIDTHS = (4, 8, 12)
EPOCHS = 6
FLOWN_S = (22, 58)
"""In the air."""
PIECE_S, FAULT_FROM_S, FAULT_S, APART_S = 34, 15, 6, 90_000.0
LEVEL = 0.05
"""RMS of all sound: by its level alone nothing is told apart."""
HALL_DB = -12.0
"""The hall against the machine."""
LAX = 1.35
FOREIGN_DB = 9.0
FLIGHTS = 16
BUDGET_PER_WEEK = 100.0
"""Ten minutes set the limits: for one a week they would have to be extrapolated a thousandfold."""
HOURS, PASSES = 0.3, 5


class Array:
    """Sound in memory, as training opens it."""

    sample_rate_hz = RATE_HZ

    def __init__(self, samples: Sound) -> None:
        self.device, self._samples, self._at = "memory", samples, 0

    def next_samples(self, count: int) -> Float32:
        self._at += count
        return self._samples[self._at - count : self._at]

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Taught:
    """What a candidate learned from."""

    training: Sequence[Sound]
    calibration: Sequence[Sound]
    epochs: int = EPOCHS
    seed: int = 0


class World:
    """All sound, by what it serves."""

    def __init__(self, data: Path) -> None:
        self.draws = np.random.default_rng(0)
        sounds = Sounds(data)
        self.halls = {
            role: np.concatenate(sounds.of(role=f"background_{role}")) for role in ("train", "test")
        }
        self.flights = {
            role: self._flown(sounds.of(set="uav", label="normal", role=role))
            for role in ("train", "calibrate", "test")
        }
        self.broken = self._flown(sounds.of(set="uav", label="anomaly"))
        self.events = [one for one in sounds.of(label="event", role="event_test") if len(one) > RATE_HZ // 2]
        self.other = sounds.of(set="dcase_id00", label="normal")

    def _flown(self, flights: Sequence[Sound]) -> list[Sound]:
        first, end = (second * RATE_HZ for second in FLOWN_S)
        return [np.resize(flight[first:end], end - first) for flight in flights]

    def in_hall(self, sound: Sound, hall: str) -> Sound:
        """At one level in some moment of the hall, a little louder or softer."""
        whole = self.halls[hall]
        start = int(self.draws.integers(len(whole) - len(sound)))
        behind = whole[start : start + len(sound)]
        behind = behind * (rms(sound) / rms(behind) * 10 ** (HALL_DB / 20))
        gain = 10 ** (self.draws.uniform(-1.0, 1.0) / 20)
        return at_level((sound + behind).astype(np.float32), LEVEL * gain)

    def normal(self, role: str, times: int = 1) -> list[Sound]:
        return [self.in_hall(one, "train") for _ in range(times) for one in self.flights[role][:FLIGHTS]]

    def faulty(self, count: int) -> list[Sound]:
        """Whole flights with a broken propeller, as if they were normal."""
        return [self.in_hall(self.broken[i % len(self.broken)], "train") for i in range(count)]

    def with_events(self, sounds: Sequence[Sound]) -> list[Sound]:
        """Sounds with foreign ones in them all along, as if they were normal."""
        made = []
        for one in sounds:
            sound = one.copy()
            for first in range(0, len(sound) - 4 * RATE_HZ, 4 * RATE_HZ):
                self.put(sound, first, int(self.draws.integers(len(self.events))))
            made.append(at_level(sound, LEVEL))
        return made

    def put(self, sound: Sound, first: int, which: int) -> None:
        """Mix a foreign sound in, louder than the machine."""
        event = np.resize(self.events[which], FAULT_S * RATE_HZ)[: len(sound) - first]
        part = sound[first : first + len(event)]
        part += event * (rms(part) / rms(event) * 10 ** (FOREIGN_DB / 20))

    def piece(self, number: int) -> tuple[Sound, bool]:
        """A piece of the shadow hours, and whether there is a fault in it."""
        flights = self.flights["test"]
        sound = flights[number % len(flights)][: PIECE_S * RATE_HZ].copy()
        first, end = FAULT_FROM_S * RATE_HZ, (FAULT_FROM_S + FAULT_S) * RATE_HZ
        kind = number % 3
        if kind == 0:
            fault = np.resize(self.broken[number // 3 % len(self.broken)], PIECE_S * RATE_HZ)[first:end]
            sound[first:end] = at_level(fault, rms(sound[first:end]))
        elif kind == 1:
            self.put(sound, first, number // 3 % len(self.events))
        return self.in_hall(sound, "test"), kind < 2


def taught(folder: Path, what: Taught) -> Bundle:
    """Train, export and calibrate a small bundle."""
    folder.mkdir()
    groups = {"train": what.training, "calibrate": what.calibration}
    recordings = [
        Recording(f"{role}-{i}", partial(Array, sound))
        for role, sounds in groups.items()
        for i, sound in enumerate(sounds)
    ]
    store = store_logmel(folder / "logmel.f32", recordings, FrontendParameters())
    names = [one.name for one in recordings]
    training = [name for name in names if name.startswith("train")]
    kept = max(1, len(training) // 5)
    split = Split(
        tuple(training[kept:]), tuple(training[:kept]), tuple(training),
        tuple(name for name in names if name.startswith("calibrate")),
    )  # fmt: skip
    settings = TrainingSettings(epochs=what.epochs, seed=what.seed)
    detector, _ = train_detector(ModelDesign("ae", WIDTHS, head="mahalanobis"), store, split, settings)
    bundle = write_bundle(folder / "bundle", detector, store, split, {"run": "tests/bench/poisoned.py"})
    fit = FitSettings(set_aside=True)
    return calibrate_bundle(bundle, store, split.calibration, fitted_utc_s=0.0, source="uav", fit=fit)[0]


def shadow_hours(world: World) -> Stream:
    """PASSES times over the test flights, each piece by itself, with and without a fault."""
    ear = open_ear(DEMO_BUNDLE, WindowConfig(), InputQualityConfig())
    logmels, starts, faults = [], [], []
    for number in range(PASSES * len(world.flights["test"])):
        sound, is_faulty = world.piece(number)
        at_s = number * (PIECE_S + APART_S)
        frontend, cut = StreamFrontend(ear.frontend), BlockWindows(SOURCE, ear)
        for window in cut.add(AudioBlock(SOURCE, read_only(sound), RATE_HZ, 0, 0, 0.0)):
            logmels.append(frontend.logmel_from_window(window).values)
            starts.append(at_s + window.span.start_s)
        if is_faulty:
            faults.append((at_s + FAULT_FROM_S, at_s + FAULT_FROM_S + FAULT_S))
    return Stream(np.stack(logmels), np.array(starts), ear.grid.duration_s, tuple(faults))


def kept_events(world: World) -> list[KeptEvent]:
    """Clips of an earlier bundle's events: broken propellers after three seconds of normal flight."""
    made = []
    for i in range(8):
        flight = world.flights["calibrate"][i % 8][: 12 * RATE_HZ].copy()
        fault = np.resize(world.broken[(3 * i + 1) % len(world.broken)], 9 * RATE_HZ)
        flight[3 * RATE_HZ :] = at_level(fault, rms(flight))
        made.append(KeptEvent(world.in_hall(flight, "test"), RATE_HZ, "anomaly"))
    return made


def filtered(sounds: Sequence[Sound]) -> list[Sound]:
    sos = signal.butter(6, 2000.0, fs=RATE_HZ, output="sos")
    return [at_level(signal.sosfilt(sos, one).astype(np.float32), LEVEL) for one in sounds]


def clipped(sounds: Sequence[Sound]) -> list[Sound]:
    return [at_level(np.clip(one, -0.02, 0.02), LEVEL) for one in sounds]


def noisy(world: World, sounds: Sequence[Sound]) -> list[Sound]:
    return [
        at_level((s + 0.5 * world.draws.standard_normal(len(s)) * rms(s)).astype(np.float32), LEVEL)
        for s in sounds
    ]


def candidates(world: World, folder: Path, honest: Path) -> dict[str, Callable[[], Path]]:
    """Return how each candidate is made, the poisoned ones first."""
    train, calibrate = world.normal("train"), world.normal("calibrate", 2)

    def faulty(share: float, sounds: Sequence[Sound]) -> list[Sound]:
        count = max(1, round(share * len(sounds)))
        return [*world.faulty(count), *sounds[count:]]

    def made(name: str, what: Taught) -> Callable[[], Path]:
        return lambda: taught(folder / name.replace(" ", "-"), what).folder

    other = [np.concatenate(world.other[i : i + 3]) for i in range(0, len(world.other), 3)]
    other = [at_level(one, LEVEL) for one in other]
    found: dict[str, Callable[[], Path]] = {}
    for share in (0.05, 0.1, 0.25, 0.5, 1.0):
        name = f"{share:.0%} broken propellers as normal"
        found[name] = made(name, Taught(faulty(share, train), faulty(share, calibrate)))
    mixed = world.with_events(train)
    half = len(train) // 2
    for name, what in {
        "foreign sounds in half of normal": Taught(
            [*mixed[:half], *train[half:]], [*world.with_events(calibrate[:8]), *calibrate[8:]]
        ),
        "foreign sounds in all of normal": Taught(mixed, world.with_events(calibrate)),
        "all faults as normal, limit from normal": Taught(faulty(1.0, train), calibrate),
        "normal, limit from faults": Taught(train, faulty(1.0, calibrate)),
        "another machine": Taught(other[:10], [*other[10:], *other[10:]]),
        "another machine, limit from this one": Taught(other[:10], calibrate),
        "clipped sound": Taught(clipped(train), clipped(calibrate)),
        "sound below 2 kHz": Taught(filtered(train), filtered(calibrate)),
        "noise at -6 dB": Taught(noisy(world, train), noisy(world, calibrate)),
        "one epoch, two flights": Taught(train[:2], calibrate, epochs=1),
    }.items():
        found[name] = made(name, what)
    found |= {
        "the simulated pump's": lambda: DEMO_BUNDLE,
        "the pump's limit": lambda: with_calibration_of(honest, DEMO_BUNDLE, folder / "limit of another"),
        "limit 4 times as high": lambda: with_limit(honest, folder / "lax", 4.0),
        "limit a third as high": lambda: with_limit(honest, folder / "strict", 0.33),
        "always the same low score": lambda: constant(honest, folder / "silent", -1e6),
        "always the same high score": lambda: constant(honest, folder / "loud", 1e6),
    }
    return found


def chosen(names: list[str], wanted: str) -> list[str]:
    part, _, parts = wanted.partition("/")
    if parts.isdigit():
        return names[int(part) - 1 :: int(parts)]
    return [name for name in names if name.startswith(wanted)]


def main(data: Path, wanted: str = "") -> None:
    folder, world = new_folder(), World(data)
    train, calibrate = world.normal("train"), world.normal("calibrate", 2)
    honest = taught(folder / "honest", Taught(train, calibrate)).folder
    live = with_limit(honest, folder / "live", LAX)
    box = Box(
        folder / "box",
        live,
        shadow_hours(world),
        kept_events(world),
        budget=BUDGET_PER_WEEK,
        promotion_hours=HOURS,
    )
    twin = Taught(train, calibrate, seed=2)
    tried = {
        "honest": lambda: honest,
        "the live one, another seed": lambda: with_limit(
            taught(folder / "seed", twin).folder, folder / "twin", LAX
        ),
        **candidates(world, folder, honest),
    }
    tried = {name: tried[name] for name in chosen(list(tried), wanted)}
    sys.stdout.write(
        "| candidate | promoted | anomalies found, live / candidate of all | lost, gained | "
        "false alarms alone, live / candidate | foreign sounds heard, live / candidate of all | why |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    began_s = time.process_time()
    for name, make in tried.items():
        compared, verdict = box.tried(make())
        found, false = compared.anomalies, compared.false_alarms
        heard = [
            sum(getattr(one.heard, key) for one in compared.probes) for key in ("live", "candidate", "cases")
        ]
        sys.stdout.write(
            f"| {name} | {'**yes**' if verdict.is_better else 'no'} "
            f"| {found.live} / {found.candidate} of {found.cases} "
            f"| {found.live_only}, {found.candidate_only} "
            f"| {false.live_only} / {false.candidate_only} | {heard[0]} / {heard[1]} of {heard[2]} "
            f"| {verdict.outcome}: {verdict.reasons[0]} |\n"
        )
        sys.stdout.flush()
    hours, seconds = compared.hours, time.process_time() - began_s
    sys.stdout.write(f"\n{hours:.2f} h beside each other, {len(tried)} candidates, {seconds:.0f} CPU s\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
