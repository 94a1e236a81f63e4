"""Streams that retraining is measured on: quieter ones, and development streams to try things on."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from training.ablations.labelled import RATE_HZ, loudest_stretch

DEVELOPMENT_SNRS_DB = (-3.0, -9.0, -15.0)
REPEATS = 4
"""Development streams of each flight."""
SOUNDS = 4
"""Foreign sounds in each, at the most."""
FAULT_S = 2.0
FIRST_S = 20.0
SPEEDS = (1.015, 1.03)
"""By so much a made fault's engine is faster, or slower."""
FADE_S = 0.05
Sound = NDArray[np.float32]


def quieter_streams(shared: Path, folder: Path, snrs_db: Sequence[float]) -> Path:
    """Return the flights of the shared bench with its foreign sounds at other levels, made into `folder`."""
    spec = importlib.util.spec_from_file_location("make_streams", shared / "bench" / "make_streams.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    vars(script)["SNRS_DB"] = tuple(snrs_db)
    with mock.patch.object(sys, "argv", ["make_streams.py", str(shared / "data"), str(folder / "quieter")]):
        script.main()
    return folder / "quieter" / "uav"


def development_streams(streams: Path, folder: Path, sounds: Mapping[str, Sequence[Path]]) -> Path:
    """Return a folder like `streams` whose test is made of the flights that set the limit, not of the test.

    `sounds`: kind -> recordings that no label is made of. Of a made fault the engine turns faster or slower.
    """
    made = folder / "development"
    (made / "test").mkdir(parents=True)
    for role in ("train", "calibrate"):
        (made / role).symlink_to((streams / role).resolve())
    draws = np.random.default_rng(0)
    truth: list[list[object]] = []
    flights = [path for path in sorted((streams / "calibrate").glob("*.flac")) for _ in range(REPEATS)]
    for number, path in enumerate(flights):
        flight = sound_of_file(path)
        rows = _with_fault(flight, draws)
        rows += _with_sounds(flight, sounds, draws, after_s=FIRST_S + FAULT_S + float(draws.uniform(4, 6)))
        name = f"test/flight-{number:02d}.flac"
        flight /= max(1.0, float(np.abs(flight).max()) / 0.99)
        soundfile.write(made / name, flight, RATE_HZ, subtype="PCM_16")
        truth += [[name, *row] for row in rows]
    with (made / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["file", "onset_s", "offset_s", "kind", "snr_db"], *truth])
    return made


def _with_fault(flight: Sound, draws: np.random.Generator) -> list[list[object]]:
    """Put a stretch of the same flight at another speed into it, as loud as what was there."""
    length, fade = round(FAULT_S * RATE_HZ), round(FADE_S * RATE_HZ)
    speed = float(draws.uniform(*SPEEDS)) ** float(draws.choice([-1.0, 1.0]))
    taken = round(length * speed) + fade
    room = len(flight) - taken - round(10 * RATE_HZ)
    at = int(draws.integers(round(15 * RATE_HZ), max(room, round(15 * RATE_HZ) + 1)))
    piece = soxr.resample(flight[at : at + taken], RATE_HZ * speed, RATE_HZ)[:length].astype(np.float32)
    first = round(FIRST_S * RATE_HZ)
    if len(piece) < length or first + length > len(flight):
        return []
    there = flight[first : first + length]
    weight = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / fade).astype(np.float32)
    there[:] = there * (1 - weight) + piece * (rms(there) / rms(piece)) * weight
    return [[FIRST_S, FIRST_S + FAULT_S, "fault:speed", ""]]


def _with_sounds(
    flight: Sound, sounds: Mapping[str, Sequence[Path]], draws: np.random.Generator, *, after_s: float
) -> list[list[object]]:
    rows: list[list[object]] = []
    kinds = sorted(sounds)
    for _ in range(SOUNDS):
        kind = kinds[int(draws.integers(len(kinds)))]
        sound = loudest_stretch(sound_of_file(sounds[kind][int(draws.integers(len(sounds[kind])))]))
        first, end_s = round(after_s * RATE_HZ), after_s + len(sound) / RATE_HZ
        if end_s > len(flight) / RATE_HZ - 1:
            break
        snr_db = DEVELOPMENT_SNRS_DB[int(draws.integers(len(DEVELOPMENT_SNRS_DB)))]
        there = flight[first : first + len(sound)]
        there += rms(there) / rms(sound) * 10.0 ** (snr_db / 20.0) * sound
        rows.append([round(after_s, 3), round(end_s, 3), kind, snr_db])
        after_s = end_s + float(draws.uniform(4, 7))
    return rows


def sound_of_file(path: Path) -> Sound:
    """Return the first channel of a file at RATE_HZ, shape (n,)."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono: Sound = np.ascontiguousarray(samples[:, 0])
    return mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ).astype(np.float32)


def rms(samples: Sound) -> float:
    """Return the root of the mean square, never 0."""
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) + 1e-9
