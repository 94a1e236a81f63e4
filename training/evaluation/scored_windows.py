"""Scored windows and what lies under them: hits in an event, clear ones away from all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.truth import Event, Events

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

HIT_S = 0.1
GUARD_S = 0.5


@dataclass(frozen=True, slots=True)
class ScoredWindow:
    """What a detector said of one window."""

    file: str
    """As the truth names it."""
    start_s: float
    """Seconds into the file."""
    end_s: float
    """Seconds into the file."""
    value: float | None
    """High means unusual; None: not judged."""
    profile: Float64 | None = None
    """Shape (parts,), the error in time, evenly spaced; None where the detector has none."""


@dataclass(frozen=True, slots=True)
class FileWindows:
    """The judged windows of one file in the order of time, and what they lie over."""

    windows: tuple[ScoredWindow, ...]
    """All judged: no value is None."""
    events: tuple[Event, ...]
    """In this file."""
    values: Float64
    """Shape (windows,)."""
    hit: Bools
    """Shape (windows,), whether it lies in an event."""
    clear: Bools
    """Shape (windows,), whether it keeps its distance from all events."""
    touches: Bools
    """Shape (windows, events), whether they have any moment in common."""


def files_of_windows(windows: Sequence[ScoredWindow], events: Events) -> dict[str, FileWindows]:
    """Return the judged windows by file, in the order of the first appearance; files of `events` first."""
    by_file: dict[str, list[ScoredWindow]] = {name: [] for name in events}
    for window in windows:
        if window.value is not None:
            by_file.setdefault(window.file, []).append(window)
    return {name: _file(found, tuple(events.get(name, ()))) for name, found in by_file.items()}


def values_where_clear(windows: Sequence[ScoredWindow], events: Events) -> dict[str, Float64]:
    """Return the values of each file as its windows come; NaN where one is not clear, or not judged."""
    clear = {
        (name, window.start_s)
        for name, file in files_of_windows(windows, events).items()
        for window, is_clear in zip(file.windows, file.clear, strict=True)
        if is_clear
    }
    values: dict[str, list[float]] = {}
    for window in windows:
        known = window.value is not None and (window.file, window.start_s) in clear
        values.setdefault(window.file, []).append(
            window.value if known and window.value is not None else np.nan
        )
    return {name: np.array(found) for name, found in values.items()}


def _file(windows: list[ScoredWindow], events: tuple[Event, ...]) -> FileWindows:
    windows = sorted(windows, key=lambda window: window.start_s)
    start = np.array([window.start_s for window in windows])[:, None]
    end = np.array([window.end_s for window in windows])[:, None]
    onset = np.array([event.onset_s for event in events])[None, :]
    offset = np.array([event.offset_s for event in events])[None, :]
    overlap = np.maximum(0.0, np.minimum(offset, end) - np.maximum(onset, start)).sum(axis=1)
    near = (onset - GUARD_S < end) & (start < offset + GUARD_S)
    return FileWindows(
        windows=tuple(windows),
        events=events,
        values=np.array([window.value for window in windows], dtype=np.float64),
        hit=overlap >= HIT_S,
        clear=np.asarray(~near.any(axis=1)),
        touches=(start < offset) & (end > onset),
    )


def window_labels(files: Mapping[str, FileWindows]) -> tuple[Bools, Float64]:
    """Return whether each hit or clear window is a hit, and its value; both shape (n,)."""
    used = [file.hit | file.clear for file in files.values()]
    hits = [file.hit[use] for file, use in zip(files.values(), used, strict=True)]
    values = [file.values[use] for file, use in zip(files.values(), used, strict=True)]
    return np.concatenate([np.zeros(0, bool), *hits]), np.concatenate([np.zeros(0), *values])
