"""The events of a source that people have labelled, and which of them a bundle has learned from."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from monitor.promotion.agreement import Agreed, agreed
from monitor.promotion.records import LeftOut
from monitor.store import Store
from monitor.store.dispute_labels import dispute_id, dispute_labels
from monitor.store.shadow_clips import StoredDispute

LABELS = "labels.json"
"""In a bundle: from which events it has learned. One without the file has learned from none."""
EVENTS_MAX = 1000
"""Of the labelled events the newest so many are looked at."""
MAX_FILE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of sound of which somebody said something."""

    name: str
    """Id of the event or the dispute."""
    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When it had cleared; infinite while it has not."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch of sound of which people agree what it was."""

    event_id: str
    """The event, or the dispute."""
    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When it had cleared; infinite while it has not."""
    rating: Literal["anomaly", "no_anomaly"]
    """What they agree on."""
    bundle_id: str | None
    """The bundle that raised it; None: not known."""

    @property
    def name(self) -> str:
        """Id of the event or the dispute."""
        return self.event_id


@dataclass(frozen=True, slots=True)
class Listened:
    """All that people have said of a source's events."""

    agreed: tuple[Labelled, ...]
    """Those that count, the newest first."""
    open: tuple[Stretch, ...]
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


@dataclass(slots=True)
class _Heard:
    """What was said so far."""

    counted: list[Labelled] = field(default_factory=list)
    known: list[Labelled] = field(default_factory=list)
    unsettled: list[Stretch] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)

    def take(self, stretch: Stretch, said: Agreed, *, bundle_id: str | None, used: bool) -> None:
        """Take what people agree on of one stretch."""
        left_out = self.left_out
        if said == "withdrawn":
            self.left_out = replace(left_out, withdrawn=left_out.withdrawn + 1)
        elif said == "unsure":
            self.unsettled.append(stretch)
            self.left_out = replace(left_out, unsure=left_out.unsure + 1)
        elif said == "disagreed":
            self.unsettled.append(stretch)
            self.left_out = replace(left_out, disagreed=left_out.disagreed + 1)
        else:
            labelled = Labelled(stretch.name, stretch.start_utc_s, stretch.end_utc_s, said, bundle_id)
            (self.known if used else self.counted).append(labelled)


def listened(
    store: Store, source_id: str, used: Collection[str], disputes: Iterable[StoredDispute] = ()
) -> Listened:
    """Return what was said of a source's newest EVENTS_MAX labelled events; those in `used` are no proof.

    `disputes`: stretches at which the candidate alone alarmed may be labelled, too.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = store.database.rows(
        "SELECT event_id FROM events WHERE source_id = ? "
        "AND EXISTS (SELECT 1 FROM labels WHERE labels.event_id = events.event_id) ORDER BY n DESC LIMIT ?",
        (source_id, EVENTS_MAX),
    )
    heard = _Heard()
    for row in rows:
        event, said = store.event(row["event_id"]), agreed(store.labels(row["event_id"]))
        if event is not None and said is not None:
            end_utc_s = math.inf if event.end_utc_s is None else event.end_utc_s
            stretch = Stretch(event.event_id, event.start_utc_s, end_utc_s)
            heard.take(stretch, said, bundle_id=event.bundle_id, used=event.event_id in used)
    labels = dispute_labels(store.database, source_id)
    for one in disputes:
        said = agreed(labels.get(one.n, ()))
        if said is not None:
            stretch = Stretch(dispute_id(one.n), one.dispute.start_utc_s, one.end_utc_s)
            heard.take(stretch, said, bundle_id=None, used=False)
    return Listened(
        agreed=tuple(heard.counted),
        open=tuple(heard.unsettled),
        known=tuple(heard.known),
        left_out=replace(heard.left_out, used=len(heard.known)),
    )
