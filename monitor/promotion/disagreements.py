"""Where a candidate and the live bundle disagreed, for whoever listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.promotion.agreement import agreed
from monitor.promotion.records import Disagreement
from monitor.store import Store
from monitor.store.clip_files import first_clips_of_events
from monitor.store.dispute_labels import dispute_id, dispute_labels
from monitor.store.events import labels_of_events
from monitor.store.records import Label
from monitor.store.shadow_clips import StoredDispute

DISAGREEMENTS_MAX = 100
"""So many are told; who has listened to these asks again."""
AT_ONCE = 500
"""Events that the store is asked of in one query."""


def disagreements(
    store: Store, source_id: str, disputes: Sequence[StoredDispute]
) -> tuple[Disagreement, ...]:
    """Return where to listen: what nobody has labelled first, then the newest, DISAGREEMENTS_MAX at most.

    Raises:
        StoreError: The store cannot be read.
    """
    found = disagreements_at(store, source_id, disputes)
    found.sort(key=lambda one: (one.rating is not None, -one.start_utc_s))
    return tuple(found[:DISAGREEMENTS_MAX])


def disagreements_at(store: Store, source_id: str, disputes: Sequence[StoredDispute]) -> list[Disagreement]:
    """Return what is known of each of these disputes of a source, in their order. Raises as above."""
    labels = dispute_labels(store.database, source_id)
    of_events = _known_of_events(store, disputes)
    found = []
    for one in disputes:
        event_id = _event_of(one)
        given = labels.get(one.n, ()) if event_id is None else of_events.labels.get(event_id, ())
        found.append(
            Disagreement(
                dispute_id=dispute_id(one.n),
                start_utc_s=one.dispute.start_utc_s,
                end_utc_s=one.end_utc_s,
                alarmed=one.dispute.alarmed,
                live_peak=one.dispute.live_peak,
                candidate_peak=one.dispute.candidate_peak,
                rating=agreed(given),
                event_id=event_id,
                clip_id=_clip_of(one) if event_id is None else of_events.clips.get(event_id),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _OfEvents:
    """What is known of the events of disputes, by their ids."""

    labels: dict[str, list[Label]] = field(default_factory=dict)
    """All that was said of them."""
    clips: dict[str, str] = field(default_factory=dict)
    """The first clip that is there."""


def _known_of_events(store: Store, disputes: Sequence[StoredDispute]) -> _OfEvents:
    known = _OfEvents()
    event_ids = sorted({name for one in disputes if (name := _event_of(one)) is not None})
    for first in range(0, len(event_ids), AT_ONCE):
        asked = event_ids[first : first + AT_ONCE]
        known.labels.update(labels_of_events(store.database, asked))
        known.clips.update(first_clips_of_events(store.database, asked))
    return known


def _event_of(stored: StoredDispute) -> str | None:
    """Return where the live one alarmed the event that people label; one that is open may be of another."""
    return stored.dispute.event_id if stored.dispute.alarmed == "live" else None


def _clip_of(stored: StoredDispute) -> str | None:
    clip = stored.clip
    return None if clip is None or clip.gone is not None else clip.clip_id
