"""Streams of real machines with synthesised sounds mixed in: ../shared/data, uav and dcase_id00."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from monitor.describe.bands import Bands
from monitor.explanation import SoundKind
from monitor.frontend import Frontend, FrontendParameters
from monitor.messages import AudioBlock, Float32, read_only
from monitor.sources.file import Recording as SoundFile
from training.words.cases import Event, Heard, Hearing, Stream
from training.words.sounds import MAKERS, RATE_HZ, notched

SETS = {"uav": (22.0, 20), "dcase_id00": (2.0, 40)}
"""Machine -> (when the first event begins: flights begin on the ground, recordings heard before)."""
SNRS_DB = (6.0, 0.0)
LEVEL_DBFS = -45.0
"""Low, so that no knock is clipped."""
EVENT_S, REST_S, TAIL_S = 6.0, 6.0, 2.0
LONGEST_S = 60.0
HIGHEST_HZ = 8000.0
HOLE = 4
"""A band may have holes of less than so many mel bands."""


def mixed_streams(hearing: Hearing, shared: Path, role: str, *, seed: int, repeats: int) -> Iterator[Stream]:
    """Yield each recording of this role `repeats` times, each time with other events in it."""
    random = np.random.default_rng(seed)
    turn = 0
    for name, (lead_s, _) in SETS.items():
        recordings = _recordings(shared / "data", name, role)
        for number in range(len(recordings) * repeats):
            changed, events = recordings[number % len(recordings)].copy(), []
            # so that no recording has the same kind of event each time
            turn += number % len(recordings) == 0
            start_s = lead_s
            while start_s + EVENT_S <= len(changed) / RATE_HZ - TAIL_S:
                events.append(_put(changed, start_s, turn, random))
                start_s += EVENT_S + REST_S
                turn += 1
            heard = hearing.heard(iter([_block(changed)]))
            yield Stream(f"{name} {number}", name, heard, events)


def normal_sound(hearing: Hearing, shared: Path) -> dict[str, list[Heard]]:
    """Return what a describer of each machine has heard before: its recordings of role `train`."""
    out: dict[str, list[Heard]] = {}
    for name, (lead_s, most) in SETS.items():
        out[name] = []
        for sound in _recordings(shared / "data", name, "train")[:most]:
            heard = hearing.heard(iter([_block(sound)]))
            out[name] += [one for one in heard if one.span.start_s >= lead_s]
    return out


def _recordings(data: Path, name: str, role: str) -> list[Float32]:
    with (data / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["set"] == name and row["label"] == "normal" and row["role"] == role
        ]
    sounds = []
    for row in rows:
        recording = SoundFile(data / row["file"])
        sounds.append(_levelled(recording.next_samples(round(LONGEST_S * RATE_HZ))))
        recording.close()
    return sounds


def _levelled(sound: Float32) -> Float32:
    rms = float(np.sqrt(np.mean(np.square(sound), dtype=np.float64)))
    return np.asarray(sound * np.float32(10.0 ** (LEVEL_DBFS / 20.0) / rms))


def _put(sound: Float32, start_s: float, turn: int, random: np.random.Generator) -> Event:
    """Put the event whose turn it is into `sound`, in place."""
    kinds = len(MAKERS) + len(CHANGES)
    number, snr_db = turn % kinds, SNRS_DB[turn // kinds % len(SNRS_DB)]
    first = round(start_s * RATE_HZ)
    stretch = sound[first : first + round(EVENT_S * RATE_HZ)]
    times = (start_s, start_s + EVENT_S)
    if number >= len(MAKERS):
        return CHANGES[number - len(MAKERS)](stretch, times, random)
    made = MAKERS[number](random, EVENT_S)
    power = np.mean(stretch**2) / np.mean(made.samples[made.active] ** 2)
    added = np.float32(np.sqrt(power) * 10.0 ** (snr_db / 20.0)) * made.samples
    low_hz, high_hz, rise_db = _risen_band(stretch, added, narrow=made.kind is SoundKind.TONE)
    stretch += added
    return Event(made.name, made.kind, *times, low_hz, high_hz, f"{snr_db:+g} dB", made.period_s, rise_db)


def _louder(stretch: Float32, times: tuple[float, float], _random: np.random.Generator) -> Event:
    stretch *= np.float32(4.0)
    return Event("louder", SoundKind.LEVEL_RISE, *times, 0.0, HIGHEST_HZ, "+12 dB", change_db=12.0)


def _softer(stretch: Float32, times: tuple[float, float], _random: np.random.Generator) -> Event:
    stretch *= np.float32(0.25)
    return Event("softer", SoundKind.LEVEL_DROP, *times, 0.0, HIGHEST_HZ, "-12 dB", change_db=-12.0)


def _missing(stretch: Float32, times: tuple[float, float], random: np.random.Generator) -> Event:
    low_hz = float(np.exp(random.uniform(np.log(300.0), np.log(3000.0))))
    high_hz = low_hz * random.uniform(1.5, 2.5)
    stretch[:] = notched(stretch, low_hz, high_hz)
    return Event("missing band", SoundKind.MISSING, *times, low_hz, high_hz, "-40 dB")


CHANGES = (_louder, _softer, _missing)


def _risen_band(machine: Float32, added: Float32, *, narrow: bool) -> tuple[float, float, float]:
    """Return the band in which a sound is at most 10 dB weaker than where it is strongest, and its rise.

    Measured in its loud frames; parts that raise the machine's sound by less than 3 dB do not count.
    `narrow`: without what lies apart from the strongest band, such as overtones.
    """
    frontend = Frontend(FrontendParameters())
    own, other = (10.0 ** frontend.logmel_from_samples(sound) for sound in (machine, added))
    loud = other.sum(axis=0) >= 0.1 * np.sort(other.sum(axis=0))[-3:].mean()
    normal, level = own.mean(axis=1), other[:, loud].mean(axis=1)
    risen = np.where(level >= normal, level, 0.0)
    bands = Bands(frontend.parameters)
    first = last = int(np.argmax(risen))
    high = risen >= 0.1 * risen[first]
    if not narrow:
        first, last = int(np.flatnonzero(high)[0]), int(np.flatnonzero(high)[-1])
    while high[max(first - HOLE, 0) : first].any():
        first -= 1
    while high[last + 1 : last + 1 + HOLE].any():
        last += 1
    band = slice(first, last + 1)
    change_db = 10.0 * np.log10(1.0 + level[band].sum() / normal[band].sum())
    return *bands.hz_of(first, last), float(change_db)


def _block(samples: Float32) -> AudioBlock:
    return AudioBlock("words", read_only(np.clip(samples, -1.0, 1.0)), RATE_HZ, 0, 0, 0.0)
