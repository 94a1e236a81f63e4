"""Where a candidate and the live bundle disagreed, for whoever listens."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.promotion.agreement import agreed
from monitor.promotion.records import Disagreement
from monitor.store import Store
from monitor.store.dispute_labels import dispute_id, dispute_labels
from monitor.store.shadow_clips import StoredDispute

DISAGREEMENTS_MAX = 100
"""So many are told; who has listened to these asks again."""


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
    found = []
    for one in disputes:
        # where the live one alarmed people label its event; one that is open may have another cause
        event_id = one.dispute.event_id if one.dispute.alarmed == "live" else None
        given = labels.get(one.n, ()) if event_id is None else store.labels(event_id)
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
                clip_id=_clip_id(store, one, event_id),
            )
        )
    return found


def _clip_id(store: Store, dispute: StoredDispute, event_id: str | None) -> str | None:
    if event_id is not None:
        return next((clip.clip_id for clip in store.clips(event_id) if clip.gone is None), None)
    clip = dispute.clip
    return None if clip is None or clip.gone is not None else clip.clip_id
