"""The events of a source that people have labelled, and which of them prove nothing of a bundle."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from monitor.promotion.agreement import agreed, fault_of
from monitor.promotion.faults import faults
from monitor.promotion.learned import Spans
from monitor.promotion.records import LeftOut
from monitor.store import Event, Label, Store
from monitor.store.dispute_labels import dispute_id, dispute_labels
from monitor.store.shadow_clips import StoredDispute

EVENTS_MAX = 1000
"""Of the labelled events the newest so many are looked at."""


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
    kind: str = ""
    """Of an anomaly the fault code that people gave, in lower case; empty: none, or not one alone."""

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


@dataclass(slots=True)
class _Heard:
    """What was said so far."""

    counted: list[Labelled] = field(default_factory=list)
    known: list[Labelled] = field(default_factory=list)
    unsettled: list[Stretch] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)

    def take(self, stretch: Stretch, labels: Sequence[Label], *, bundle_id: str | None, used: bool) -> None:
        """Take what people agree on of one stretch, if anybody said anything."""
        left_out, said = self.left_out, agreed(labels)
        if said is None:
            return
        if said == "withdrawn":
            self.left_out = replace(left_out, withdrawn=left_out.withdrawn + 1)
        elif said == "unsure":
            self.unsettled.append(stretch)
            self.left_out = replace(left_out, unsure=left_out.unsure + 1)
        elif said == "disagreed":
            self.unsettled.append(stretch)
            self.left_out = replace(left_out, disagreed=left_out.disagreed + 1)
        else:
            kind = (fault_of(labels) or "").casefold()
            labelled = Labelled(stretch.name, stretch.start_utc_s, stretch.end_utc_s, said, bundle_id, kind)
            (self.known if used else self.counted).append(labelled)

    def leave_out_known_faults(self) -> None:
        """Take the other events of a fault as known, too, where a bundle has learned from one of them."""
        known = set(self.known)
        anomalies = [one for one in (*self.counted, *self.known) if one.rating == "anomaly"]
        learned = {one for fault in faults(anomalies) if known & set(fault) for one in fault}
        self.known += [one for one in self.counted if one in learned]
        self.counted = [one for one in self.counted if one not in learned]


def listened(
    store: Store,
    source_id: str,
    used: Collection[str],
    disputes: Iterable[StoredDispute] = (),
    *,
    recorded: Spans = (),
) -> Listened:
    """Return what was said of a source's newest EVENTS_MAX labelled events.

    Those in `used` or in `recorded` sound, and the others of the same faults, are no proof. `disputes`:
    stretches at which the candidate alone alarmed may be labelled, too.

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
        event, said = store.event(row["event_id"]), store.labels(row["event_id"])
        if event is not None:
            stretch = Stretch(event.event_id, event.start_utc_s, _end_of(event))
            is_used = stretch.name in used or _lies_in(stretch, recorded)
            heard.take(stretch, said, bundle_id=event.bundle_id, used=is_used)
    labels = dispute_labels(store.database, source_id)
    for one in disputes:
        stretch = Stretch(dispute_id(one.n), one.dispute.start_utc_s, one.end_utc_s)
        heard.take(stretch, labels.get(one.n, ()), bundle_id=None, used=False)
    heard.leave_out_known_faults()
    return Listened(
        agreed=tuple(heard.counted),
        open=tuple(heard.unsettled),
        known=tuple(heard.known),
        left_out=replace(heard.left_out, used=len(heard.known)),
    )


def unlabelled_events(
    store: Store, source_id: str, bundle_id: str, *, since_utc_s: float, until_utc_s: float
) -> list[Stretch]:
    """Return the events that a bundle raised in this time and nobody labelled, the newest EVENTS_MAX at most.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = store.database.rows(
        "SELECT event_id FROM events WHERE source_id = ? AND bundle_id = ? AND start_utc_s BETWEEN ? AND ? "
        "ORDER BY n DESC LIMIT ?",
        (source_id, bundle_id, since_utc_s, until_utc_s, EVENTS_MAX),
    )
    events = [store.event(row["event_id"]) for row in rows]
    return [
        Stretch(event.event_id, event.start_utc_s, _end_of(event))
        for event in events
        if event is not None and agreed(store.labels(event.event_id)) in {None, "withdrawn"}
    ]


def _lies_in(stretch: Stretch, spans: Spans) -> bool:
    """Whether any of a stretch was recorded to be learned as normal, be it normal or not."""
    return any(start < stretch.end_utc_s and stretch.start_utc_s < end for start, end in spans)


def _end_of(event: Event) -> float:
    return math.inf if event.end_utc_s is None else event.end_utc_s
