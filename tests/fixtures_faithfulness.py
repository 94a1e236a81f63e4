"""Small clips of which everything is known, and models that can be computed in the head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.truth import Event
from training.faithfulness import Clips, Models, clips_of_sound, interpolated, mean_of_visible
from training.faithfulness.clips import Bools, Float32, Float64

HOP_S = 0.1
MEL = 4


def known_mean(windows: Float32) -> Float32:
    """Reconstruct normal sound: its mean, 0, everywhere. The error is then the power."""
    return np.zeros_like(windows)


def mean_power(windows: Float32) -> Float64:
    """Score a window by its power."""
    return np.asarray(np.square(windows.astype(np.float64)).mean(axis=(1, 2)))


def toy_models() -> Models:
    """The known mean under test and as the judge."""
    return Models(known_mean, mean_power, known_mean, {"linear": interpolated, "mean": mean_of_visible})


def noisy_clips(
    count: int, *, frames: int = 100, seed: int = 0, normal: bool = True, excess: float = 3.0
) -> Clips:
    """Clips of noise; in every other one (or all) two bands are louder for 2 s, at a place drawn by lot."""
    draws = np.random.default_rng(seed)
    values = draws.normal(size=(count, MEL, frames)).astype(np.float32)
    places = [(f"{index}.flac", 0.0) for index in range(count)]
    wrong = range(0, count, 2 if normal else 1)
    onsets_s = {places[i][0]: float(draws.uniform(1.0, frames * HOP_S - 3.0)) for i in wrong}
    events = {file: [Event(at_s, at_s + 2.0, "fault:hiss", None)] for file, at_s in onsets_s.items()}
    band = np.array([False, True, True, False])
    clips = clips_of_sound(
        values,
        places,
        events,
        hop_s=HOP_S,
        bands=dict.fromkeys(onsets_s.items(), band),
    )
    assert clips.truth_bins is not None
    values[clips.truth_bins] += excess
    return clips


def frames_of(text: str) -> Bools:
    """Return shape (1, frames) from `..x.`, x for True."""
    return np.array([[letter == "x" for letter in text]])


def one_clip(*frames: Sequence[float]) -> Float32:
    """Return shape (1, mel, frames) from the bands of each frame."""
    return np.array(frames, dtype=np.float32).T[None]
