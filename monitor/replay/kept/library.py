"""All that the page shows of the past: events, their sound, their pictures. Read only, thread-safe.

Everything is found by its id in the database; no id ever becomes a path.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import UnknownIdError
from monitor.promotion.agreement import agreed, fault_of
from monitor.replay.kept.cache import KEEP_FREE_BYTES, Cache
from monitor.replay.kept.candidates import Candidate, candidate_of
from monitor.replay.kept.disputes import DisputePage, disputes_page
from monitor.replay.kept.event_query import Counts, EventFilter, Order, counts, cursor_of_event, places
from monitor.replay.kept.export import Judgement, zip_of_labelled
from monitor.replay.kept.flagged import Reference, reference_for
from monitor.replay.kept.frontends import Frontends
from monitor.replay.kept.media import Media
from monitor.replay.kept.normal import Normal, normal_of
from monitor.replay.kept.reading import StoreReader, no_such
from monitor.replay.kept.similar import Likeness, SimilarEvent
from monitor.replay.kept.sounds_like import NamedEvent, SoundsLike, sounds_like
from monitor.replay.kept.suppressed import Suppressed, suppressed_events
from monitor.store import Event, Label, Store, StoredClip, StoredWindow
from monitor.store.dispute_labels import dispute_number, source_of_dispute
from monitor.store.events import labels_of_events


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event as a list shows it."""

    event: Event
    """As it is in the store."""
    label: Label | None
    """The last one; None: not reviewed."""
    cursor: str
    """The events that follow it in the list stand on the page after this."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A stretch of a list of events."""

    events: tuple[ListedEvent, ...]
    """In the order that was asked for."""
    next_cursor: str | None
    """Of the page that follows; None: there is none."""


@dataclass(frozen=True, slots=True)
class WholeEvent:
    """An event and all that belongs to it."""

    event: Event
    """As it is in the store."""
    labels: tuple[Label, ...]
    """Everything that was said of it, oldest first."""
    transitions: tuple[dict[str, object], ...]
    """Its changes as they were sent, oldest first."""
    clips: tuple[StoredClip, ...]
    """In the order in which they were recorded, those whose file is gone too."""
    windows: tuple[StoredWindow, ...]
    """In the order of their sound, those whose file is gone too."""
    cursor: str
    """The unreviewed events that are older stand behind this, in the order `unreviewed_first`."""


@dataclass(frozen=True, slots=True)
class SimilarListed:
    """An earlier event that looked like another."""

    event: Event
    """As it is in the store."""
    label: Label | None
    """The last one; None: not reviewed."""
    similarity: float
    """0: nothing in common, 1: the same bands raised in the same way."""


@dataclass(frozen=True, slots=True)
class Resembling:
    """What an event resembles."""

    events: tuple[SimilarListed, ...]
    """Earlier events of the same source, the most alike first."""
    fault: SoundsLike | None
    """Which fault it sounds like; None: too little speaks for any."""


