"""How good one detector's scores are, window by window and moment by moment.

The definitions are those of the streams' benchmark, so that its numbers and ours are the same:
a window is a hit when at least HIT_S of it lies in an event, clear when it keeps GUARD_S from all events, and
otherwise left out. An event is found when any window that touches it is at or above the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.measures import auc, partial_auc
from training.evaluation.scored_windows import (
    GUARD_S,
    Bools,
    FileWindows,
    Float64,
    ScoredWindow,
    files_of_windows,
    window_labels,
)
from training.evaluation.truth import Event, Events

FRAME_S = 0.1
CLEAR_SHARE = 0.01
"""The limit for `recall_at_1pc` flags this share of the clear windows."""


@dataclass(frozen=True, slots=True)
class Group:
    """The events of one kind or of one SNR."""

    name: str
    """The kind, or the SNR in dB; `-` for events without one."""
    events: int
    found_at_limit: int | None
    """At value >= 1; None for a detector without a limit of its own."""
    found_at_1pc: int | None
    """At the limit that flags 1 % of the clear windows; None without clear windows."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one detector; None where the sound cannot answer."""

    file_auc: float | None
    """Of the files' mean values; a file with an event is a positive."""
    file_pauc: float | None
    """To a false positive rate of .1, McClish."""
    file_peak_auc: float | None
    """Of the files' highest values."""
    window_auc: float | None
    """Hits against clear windows."""
    window_pauc: float | None
    """To a false positive rate of .1, McClish."""
    recall_at_limit: float | None
    """Share of events found at value >= 1."""
    recall_at_limit_chance: float | None
    """What flagging windows at random gives, at the same share of clear windows."""
    clear_share_at_limit: float | None
    """Share of clear windows at value >= 1."""
    recall_at_1pc: float | None
    """Share of events found at the limit that flags 1 % of the clear windows."""
    recall_at_1pc_chance: float | None
    """What flagging windows at random gives, at the same share of clear windows."""
    limit_at_1pc: float | None
    """That limit, in the detector's values."""
    frame_auc: float | None
    """Of moments of 100 ms: the mean of what the windows over each say."""
    inside_auc: float | None
    """The same within windows that hold both, where only a map in time beats chance; mean over windows."""
    by_kind: tuple[Group, ...]
    by_snr: tuple[Group, ...]


def figures_of_windows(windows: Sequence[ScoredWindow], events: Events, *, has_limit: bool = True) -> Figures:
    """Return the figures of one detector; `has_limit` False where its value 1.0 means nothing.

    Events of a file of which no window could be judged count as missed.
    """
    files = files_of_windows(windows, events)
    labels, values = window_labels(files)
    clear = values[~labels]
    limit = float(np.nextafter(np.quantile(clear, 1.0 - CLEAR_SHARE), np.inf)) if len(clear) else None
    own = 1.0 if has_limit else None
    judged = [file for file in files.values() if file.windows]
    bad = [bool(file.events) for file in judged]
    means = [float(file.values.mean()) for file in judged]
    frame_auc, inside_auc = auc_in_time(judged)
    return Figures(
        file_auc=auc(bad, means),
        file_pauc=partial_auc(bad, means),
        file_peak_auc=auc(bad, [float(file.values.max()) for file in judged]),
        window_auc=auc(labels, values),
        window_pauc=partial_auc(labels, values),
        recall_at_limit=_recall(files, own),
        recall_at_limit_chance=_chance(files, clear, own),
        clear_share_at_limit=_share(clear, own),
        recall_at_1pc=_recall(files, limit),
        recall_at_1pc_chance=_chance(files, clear, limit),
        limit_at_1pc=limit,
        frame_auc=frame_auc,
        inside_auc=inside_auc,
        by_kind=_groups(files, lambda event: event.kind, own, limit),
        by_snr=_groups(files, _snr, own, limit),
    )


def _share(clear: Float64, limit: float | None) -> float | None:
    return None if limit is None or not len(clear) else float(np.mean(clear >= limit))


def _recall(files: Mapping[str, FileWindows], limit: float | None) -> float | None:
    found = [hit for file in files.values() for hit in _found(file, limit)]
    return float(np.mean(found)) if found and limit is not None else None


def _found(file: FileWindows, limit: float | None) -> list[bool]:
    """Return for each event of the file whether a window at or above `limit` touches it."""
    flagged = file.values >= (np.inf if limit is None else limit)
    return [bool(flagged[touching].any()) for touching in file.touches.T]


def _chance(files: Mapping[str, FileWindows], clear: Float64, limit: float | None) -> float | None:
    share = _share(clear, limit)
    tries = [int(count) for file in files.values() for count in file.touches.sum(axis=0)]
    return float(np.mean([1.0 - (1.0 - share) ** n for n in tries])) if tries and share is not None else None


def _snr(event: Event) -> str:
    return "-" if event.snr_db is None else f"{event.snr_db:+.0f} dB"


def _groups(
    files: Mapping[str, FileWindows], name_of: Callable[[Event], str], own: float | None, limit: float | None
) -> tuple[Group, ...]:
    counts: dict[str, list[int]] = {}
    for file in files.values():
        rows = zip(file.events, _found(file, own), _found(file, limit), strict=True)
        for event, at_own, at_limit in rows:
            count = counts.setdefault(name_of(event), [0, 0, 0])
            count[0] += 1
            count[1] += at_own
            count[2] += at_limit
    return tuple(
        Group(name, events, None if own is None else at_own, None if limit is None else at_limit)
        for name, (events, at_own, at_limit) in sorted(counts.items())
    )


def auc_in_time(files: Sequence[FileWindows]) -> tuple[float | None, float | None]:
    """Return the AUC of moments over all files, and its mean within windows that hold both kinds.

    Each file must have a window.
    """
    labels, scores, inside = [], [], []
    for file in files:
        count = int(np.ceil(max(window.end_s for window in file.windows) / FRAME_S)) + 1
        wrong, near = _moments(file.events, count)
        total, times = np.zeros(count), np.zeros(count)
        for window in file.windows:
            first = round(window.start_s / FRAME_S)
            answer = _answer(window, max(round(window.end_s / FRAME_S) - first, 1))[: count - first]
            span = slice(first, first + len(answer))
            total[span] += answer
            times[span] += 1
            if window.profile is not None:
                inside.append(auc(wrong[span], answer))
        used = (times > 0) & (wrong | ~near)
        labels.append(wrong[used])
        scores.append(total[used] / times[used])
    within = [area for area in inside if area is not None]
    whole = auc(np.concatenate(labels), np.concatenate(scores)) if labels else None
    return whole, float(np.mean(within)) if within else None


def _moments(events: Sequence[Event], count: int) -> tuple[Bools, Bools]:
    """Return for each moment whether it lies in an event, and whether it lies in or near one."""
    at_s = (np.arange(count) + 0.5) * FRAME_S
    wrong, near = np.zeros(count, bool), np.zeros(count, bool)
    for event in events:
        wrong |= (at_s >= event.onset_s) & (at_s < event.offset_s)
        near |= (at_s >= event.onset_s - GUARD_S) & (at_s < event.offset_s + GUARD_S)
    return wrong, near


def _answer(window: ScoredWindow, moments: int) -> Float64:
    if window.profile is None:
        return np.full(moments, window.value, dtype=np.float64)
    parts = len(window.profile)
    return np.interp((np.arange(moments) + 0.5) / moments, (np.arange(parts) + 0.5) / parts, window.profile)
