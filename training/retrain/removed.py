"""Where in recordings lie events that are not learned as normal: called an anomaly, or kept to judge by.

By time: `wheeltapper record` names a file by when it began. What was recorded otherwise carries no time, and
nothing of it can be found in it.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from monitor.recording.given import GivenFile
from monitor.recording.material import ODD, ODD_INDEX, SHORTEST_S
from monitor.store import Store

STARTED = re.compile(r"-(\d{8}T\d{6})Z(?:-\d+)?$")
PART = re.compile(r"^\d{5}(?:-(\d{2}))?-(?=.*\d{8}T\d{6}Z)")
"""Before a recording's name in a folder of material, with the number of the part where it was cut."""
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


def began(path: Path) -> float | None:
    """Return the UTC at which a recording or a part of one begins, by its name; None: nobody knows."""
    named = STARTED.search(path.stem)
    if named is None:
        return None
    start = datetime.strptime(named.group(1), "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    part = PART.match(path.stem)
    if part is None or part.group(1) is None:
        return start.timestamp()
    offset_s = _offset(path.parent / ODD / ODD_INDEX, path.stem[part.end() :], int(part.group(1)))
    return None if offset_s is None else start.timestamp() + offset_s


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


def _offset(index: Path, stem: str, number: int) -> float | None:
    """Return where part `number` of a recording begins in it: the parts lie between what was set aside."""
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if Path(row["of"]).stem == stem]
        odd = [(float(row["start_s"]), float(row["end_s"])) for row in rows]
    except (OSError, KeyError, ValueError):
        return None
    starts, at_s = [], 0.0
    for start_s, end_s in odd:
        if start_s - at_s >= SHORTEST_S:
            starts.append(at_s)
        at_s = max(at_s, end_s)
    starts.append(at_s)
    return starts[number] if number < len(starts) else None


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
