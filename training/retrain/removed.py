"""Where in recordings lie events that are not learned as normal: called an anomaly, or kept to judge by.

By time (monitor.recording.spans): in what carries none nothing can be found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.recording.given import GivenFile
from monitor.recording.spans import began
from monitor.store import Store

MARGIN_S = 2.0
"""A name tells whole seconds, and a window begins before what raises its score."""


@dataclass(frozen=True, slots=True)
class LabelledStretch:
    """A part of a recording in which an event lies that nothing normal is learned from."""

    file: Path
    """The recording."""
    start_s: float
    """From the beginning of the file."""
    end_s: float
    """The same."""
    event_id: str
    """The event."""
    strangeness: float = 0.0
    """Nobody measured it."""

    @property
    def reason(self) -> str:
        """Why it is set aside."""
        return f"somebody called event {self.event_id} an anomaly, or it is kept apart to judge by"


def stretches_of(
    store: Store, source_id: str, event_ids: Iterable[str], files: Sequence[GivenFile]
) -> list[LabelledStretch]:
    """Return where these events lie in the files, from first to last sound, in the order of files and times.

    Whole, and not by their flagged windows: of a long event only store.maps_per_event of them are kept.

    Raises:
        StoreError: The store cannot be read.
    """
    spans = [span for event_id in event_ids for span in _span(store, source_id, event_id)]
    found = []
    for file in files:
        began_utc_s = began(file.path)
        if began_utc_s is None:
            continue
        for start_utc_s, end_utc_s, event_id in sorted(spans):
            start_s = max(0.0, start_utc_s - began_utc_s - MARGIN_S)
            end_s = min(file.seconds, end_utc_s - began_utc_s + MARGIN_S)
            if start_s < end_s:
                found.append(LabelledStretch(file.path, start_s, end_s, event_id))
    return _joined(found)


def _span(store: Store, source_id: str, event_id: str) -> Iterator[tuple[float, float, str]]:
    """Yield from when to when an event of the source went on; without end where it still does."""
    event = store.event(event_id)
    if event is None or event.source_id != source_id:
        return
    windows = store.windows(event_id)
    starts = [window.start_utc_s for window in windows]
    ends = [window.start_utc_s + window.end_s - window.start_s for window in windows]
    end_utc_s = math.inf if event.end_utc_s is None else event.end_utc_s
    yield min([event.start_utc_s, *starts]), max([end_utc_s, *ends]), event_id


def _joined(stretches: Sequence[LabelledStretch]) -> list[LabelledStretch]:
    """Return the stretches, overlapping ones as one; the first of its events gives the id."""
    joined: list[LabelledStretch] = []
    for one in stretches:
        last = joined[-1] if joined else None
        if last is not None and last.file == one.file and one.start_s <= last.end_s:
            end_s = max(last.end_s, one.end_s)
            joined[-1] = LabelledStretch(last.file, last.start_s, end_s, last.event_id)
        else:
            joined.append(one)
    return joined
