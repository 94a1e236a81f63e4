"""The events of a source that people have labelled, and which of them a bundle has learned from."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from monitor.promotion.agreement import agreed
from monitor.promotion.records import LeftOut
from monitor.store import Event, Store

LABELS = "labels.json"
"""In a bundle: from which events it has learned. One without the file has learned from none."""
EVENTS_MAX = 1000
"""Of the labelled events the newest so many are looked at."""
MAX_FILE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch of sound of which people agree what it was."""

    event_id: str
    """The event."""
    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When it had cleared; infinite while it has not."""
    rating: Literal["anomaly", "no_anomaly"]
    """What they agree on."""
    bundle_id: str | None
    """The bundle that raised it; None: not known."""


@dataclass(frozen=True, slots=True)
class Listened:
    """All that people have said of a source's events."""

    agreed: tuple[Labelled, ...]
    """Those that count, the newest first."""
    open: tuple[Event, ...]
    """Those of which people do not agree or do not know."""
    known: tuple[Labelled, ...]
    """Those that people agree on, and from which one of the bundles has learned: no proof, yet true."""
    left_out: LeftOut
    """How many do not count, and why."""


def learned_from(folder: Path) -> frozenset[str]:
    """Return the ids of the events from which a bundle has learned.

    Raises:
        ValueError: The file is there, and is not what this software reads.
        OSError: It cannot be read.
    """
    try:
        with (folder / LABELS).open("rb") as file:
            tree = json.loads(file.read(MAX_FILE_BYTES))
    except FileNotFoundError:
        return frozenset()
    if not isinstance(tree, dict) or tree.get("schema") != 1 or not isinstance(tree.get("used"), list):
        raise ValueError(f"{folder / LABELS}: is not a list of labels with schema 1")
    return frozenset(str(one) for one in tree["used"])


def listened(store: Store, source_id: str, used: Collection[str]) -> Listened:
    """Return what was said of a source's newest EVENTS_MAX labelled events; those in `used` are no proof.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = store.database.rows(
        "SELECT event_id FROM events WHERE source_id = ? "
        "AND EXISTS (SELECT 1 FROM labels WHERE labels.event_id = events.event_id) ORDER BY n DESC LIMIT ?",
        (source_id, EVENTS_MAX),
    )
    counted: list[Labelled] = []
    known: list[Labelled] = []
    unsettled: list[Event] = []
    left_out = LeftOut()
    for row in rows:
        event, said = store.event(row["event_id"]), agreed(store.labels(row["event_id"]))
        if event is None or said is None:
            continue
        if said == "withdrawn":
            left_out = replace(left_out, withdrawn=left_out.withdrawn + 1)
        elif said == "unsure":
            unsettled.append(event)
            left_out = replace(left_out, unsure=left_out.unsure + 1)
        elif said == "disagreed":
            unsettled.append(event)
            left_out = replace(left_out, disagreed=left_out.disagreed + 1)
        else:
            (known if event.event_id in used else counted).append(_labelled(event, said))
    left_out = replace(left_out, used=len(known))
    return Listened(tuple(counted), tuple(unsettled), tuple(known), left_out)


def _labelled(event: Event, rating: Literal["anomaly", "no_anomaly"]) -> Labelled:
    end_utc_s = math.inf if event.end_utc_s is None else event.end_utc_s
    return Labelled(event.event_id, event.start_utc_s, end_utc_s, rating, event.bundle_id)
