"""How much fault sound in a "normal" recording is set aside before learning, and how much normal sound.

    python tests/bench/contaminated.py ../shared/data

Quadcopters are levelled and laid over background as the streams of the shared bench are; foreign sounds
(role event_train, at 6, 0 and -6 dB against the machine) or four seconds of a broken propeller at the
machine's own level make up 1, 5 and 10 % of the time. Seconds are counted, not windows. Nothing is trained:
what is measured is what a training would have been given. Normal flight: from 6 s on, 2 s off any fault.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flights import BACKGROUND_DB, RATE_HZ, Sound, Sounds, at_level, rms

from monitor.config import InputQualityConfig, WindowConfig
from monitor.listening import open_ear
from monitor.recording.heard import heard_files
from monitor.recording.odd import odd_in_heard

LEVEL = 0.05
SPLICED_S = 4
SHARES = (0.0, 0.01, 0.05, 0.1)
SNRS_DB = (6.0, 0.0, -6.0)
SEED = 0
ON_THE_GROUND_S = 6
"""Before take-off a flight is a quiet room: odd by right, and all of it is set aside."""


class Machines(Sounds):
    """The shared data by role, with flights over background."""

    def read(self, name: str) -> Sound:
        """Return a file's samples; interpolated where it has another rate, as for the published figures."""
        samples, rate_hz = soundfile.read(self.data / name, dtype="float32")
        if rate_hz != RATE_HZ:
            at = np.arange(0, len(samples), rate_hz / RATE_HZ)
            samples = np.interp(at, np.arange(len(samples)), samples)
        return np.asarray(samples, np.float32)

    def machines(self, draws: np.random.Generator) -> list[Sound]:
        """Return flights at one level over background."""
        flights = [
            f for role in ("train", "calibrate") for f in self.of(set="uav", label="normal", role=role)
        ]
        backgrounds = self.of(role="background_train")
        made = []
        for flight in flights:
            order = draws.permutation(len(backgrounds))
            behind = np.resize(np.concatenate([backgrounds[i] for i in order]), len(flight))
            behind = behind * (rms(flight) / rms(behind) * 10 ** (BACKGROUND_DB / 20))
            made.append(at_level((flight + behind).astype(np.float32), LEVEL))
        return made


Put = Callable[[Sound, int, np.random.Generator], int]


def mixed(events: list[Sound], snr_db: float) -> Put:
    """Return what mixes a foreign sound into a recording at a place, and says how long it is."""

    def put(sound: Sound, first: int, draws: np.random.Generator) -> int:
        event = events[int(draws.integers(len(events)))][: 3 * RATE_HZ]
        part = sound[first : first + len(event)]
        part += event[: len(part)] * (rms(part) / rms(event) * 10 ** (snr_db / 20))
        return len(part)

    return put


def spliced(faults: list[Sound]) -> Put:
    """Return what puts four seconds of a fault in place of the machine at the same level."""

    def put(sound: Sound, first: int, draws: np.random.Generator) -> int:
        fault = faults[int(draws.integers(len(faults)))]
        count = SPLICED_S * RATE_HZ
        start = int(draws.integers(15 * RATE_HZ, len(fault) - 10 * RATE_HZ - count))
        sound[first : first + count] = at_level(
            fault[start : start + count], rms(sound[first : first + count])
        )
        return count

    return put


def contaminated(
    machines: list[Sound], put: Put, share: float, draws: np.random.Generator
) -> list[tuple[Sound, NDArray[np.bool_]]]:
    """Return the recordings with faults in `share` of the time, and where."""
    made = [(machine.copy(), np.zeros(len(machine), bool)) for machine in machines]
    wanted, done = share * sum(map(len, machines)), 0
    while done < wanted:
        sound, truth = made[int(draws.integers(len(made)))]
        first = int(draws.integers(12 * RATE_HZ, len(sound) - 10 * RATE_HZ))
        if not truth[first : first + SPLICED_S * RATE_HZ].any():
            count = put(sound, first, draws)
            truth[first : first + count] = True
            done += count
    return made


def measured(made: list[tuple[Sound, NDArray[np.bool_]]]) -> tuple[float, float, float]:
    """Return the shares set aside: of bad seconds, of clean seconds, of everything."""
    ear = open_ear(None, WindowConfig(), InputQualityConfig())
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number:03d}.flac" for number in range(len(made))]
        for file, (sound, _) in zip(files, made, strict=True):
            soundfile.write(file, np.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")
        report = odd_in_heard(heard_files(files, ear), ear)
    bad = [0.0, 0.0]
    clean = [0.0, 0.0]
    for file, (_, truth) in zip(files, made, strict=True):
        odd = np.zeros(len(truth), bool)
        for one in (one for one in report.stretches if one.file == file):
            odd[round(one.start_s * RATE_HZ) : round(one.end_s * RATE_HZ)] = True
        near = _widened(truth)
        near[: ON_THE_GROUND_S * RATE_HZ] = True
        bad[0], bad[1] = bad[0] + (odd & truth).sum(), bad[1] + truth.sum()
        clean[0], clean[1] = clean[0] + (odd & ~near).sum(), clean[1] + (~near).sum()
    return bad[0] / max(bad[1], 1), clean[0] / max(clean[1], 1), report.share


def _widened(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the truth and two seconds on both sides of it."""
    summed = np.concatenate([[0], np.cumsum(np.pad(truth, 2 * RATE_HZ))])
    return np.asarray(summed[4 * RATE_HZ + 1 :] - summed[: -4 * RATE_HZ - 1] > 0)


def main(data: Path) -> None:
    sounds = Machines(data)
    machines = sounds.machines(np.random.default_rng(SEED))
    events = [e for e in sounds.of(label="event", role="event_train") if len(e) > RATE_HZ // 3]
    ways = {f"foreign sounds at {snr_db:+.0f} dB": mixed(events, snr_db) for snr_db in SNRS_DB}
    ways["a broken propeller, spliced in"] = spliced(sounds.of(set="uav", label="anomaly"))
    sys.stdout.write("| fault sound | share | of it set aside | of normal flight |\n|---|---|---|---|\n")
    for name, put in ways.items():
        for share in SHARES if put is next(iter(ways.values())) else SHARES[1:]:
            bad, clean, _ = measured(contaminated(machines, put, share, np.random.default_rng(SEED)))
            sys.stdout.write(f"| {name} | {share:.0%} | {bad:.0%} | {clean:.1%} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
