"""Takes the moments out of what is published live of a window: it goes out before anybody knows who spoke.

Of error maps in columns of 128 ms, and of a profile of one number a frame, a vocoder still makes what is like
speech (docs/privacy.md has the numbers). A second is five syllables long.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.messages import Float32, Inference, Score, read_only

STRETCH_FRAMES = 32
"""About a second: what is published of it is its mean."""


def inference_without_moments(inference: Inference) -> Inference:
    """Return a window's inference with each band's mean over stretches of a second in its error map."""
    return replace(inference, error_map=_in_stretches(inference.error_map))


def score_without_moments(score: Score) -> Score:
    """Return a score with the mean over stretches of a second in its profile; its value is the same."""
    return score if score.profile is None else replace(score, profile=_in_stretches(score.profile))


def _in_stretches(values: Float32) -> Float32:
    """Return values, shape (..., frames), that stand still for STRETCH_FRAMES at a time."""
    result = np.empty_like(values)
    for first in range(0, values.shape[-1], STRETCH_FRAMES):
        stretch = slice(first, first + STRETCH_FRAMES)
        result[..., stretch] = values[..., stretch].mean(axis=-1, keepdims=True)
    return read_only(result)
