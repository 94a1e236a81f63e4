"""How often a limit is proposed in stable weeks, how soon after a shift, and for a fault that grows slowly.

    python tests/bench/drifting.py [../shared/data] [--machines 10] [--weeks 8] [--json out/drifting.json]
        [--first-seed 0] [--day-std 0.25] [--day-keep 0.6] [--stable-only]

Scores are real: of half an hour of the simulated pump (and of flights of shared/data, where given) by the
demo's plain autoencoder, one window in five seconds. Weeks are put together of stretches of a minute of them;
what differs between hours and days is put on top, in standard deviations of the machine's scores: days by an
AR(1) of 0.6 with 0.25, the late shift of working days 0.3 louder, weekends 0.3 softer. All code of
monitor.drift is that of the box; only time runs faster. The control is the obvious one: the mean of a day
outside three standard deviations of the means of the first seven days. Alarms are taken to be acknowledged
within the day and never labelled.

Flights go from six seconds after their beginning to six before their end. "flights with landings" keep the
end: three windows in a hundred are of a motor that stands, which multiplies the standard deviation, and with
it what days differ by, by 3.4. They stand for scores with heavy tails.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines.bundle import open_bundle
from engines.runtime import open_engine
from monitor.calibration import Calibration, FitSettings, fit_calibration
from monitor.config import InputQualityConfig, WindowConfig
from monitor.drift.evidence import evidence_of
from monitor.drift.judgement import Asked, Case, DriftState, judged
from monitor.drift.likeness import DAY_S
from monitor.drift.period import BLOCK_S, HOUR_S, Levels, Period
from monitor.drift.proposal import Present, Proposal, proposed
from monitor.drift.said import EventLabel
from monitor.drift.scale import counts_of, unit_of
from monitor.errors import CalibrationError
from monitor.listening import open_ear
from monitor.recordings import raw_scores_of_file
from monitor.simulate.machine import SimulatedMachine
from monitor.simulate.schedule import Fault

DEMO = Path(__file__).resolve().parents[2] / "engines" / "demo" / "ae"
RATE_HZ = 48_000
STABLE_MINUTES, MINUTES = 30, 6
SEVERITIES = (0.0, 0.15, 0.3, 0.6, 1.0)
THINNED = 5
"""Of so many windows one is taken: weeks of all of them would take a day to make up."""
EDGE_S = 6
"""Of a flight so much is left out where it begins and ends: it takes off, it lands, the motor stands."""
SHIFT_STD = 0.3
FIRST_DAY = 20_003
"""A Monday."""
CONTROL_STDS = 3.0


@dataclass(frozen=True)
class Days:
    """How days differ."""

    std: float = 0.25
    """In standard deviations of the machine's scores."""
    keep: float = 0.6
    """Correlation of a day with the next."""


Float64 = NDArray[np.float64]
Scores = Callable[[np.random.Generator, int, int], Float64]
"""Chance, windows and day in, raw scores out."""


# what is heard ------------------------------------------------------------------------------------


def score_sound(samples: Float64 | NDArray[np.float32], rate_hz: int, folder: Path) -> Float64:
    ear = open_ear(DEMO, WindowConfig(), InputQualityConfig())
    engine = open_engine(open_bundle(DEMO), threads=1)
    path = folder / "sound.flac"
    soundfile.write(path, samples, rate_hz)
    scores = raw_scores_of_file(path, ear, engine)
    engine.close()
    scores = scores[np.isfinite(scores)]
    return np.concatenate([scores[phase::THINNED] for phase in range(THINNED)])


def pump_scores(severity: float, folder: Path, minutes: int, kind: str = "bearing") -> Float64:
    """Return the scores of some minutes of the pump, with a fault of this severity all the time."""
    seconds = minutes * 60.0
    faults = [] if severity == 0.0 else [Fault(kind, 0.0, seconds, severity)]
    machine = SimulatedMachine("pump", seed=7, sample_rate_hz=RATE_HZ, faults=faults)
    blocks = [machine.next_samples(RATE_HZ) for _ in range(int(seconds))]
    return score_sound(np.concatenate(blocks), RATE_HZ, folder)[3:-3]


def flight_scores(data: Path, folder: Path, *, landings: bool) -> Float64:
    """Return the scores of all normal flights, one after the other; with or without their last seconds."""
    with (data / "index.csv").open(newline="") as file:
        names = [
            row["file"] for row in csv.DictReader(file) if (row["set"], row["label"]) == ("uav", "normal")
        ]
    found = []
    for name in names:
        samples, rate_hz = soundfile.read(data / name, dtype="float32")
        end = len(samples) - (0 if landings else EDGE_S * rate_hz)
        scores = score_sound(samples[EDGE_S * rate_hz : end], rate_hz, folder)
        found.append(scores - np.median(scores))  # another flight, another place: that is not drift here
    return np.concatenate(found)


