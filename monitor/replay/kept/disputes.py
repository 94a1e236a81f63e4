"""Where live bundles and candidates of a source disagreed, a page at a time, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.promotion.disagreements import disagreements_at
from monitor.promotion.records import Disagreement
from monitor.store import Store
from monitor.store.shadow_clips import StoredDispute, count_disputes, disputes_of


@dataclass(frozen=True, slots=True)
class ListedDispute:
    """One of a page."""

    stored: StoredDispute
    """As it is kept, with its number: the page that follows begins below the last one's."""
    told: Disagreement
    """What is known of it by now."""


@dataclass(frozen=True, slots=True)
class DisputePage:
    """A page of the disputes that are kept."""

    disputes: tuple[ListedDispute, ...]
    """The newest first."""
    has_more: bool
    """Whether a page follows."""
    total: int
    """That fit, on all pages."""


def disputes_page(
    store: Store, source_id: str, *, candidate: str | None, before: int | None, limit: int
) -> DisputePage:
    """Return a page; `candidate` None: of all versions that were asked; `before` None: the first page.

    Raises:
        StoreError: The store cannot be read.
    """
    found = disputes_of(store.database, source_id, candidate=candidate, before=before, limit=limit + 1)
    page = found[:limit]
    told = disagreements_at(store, source_id, page)
    return DisputePage(
        tuple(ListedDispute(stored, one) for stored, one in zip(page, told, strict=True)),
        has_more=len(found) > limit,
        total=count_disputes(store.database, source_id, candidate=candidate),
    )
