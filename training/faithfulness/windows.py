"""Clips cut into what a model hears at once, and put together again."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.models import Imputer, Reconstruct, ScoreWindows

BATCH_WINDOWS = 256
Value = TypeVar("Value", np.float32, np.bool_)


def windows_of_clips(clips: NDArray[Value], window_frames: int) -> NDArray[Value]:
    """Return shape (n * windows, mel, window_frames) from (n, mel, frames), clip by clip in order of time."""
    n, mel, frames = clips.shape
    parts = clips.reshape(n, mel, frames // window_frames, window_frames)
    return np.ascontiguousarray(parts.swapaxes(1, 2)).reshape(-1, mel, window_frames)


def clips_of_windows(windows: NDArray[Value], clips: int) -> NDArray[Value]:
    """Return shape (clips, mel, frames) from all windows of so many clips, in order."""
    _, mel, window_frames = windows.shape
    parts = windows.reshape(clips, -1, mel, window_frames).swapaxes(1, 2)
    return np.ascontiguousarray(parts).reshape(clips, mel, -1)


def imputer_in_windows(imputer: Imputer, window_frames: int, batch_windows: int = BATCH_WINDOWS) -> Imputer:
    """Return an imputer of clips from one of windows, such as a masked autoencoder that fills in."""

    def of_clips(clips: Float32, hidden: Bools) -> Float32:
        windows, masks = windows_of_clips(clips, window_frames), windows_of_clips(hidden, window_frames)
        parts = [
            imputer(windows[i : i + batch_windows], masks[i : i + batch_windows])
            for i in range(0, len(windows), batch_windows)
        ]
        return clips_of_windows(np.concatenate(parts), len(clips))

    return of_clips


def reconstruct_clips(
    reconstruct: Reconstruct, window_frames: int, batch_windows: int = BATCH_WINDOWS
) -> Reconstruct:
    """Return a Reconstruct of clips that gives the model at most `batch_windows` windows at once."""

    def of_clips(clips: Float32) -> Float32:
        windows = windows_of_clips(clips, window_frames)
        parts = [reconstruct(windows[i : i + batch_windows]) for i in range(0, len(windows), batch_windows)]
        return clips_of_windows(np.concatenate(parts), len(clips))

    return of_clips


def score_clips(score: ScoreWindows, window_frames: int, batch_windows: int = BATCH_WINDOWS) -> ScoreWindows:
    """Return a score of clips, shape (n,): the mean over the clip's windows."""

    def of_clips(clips: Float32) -> Float64:
        windows = windows_of_clips(clips, window_frames)
        parts = [score(windows[i : i + batch_windows]) for i in range(0, len(windows), batch_windows)]
        scores = np.concatenate(parts).astype(np.float64)
        return np.asarray(scores.reshape(len(clips), -1).mean(axis=1))

    return of_clips
