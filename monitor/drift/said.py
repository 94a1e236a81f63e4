"""When a source was in alarm lately, and what people agree that it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.promotion.agreement import Agreed, agreed
from monitor.store import Store
from monitor.store.dispute_labels import dispute_id, dispute_labels
from monitor.store.drift import events_since
from monitor.store.shadow_clips import disputes_of
from monitor.worded import Worded, worded

PERHAPS_FAULTS = frozenset({"anomaly", "disagreed"})
"""No limit is made from these: where one says anomaly and another says none, nobody knows."""


@dataclass(frozen=True, slots=True)
class EventLabel:
    """When a source was in alarm, and what people agree that it was."""

    event_id: str
    """Which event."""
    start_utc_s: float
    """When it began."""
    end_utc_s: float | None
    """When its sound was back to normal; None: it is not."""
    rating: Agreed | None
    """What everybody's last word comes to; None: nobody has said anything that they did not take back."""

    @property
    def may_be_fault(self) -> bool:
        """Whether somebody calls it an anomaly, and has not taken that back."""
        return self.rating in PERHAPS_FAULTS

    @property
    def told(self) -> Worded:
        """What stands against a limit made from it, in words."""
        if self.rating == "disagreed":
            return worded(
                "people-disagree",
                "of event {event} one person says anomaly and another says none: settle it first",
                event=self.event_id,
            )
        return worded("labelled-anomaly", "event {event} was labelled an anomaly", event=self.event_id)


def labelled_since(store: Store, source_id: str, since_utc_s: float) -> list[EventLabel]:
    """Return the events of a source that were not over before `since_utc_s`, oldest first.

    With them stretches at which a candidate alone alarmed, where somebody calls them an anomaly: to the live
    bundle that was normal sound.

    Raises:
        StoreError: The store cannot be asked.
    """
    found = []
    for event_id, start_utc_s, end_utc_s in events_since(store.database, source_id, since_utc_s):
        said = agreed(store.labels(event_id))
        rating = None if said == "withdrawn" else said
        found.append(EventLabel(event_id, start_utc_s, end_utc_s, rating))
    return sorted([*found, *_disputed_since(store, source_id, since_utc_s)], key=lambda one: one.start_utc_s)


def _disputed_since(store: Store, source_id: str, since_utc_s: float) -> Iterator[EventLabel]:
    said = dispute_labels(store.database, source_id)
    for one in disputes_of(store.database, source_id) if said else []:
        label = EventLabel(
            dispute_id(one.n), one.dispute.start_utc_s, one.end_utc_s, agreed(said.get(one.n, []))
        )
        if label.may_be_fault and one.end_utc_s >= since_utc_s:
            yield label