class Library:
    """What one state directory holds."""

    def __init__(
        self,
        state_dir: Path,
        cache_dir: Path,
        cache_bytes: int,
        *,
        bundles: Iterable[Path] = (),
        keep_free_bytes: int = KEEP_FREE_BYTES,
    ) -> None:
        """`bundles`: folders of the configured bundles; they say which frequencies a picture shows.

        `keep_free_bytes`: with less free the cache gives room back, see `make_room`.
        """
        self._reader = StoreReader(state_dir)
        self._likeness = Likeness(self._reader)
        self._cache = Cache(cache_dir, cache_bytes, keep_free_bytes=keep_free_bytes)
        self._frontends = Frontends(bundles)
        self.media = Media(self._reader, self._cache, self._frontends)
        """Pictures and sound."""

    def make_room(self) -> None:
        """Give up pictures while the disk is short: they are the first to go."""
        self._cache.make_room()

    def know_bundles(self, bundles: Iterable[Path]) -> None:
        """Take it that the configured bundles lie in these folders now."""
        self._frontends.look_in(bundles)

    def close(self) -> None:
        """Let go of the store."""
        self._reader.close()

    @property
    def _store(self) -> Store:
        return self._reader.store

    def normal(self, source_id: str) -> Normal:
        """Return the days of a source's normal sound, and the limit that is proposed to it.

        Raises:
            StoreError: The store cannot be read.
        """
        return normal_of(self._store, source_id)

    # events ---------------------------------------------------------------------------------------

    def events(
        self,
        wanted: EventFilter | None = None,
        order: Order = Order.UNREVIEWED_FIRST,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> EventPage:
        """Return a page of the events that fit.

        Raises:
            QueryError: The cursor or the limit makes no sense.
            StoreError: The store cannot be read.
        """
        store = self._store
        found = places(store.database, wanted or EventFilter(), order, cursor=cursor, limit=limit)
        listed = [
            ListedEvent(event, place.label, place.cursor)
            for place in found
            if (event := store.event(place.event_id)) is not None
        ]
        return EventPage(tuple(listed), found[-1].cursor if len(found) == limit else None)

    def counts(self, wanted: EventFilter | None = None) -> Counts:
        """Return how many events fit.

        Raises:
            StoreError: The store cannot be read.
        """
        return counts(self._store.database, wanted or EventFilter())

    def source_ids(self) -> list[str]:
        """Return every source that has had an event.

        Raises:
            StoreError: The store cannot be read.
        """
        rows = self._store.database.rows("SELECT DISTINCT source_id FROM events ORDER BY source_id")
        return [row["source_id"] for row in rows]

    def event(self, event_id: str) -> WholeEvent:
        """Return an event with all that belongs to it.

        Raises:
            UnknownIdError: There is none of this id.
            StoreError: The store cannot be read.
        """
        store = self._store
        event = store.event(event_id)
        if event is None:
            raise UnknownIdError(no_such("event", event_id))
        return WholeEvent(
            event=event,
            labels=tuple(store.labels(event_id)),
            transitions=tuple(dict(change) for change in store.transitions(event_id)),
            clips=tuple(store.clips(event_id)),
            windows=tuple(store.windows(event_id)),
            cursor=cursor_of_event(store.database, event_id),
        )

    def reference(self, event: Event) -> Reference | None:
        """Return the last normal sound of the event's source before it; None: none was kept.

        Raises:
            StoreError: The store cannot be read.
        """
        return reference_for(self._store, event)

    def candidate(self, source_id: str) -> Candidate | None:
        """Return what is known of a source's versions; None: it has none.

        Raises:
            StoreError: The store cannot be read.
        """
        return candidate_of(self._store, source_id)

    def disagreed(self, event_ids: Iterable[str]) -> frozenset[str]:
        """Return those of these events of which people do not agree what they were.

        Raises:
            StoreError: The store cannot be read.
        """
        said = labels_of_events(self._store.database, event_ids)
        return frozenset(name for name, labels in said.items() if agreed(labels) == "disagreed")

    def suppressed(self) -> Mapping[str, Suppressed]:
        """Return why the alarm of an open event is suppressed, of each event whose alarm is, by its id.

        Raises:
            StoreError: The store cannot be read.
        """
        return suppressed_events(self._store)

    def disputes(
        self, source_id: str, *, candidate: str | None, before: int | None, limit: int
    ) -> DisputePage:
        """Return a page of where a source's candidates and live bundles disagreed, as disputes_page.

        Raises:
            StoreError: The store cannot be read.
        """
        return disputes_page(self._store, source_id, candidate=candidate, before=before, limit=limit)

    def source_of(self, event_id: str) -> str:
        """Return whose event it is, or whose dispute between a candidate and the live bundle.

        Raises:
            UnknownIdError: There is none of this id.
            StoreError: The store cannot be read.
        """
        number, store = dispute_number(event_id), self._store
        if number is not None:
            found = source_of_dispute(store.database, number)
        else:
            event = store.event(event_id)
            found = None if event is None else event.source_id
        if found is None:
            raise UnknownIdError(no_such("event", event_id))
        return found

    def similar(self, event_id: str, limit: int) -> Resembling:
        """Return what the event resembles: earlier events of the same source, by their error maps.

        Raises:
            UnknownIdError: There is no event of this id.
            StoreError: The store cannot be read.
        """
        store = self._store
        event = store.event(event_id)
        if event is None:
            raise UnknownIdError(no_such("event", event_id))
        found = self._likeness.similar(event)
        listed = tuple(
            SimilarListed(other, store.label(other.event_id), one.similarity)
            for one in found[:limit]
            if (other := store.event(one.event_id)) is not None
        )
        return Resembling(listed, sounds_like(self._named(found)))

    def _named(self, found: Sequence[SimilarEvent]) -> Iterator[NamedEvent]:
        """Yield those of which people agree which fault they were."""
        for one in found:
            fault = fault_of(self._store.labels(one.event_id))
            event = None if fault is None else self._store.event(one.event_id)
            if fault is not None and event is not None:
                yield NamedEvent(one.event_id, fault, event.start_utc_s, one.similarity)

    def export(self, wanted: EventFilter, ratings: Collection[Judgement]) -> Generator[bytes, None, None]:
        """Yield a zip of the labelled clips that fit, as `wheeltapper train` and `evaluate` read them.

        Raises:
            StoreError: The store cannot be read.
        """
        return zip_of_labelled(self._reader, wanted, ratings)


def last_label(labels: Sequence[Label]) -> Label | None:
    """Return the label that counts, of all that an event was given; None: none was, or it was withdrawn."""
    return labels[-1] if labels and labels[-1].rating != "none" else None
