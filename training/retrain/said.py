"""What people said of events, and what follows of it: one rating and one kind, or a disagreement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from monitor.promotion.agreement import agreed, fault_codes
from monitor.store import Label, Store

UNNAMED = ""
"""Kind of an anomaly for which nobody gave a fault code, or several gave different ones."""
_LABELLED = (
    "SELECT event_id, start_utc_s, end_utc_s FROM events WHERE source_id = ? "
    "AND EXISTS (SELECT 1 FROM labels WHERE labels.event_id = events.event_id) ORDER BY n"
)


@dataclass(frozen=True, slots=True)
class SaidEvent:
    """An event of which everybody who spoke of it says the same."""

    event_id: str
    """The event."""
    rating: Literal["anomaly", "no_anomaly"]
    """What it was."""
    kind: str = UNNAMED
    """Fault code of an anomaly, as it was written first; UNNAMED where there is none."""
    start_utc_s: float = 0.0
    """When it began; 0.0, where labels stand alone."""
    end_utc_s: float = 0.0
    """When it had cleared; infinite while it has not."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An event of which people say different things."""

    event_id: str
    """The event."""
    said: tuple[Label, ...]
    """The last word of each, in the order in which they spoke."""


@dataclass(frozen=True, slots=True)
class Said:
    """All that was said of a source's events."""

    events: tuple[SaidEvent, ...]
    """Those that count, oldest first."""
    disagreed: tuple[Disagreement, ...]
    """Those of which one says anomaly and another says none; they are left out."""
    kind_disagreed: tuple[Disagreement, ...]
    """Anomalies with different fault codes; they count, as anomalies of no kind."""
    unsure: int
    """Events of which nobody who spoke knows what they were."""
    withdrawn: int
    """Events of which everybody took back what was said."""

    def of(self, rating: str) -> tuple[SaidEvent, ...]:
        """Return the events of a rating, oldest first."""
        return tuple(event for event in self.events if event.rating == rating)


def said_of_source(store: Store, source_id: str) -> Said:
    """Return what people said of the source's events.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = store.database.rows(_LABELLED, (source_id,))
    said = said_of_labels([(row["event_id"], store.labels(row["event_id"])) for row in rows])
    ends = {row["event_id"]: math.inf if row["end_utc_s"] is None else row["end_utc_s"] for row in rows}
    starts = {row["event_id"]: row["start_utc_s"] for row in rows}
    dated = [
        replace(one, start_utc_s=starts[one.event_id], end_utc_s=ends[one.event_id]) for one in said.events
    ]
    return replace(said, events=tuple(dated))


def said_of_labels(labels: Sequence[tuple[str, Sequence[Label]]]) -> Said:
    """Return what follows of the labels of events, each with all that was said of it, oldest first.

    Of each person the last word counts. One contradiction that stands leaves an event out, however many
    agree: labels are few, a wrong one costs more than one less, and whoever is outvoted may be the one who
    went and looked (decision 0023).
    """
    events: list[SaidEvent] = []
    disagreed: list[Disagreement] = []
    kinds: list[Disagreement] = []
    unsure = withdrawn = 0
    for event_id, said in labels:
        last = last_words(said)
        rating = agreed(said)
        if rating == "disagreed":
            disagreed.append(Disagreement(event_id, last))
        elif rating == "anomaly":
            codes = fault_codes(said)
            events.append(SaidEvent(event_id, "anomaly", codes[0] if len(codes) == 1 else UNNAMED))
            if len(codes) > 1:
                kinds.append(Disagreement(event_id, last))
        elif rating == "no_anomaly":
            events.append(SaidEvent(event_id, "no_anomaly"))
        else:
            unsure += rating == "unsure"
            withdrawn += rating == "withdrawn"
    return Said(tuple(events), tuple(disagreed), tuple(kinds), unsure, withdrawn)


def last_words(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Return the last label of each person who has not taken it back, in the order in which they spoke."""
    last = {label.who: label for label in labels}
    standing = [label for label in last.values() if label.rating != "none"]
    return tuple(sorted(standing, key=lambda label: label.at_utc_s))