def minutes_of(pool: Float64, windows: int, rng: np.random.Generator, hop_s: float) -> Float64:
    """Return so many scores, in stretches of a minute as they were heard."""
    piece = round(60.0 / hop_s)
    starts = rng.integers(0, len(pool) - piece, -(-windows // piece))
    return np.concatenate([pool[start : start + piece] for start in starts])[:windows]


# weeks --------------------------------------------------------------------------------------------


@dataclass
class Machine:
    """One made-up machine, day after day."""

    pool: Callable[[int], Float64]
    """Day -> the scores that it draws from."""
    seed: int
    hop_s: float
    calibrated_hours: float
    moved: Callable[[int], float]
    """Day -> by how many standard deviations everything is higher."""
    days: Days

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.std = float(self.pool(0).std())
        self.between = self.days.std * self.rng.standard_normal()
        windows = round(self.calibrated_hours * 3600.0 / self.hop_s)
        days = []
        for hour in range(round(windows * self.hop_s / 3600.0)):
            if hour and hour % 24 == 0:
                self._next_day()
            days.append(self._raw(0, hour))
        self.calibration: Calibration = fit_calibration(
            np.concatenate(days),
            hop_s=self.hop_s,
            bundle_id="b",
            fitted_utc_s=FIRST_DAY * DAY_S - 1.0,
            settings=FitSettings(set_aside=True),
        )
        self.unit = unit_of(self.calibration)
        self.cut = self.unit.of_raw(
            self.calibration.below_levels[3 * len(self.calibration.below_levels) // 4]
        )
        self.periods: list[Period] = []
        self.events: list[EventLabel] = []
        self.means: list[float] = []

    def _raw(self, day: int, hour: int) -> Float64:
        weekday = (FIRST_DAY + day + 3) % 7
        shift = -SHIFT_STD if weekday > 4 else SHIFT_STD * (hour % 24 >= 14)
        scores = minutes_of(self.pool(day), round(HOUR_S / self.hop_s), self.rng, self.hop_s)
        # a tenth of noise: the pools hold some hundred scores, and a fit wants no two alike
        noise = 0.1 * self.rng.standard_normal(len(scores))
        return scores + self.std * (self.between + shift + self.moved(day) + noise)

    def _next_day(self) -> None:
        keep, chance = self.days.keep, self.rng.standard_normal()
        self.between = keep * self.between + self.days.std * np.sqrt(1.0 - keep**2) * chance

    def live(self, day: int) -> None:
        """Let a day pass."""
        self._next_day()
        total = 0.0
        for hour in range(24):
            raw = self._raw(day, hour)
            total += float(raw.mean())
            self._count((FIRST_DAY + day) * DAY_S + hour * HOUR_S, raw)
        self.means.append(total / 24.0)

    def _count(self, start: int, raw: Float64) -> None:
        units = (raw - self.unit.centre_raw) / self.unit.size_raw
        blocks = (np.arange(len(units)) * self.hop_s // BLOCK_S).astype(int)
        highest = np.full(int(HOUR_S / BLOCK_S) + 1, -np.inf)
        np.maximum.at(highest, blocks, units)
        peaks = {int(block): float(highest[block]) for block in np.flatnonzero(highest >= self.cut)}
        odd = np.flatnonzero(highest >= 1.0)
        if len(odd):
            first, last = start + odd[0] * BLOCK_S, start + (odd[-1] + 1) * BLOCK_S
            self.events.append(EventLabel(f"e{start}", first, last, None))
        self.periods.append(
            Period(start, HOUR_S, counts_of(units[units < 1.0]), Levels(), Levels(), peaks, self.cut)
        )

    def look(self, day: int) -> tuple[bool, bool]:
        """Say whether it has moved, and whether a limit is proposed, when this day is over."""
        now_utc_s = (FIRST_DAY + day + 1) * DAY_S + 60.0
        asked = Asked()
        kept = self.periods[-24 * 30 :] if day > 40 else self.periods
        periods = (
            [*self.periods[: 24 * 8], *kept[max(0, len(kept) - 24 * 22) :]] if day > 30 else self.periods
        )
        judgement = judged(Case(periods, self.calibration, asked, now_utc_s))
        if judgement.state is not DriftState.DRIFTING:
            return False, False
        events = [one for one in self.events if float(one.end_utc_s or 0.0) > now_utc_s - 21 * DAY_S]
        evidence = evidence_of(periods, events, asked, hop_s=self.hop_s, now_utc_s=now_utc_s)
        if isinstance(evidence, str):
            return True, False
        present = Present("m", "b", self.calibration, 1.0, 1.0)
        return True, isinstance(proposed(present, evidence, judgement, now_utc_s), Proposal)

    def control(self, day: int) -> bool:
        """Say whether the mean of the day is out of the ordinary."""
        first = np.array(self.means[:7])
        return day >= 7 and abs(self.means[day] - first.mean()) > CONTROL_STDS * first.std(ddof=1)


@dataclass
class Outcome:
    """What came of one machine: the first days, counted from 0; None: never."""

    moved: int | None = None
    proposed: int | None = None
    control: int | None = None
    alarmed: int | None = None


def lived(machine: Machine, days: int) -> Outcome:
    outcome = Outcome()
    for day in range(days):
        events = len(machine.events)
        machine.live(day)
        if outcome.alarmed is None and day >= 28 and len(machine.events) > events:
            outcome.alarmed = day
        if outcome.control is None and machine.control(day):
            outcome.control = day
        if day < 11 or outcome.proposed is not None:
            continue
        moved, wanted = machine.look(day)
        if moved and outcome.moved is None:
            outcome.moved = day
        if wanted:
            outcome.proposed = day
    return outcome


# the questions ------------------------------------------------------------------------------------


def told(name: str, outcomes: Sequence[Outcome], since: int) -> dict[str, object]:
    """Print a row: how many of the machines, and the median day since the change."""
    row: dict[str, object] = {"case": name, "machines": len(outcomes)}
    for key in ("moved", "proposed", "control", "alarmed"):
        days = [value for one in outcomes if (value := getattr(one, key)) is not None]
        after = [value - since + 1 for value in days if value >= since]
        row[key] = len(days)
        row[f"{key}_day"] = float(np.median(after)) if after else None
    before = sum(
        one.proposed is not None and (one.alarmed is None or one.proposed <= one.alarmed) for one in outcomes
    )
    row["proposed_before_an_alarm"] = before
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()
    return row


def never(_day: int) -> float:
    return 0.0


@dataclass(frozen=True)
class Plant:
    """Which machines are asked."""

    seeds: range
    days: Days
    hop_s: float
    stable_days: int


def answered(
    pools: Mapping[str, Float64], growing: Sequence[Float64], plant: Plant, *, stable_only: bool
) -> list[dict[str, object]]:
    """Ask every question; print and return a row for each."""
    rows = []
    pump = pools["pump"]

    def those(
        pool: Callable[[int], Float64], days: int, moved: Callable[[int], float] = never, hours: float = 48.0
    ) -> list[Outcome]:
        found = []
        for seed in plant.seeds:
            try:
                found.append(lived(Machine(pool, seed, plant.hop_s, hours, moved, plant.days), days))
            except CalibrationError as error:
                sys.stderr.write(f"not calibrated: {error}"[:120] + "\n")
        return found

    for name, scores in pools.items():
        for hours in (48.0, 3.0):
            outcomes = those(lambda _day, s=scores: s, plant.stable_days, hours=hours)  # type: ignore[misc]
            case = f"{name}, {plant.stable_days} stable days, limit from {hours:g} h"
            rows.append(told(case, outcomes, 0))
    if stable_only:
        return rows
    for step in (0.5, 1.0, 2.0, -1.0):
        outcomes = those(lambda _day: pump, 49, lambda day, step=step: step * (day >= 28))  # type: ignore[misc]
        rows.append(told(f"pump, {step:+g} std from day 28 on", outcomes, 28))
    for top, over in ((1.0, 56), (2.0, 28)):
        season = lambda day, t=top, o=over: t * max(0, day - 27) / o  # noqa: E731 - one line of arithmetic
        rows.append(
            told(
                f"pump, a season of {top:+g} std within {over} days",
                those(lambda _day: pump, 28 + over, season),
                28,
            )
        )

    def worse(day: int) -> Float64:
        return growing[min(max(0, (day - 27) * (len(growing) - 1) // 28), len(growing) - 1)]

    rows.append(told("pump, a bearing that grows from 0 to 1 within 28 days", those(worse, 56), 28))
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--machines", type=int, default=10)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--first-seed", type=int, default=0, help="another one: other machines")
    parser.add_argument("--day-std", type=float, default=Days.std)
    parser.add_argument("--day-keep", type=float, default=Days.keep)
    parser.add_argument("--stable-only", action="store_true")
    arguments = parser.parse_args(argv)
    hop_s = THINNED * open_ear(DEMO, WindowConfig(), InputQualityConfig()).hop_s
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pools = {"pump": pump_scores(0.0, folder, STABLE_MINUTES)}
        growing = [pools["pump"]]
        if not arguments.stable_only:
            growing += [pump_scores(one, folder, MINUTES) for one in SEVERITIES[1:]]
        if arguments.data is not None:
            pools["flights"] = flight_scores(arguments.data, folder, landings=False)
            pools["flights with landings"] = flight_scores(arguments.data, folder, landings=True)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.machines)
    days = Days(arguments.day_std, arguments.day_keep)
    plant = Plant(seeds, days, hop_s, 7 * arguments.weeks)
    rows = answered(pools, growing, plant, stable_only=arguments.stable_only)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
