"""Which stretch of an event's sound was flagged, and which was normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.replay.kept.axes import Stretch
from monitor.replay.kept.clip_maps import windows_in_clip
from monitor.store import Event, Store, StoredClip, StoredWindow

LIMIT = 1.0
"""A window's value is in units of the alarm limit."""

LEAST_NORMAL_S = 1.0
"""A shorter stretch of normal sound is nothing to compare with."""
EVENTS_ASKED = 20
"""So many earlier events are asked for normal sound; older sound is of another day's machine."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The last normal sound of a source before an event: a stretch of a clip."""

    clip_id: str
    """The clip that holds it."""
    event_id: str
    """The event of that clip: this one or an earlier one."""
    start_s: float
    """From here, in seconds from the clip's start."""
    end_s: float
    """To here."""


def flagged_in_clip(clip: StoredClip, windows: Sequence[StoredWindow]) -> tuple[Stretch, ...]:
    """Return where kept windows at or above the limit lie in a clip, in order; those that meet are one.

    What lies between them is left out: windows below the limit belong to an event until its alarm has
    cleared, and an event goes on through the next alarm while nobody has acknowledged it.
    """
    stretches: list[Stretch] = []
    for window in sorted(windows_in_clip(clip, windows), key=lambda window: window.start_s):
        if window.value is None or window.value < LIMIT:
            continue
        start_s = max(0.0, window.start_s - clip.start_s)
        end_s = min(clip.duration_s, window.end_s - clip.start_s)
        if stretches and start_s <= stretches[-1].end_s:
            before = stretches.pop()
            start_s, end_s = before.start_s, max(before.end_s, end_s)
        stretches.append(Stretch(start_s=round(start_s, 4), end_s=round(end_s, 4)))
    return tuple(stretches)


def reference_for(store: Store, event: Event) -> Reference | None:
    """Return the last normal sound before an event: its own pre-roll, else that of an earlier event.

    Sound of which another event of the source was going on is not normal.

    Raises:
        StoreError: The store cannot be read.
    """
    earlier = store.events(EVENTS_ASKED + 1, before=event.n + 1, source_id=event.source_id)
    for asked, before in zip(earlier, [*earlier[1:], None], strict=True):
        found = _pre_roll(store, asked, before)
        if found is not None:
            return found
    return None


def _pre_roll(store: Store, event: Event, before: Event | None) -> Reference | None:
    clip = next((clip for clip in store.clips(event.event_id) if clip.gone is None), None)
    if clip is None or (before is not None and before.end_utc_s is None):
        return None
    start_s = 0.0 if before is None else max(0.0, (before.end_utc_s or 0.0) - clip.start_utc_s)
    end_s = min(event.start_utc_s - clip.start_utc_s, clip.duration_s)
    if end_s - start_s < LEAST_NORMAL_S:
        return None
    return Reference(clip.clip_id, event.event_id, round(start_s, 4), round(end_s, 4))
