"""Which stretch of an event's sound was flagged, and which was normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.store import Event, Store, StoredClip, StoredWindow

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


def flagged_in_clip(event: Event, clip: StoredClip, windows: Sequence[StoredWindow]) -> tuple[float, float]:
    """Return from where to where a clip was flagged, seconds from its start; (0, 0) if nowhere.

    From the event's first window at the limit to the last one that is known of: the event itself ends only
    when its alarm has cleared, which is later.
    """
    ends = [window.start_utc_s + (window.end_s - window.start_s) for window in windows]
    if event.explanation is not None:
        ends.append(event.explanation.end_utc_s)
    if not ends:
        ends.append(clip.start_utc_s + clip.duration_s if event.end_utc_s is None else event.end_utc_s)
    start_s = min(max(event.start_utc_s - clip.start_utc_s, 0.0), clip.duration_s)
    end_s = min(max(ends) - clip.start_utc_s, clip.duration_s)
    return (start_s, end_s) if end_s > start_s else (0.0, 0.0)


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
