"""Labelled anomalies for DRA: foreign sounds mixed into flights, none of which are in any test stream.

Sounds are recordings of role event_train (the test streams take event_test), flights those that set the
limit. The mixing is that of the shared make_streams.py: the loudest stretch of a sound, at one of three
levels against the machine's level there.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from monitor.messages import Float32
from training.errors import NoSoundError
from training.sound import rows_of_index

ROLE = "event_train"
RATE_HZ = 16_000
SNRS_DB = (6.0, 0.0, -6.0)
CONTEXT_S = 2.5
"""Of the flight, before and after: more than a window."""
LONGEST_S, FRAME_S, DYNAMICS_DB = 3.0, 0.02, 25.0
"""The stretch of a sound: from the first to the last frame within so many decibels of its peak."""


def sound_kinds(data: Path) -> list[str]:
    """Return the kinds of foreign sounds that may be learned from, in the order of the alphabet."""
    return sorted({row.get("kind", "") for row in _sounds(data)})


def _sounds(data: Path) -> list[dict[str, str]]:
    return [row for row in rows_of_index(data / "index.csv") if row["role"] == ROLE]


def labelled_sounds(
    folder: Path, data: Path, kind: str, carriers: Sequence[Path], *, count: int, seed: int
) -> Path:
    """Write `count` flights with a sound of this kind and their index.csv into `folder`; return the index.

    Every sound is another recording. Each file is a stretch of flight with one sound and CONTEXT_S around.

    Raises:
        NoSoundError: There are fewer recordings of the kind, or no carrier.
    """
    sounds = [row for row in _sounds(data) if row.get("kind") == kind]
    if len(sounds) < count or not carriers:
        raise NoSoundError(
            f"{len(sounds)} recordings of {kind} and {len(carriers)} flights to mix them into; give at least "
            f"{count} and one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(seed)
    rows = []
    for place, index in enumerate(draws.permutation(len(sounds))[:count]):
        sound = loudest_stretch(_sound(data / sounds[index]["file"]))
        flight = _sound(carriers[place % len(carriers)])
        name = f"{kind}-{place:02d}.flac"
        mixed = _mixed(flight, sound, draws)
        soundfile.write(folder / name, mixed, RATE_HZ, subtype="PCM_16")
        rows.append([name, "train", "anomaly", CONTEXT_S, CONTEXT_S + len(sound) / RATE_HZ, kind])
    path = folder / "index.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["file", "role", "label", "onset_s", "offset_s", "kind"], *rows])
    return path


def _sound(path: Path) -> Float32:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono: Float32 = samples[:, 0]
    return mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ).astype(np.float32)


def loudest_stretch(samples: Float32) -> Float32:
    """Return from the first to the last frame that is near the loudest one, at most LONGEST_S."""
    length = round(FRAME_S * RATE_HZ)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    if not len(frames):
        return samples
    level_db = 10.0 * np.log10(np.square(frames).mean(1) + 1e-12)
    loud = np.flatnonzero(level_db > level_db.max() - DYNAMICS_DB)
    first = int(loud[0]) * length
    return samples[first : min((int(loud[-1]) + 1) * length, first + round(LONGEST_S * RATE_HZ))]


def _mixed(flight: Float32, sound: Float32, draws: np.random.Generator) -> Float32:
    """Return a drawn stretch of flight with the sound in its middle, at a drawn level."""
    context = round(CONTEXT_S * RATE_HZ)
    length = len(sound) + 2 * context
    first = int(draws.integers(len(flight) - length + 1))
    mixed = flight[first : first + length].copy()
    middle = slice(context, context + len(sound))
    snr_db = SNRS_DB[int(draws.integers(len(SNRS_DB)))]
    gain = _rms(mixed[middle]) / _rms(sound) * 10.0 ** (snr_db / 20.0)
    mixed[middle] += (gain * sound).astype(np.float32)
    return mixed / max(1.0, float(np.abs(mixed).max()) / 0.99)


def _rms(samples: Float32) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) + 1e-9
