"""What was recorded while the live bundle was in alarm: set aside and heard, unless it is much of it all.

A bundle that is not the machine's own may be in alarm all the time, and its alarms then tell nothing; so no
recording is refused for them, and where they are many a person is asked about the machine, not about each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import StoreError
from monitor.learning.documents import ALARM, Advice, FoundStretch
from monitor.promotion.agreement import agreed
from monitor.recording.given import GivenFile
from monitor.recording.spans import began
from monitor.store import Store, open_store

MOST = 0.2
"""Alarms in more of the time say more of the bundle than of the sound."""
MARGIN_S = 2.0
"""A name tells whole seconds, and a window begins before what raises its score."""
EVENTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class AlarmSound:
    """What was recorded during alarms."""

    stretches: tuple[FoundStretch, ...] = ()
    """In the order of files and times; none where they are too many to be told one by one."""
    advice: tuple[Advice, ...] = ()
    """That they are."""


NO_ALARMS = AlarmSound()


def alarms_in(files: Sequence[GivenFile], state_dir: Path, source_id: str) -> AlarmSound:
    """Return what of these files was recorded during events of a source that nobody called normal.

    Files without a time in their names are passed over, and so is a store that is not there.
    """
    known = [(file, start) for file in files if (start := began(file.path)) is not None]
    try:
        with closing(open_store(state_dir, read_only=True)) as store:
            events = list(
                _events(store, source_id, since_utc_s=min((at for _, at in known), default=math.inf))
            )
    except StoreError:
        return NO_ALARMS
    found = [one for file, start in known for one in _within(file, start, events)]
    share = sum(one.end_s - one.start_s for one in found) / max(sum(file.seconds for file in files), 1e-9)
    if share <= MOST:
        return AlarmSound(tuple(found))
    text = (
        f"the live bundle was in alarm for {share:.0%} of the recording, so that its alarms tell nothing of "
        "single stretches: go to the machine, and learn only if it runs as it should"
    )
    return AlarmSound(advice=(Advice(code=ALARM, text=text),))


def _events(store: Store, source_id: str, *, since_utc_s: float) -> Iterator[tuple[float, float, str]]:
    """Yield from when to when each event went on that people did not call normal, oldest first."""
    rows = store.database.rows(
        "SELECT event_id FROM events WHERE source_id = ? AND (end_utc_s IS NULL OR end_utc_s > ?) "
        "ORDER BY start_utc_s DESC LIMIT ?",
        (source_id, since_utc_s, EVENTS_MAX),
    )
    for row in reversed(list(rows)):
        event = store.event(row["event_id"])
        if event is not None and agreed(store.labels(event.event_id)) != "no_anomaly":
            end_utc_s = math.inf if event.end_utc_s is None else event.end_utc_s
            yield event.start_utc_s, end_utc_s, event.event_id


def _within(
    file: GivenFile, began_utc_s: float, events: Iterable[tuple[float, float, str]]
) -> Iterator[FoundStretch]:
    """Yield the parts of a file that lie in events, overlapping ones as one."""
    at_s = 0.0
    for start_utc_s, end_utc_s, event_id in events:
        start_s = max(at_s, start_utc_s - began_utc_s - MARGIN_S)
        end_s = min(file.seconds, end_utc_s - began_utc_s + MARGIN_S)
        if start_s < end_s:
            at_s = end_s
            yield FoundStretch(
                id=f"{file.path.name}@{start_s:.2f}!",
                file=str(file.path),
                start_s=start_s,
                end_s=end_s,
                strangeness=0.0,
                apart_db=0.0,
                low_hz=0.0,
                high_hz=0.0,
                event=event_id,
            )
