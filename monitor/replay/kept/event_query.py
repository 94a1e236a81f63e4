"""Which events are listed, in which order, page by page: filters and cursors as SQL with bound values."""

from __future__ import annotations

import enum
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.errors import QueryError
from monitor.explanation import SoundKind
from monitor.messages import AlarmState
from monitor.store import Label
from monitor.store.database import Database
from monitor.worded import worded

PAGE_MAX = 200
"""Events of one page at most."""
CURSOR = r"^[nur]\.[0-9]{1,18}$"
# the last label stands beside its event, unless it withdrew the one before: without one it is not reviewed
_FROM = (
    "FROM events LEFT JOIN labels ON labels.n = "
    "(SELECT MAX(given.n) FROM labels AS given WHERE given.event_id = events.event_id) "
    "AND labels.rating <> 'none'"
)
_COLUMNS = (
    "events.n AS event_n, events.event_id, labels.n AS label_n, labels.rating, labels.who, "
    "labels.at_utc_s, labels.fault_code, labels.note"
)
_KIND = (
    "CASE WHEN json_valid(events.explanation) "
    "THEN json_extract(events.explanation, '$.findings[0].kind') END = ?"
)


class Labelled(str, enum.Enum):
    """What was said last of an event, as a filter."""

    ANOMALY = "anomaly"
    NO_ANOMALY = "no_anomaly"
    UNSURE = "unsure"
    NONE = "none"
    """Nobody has said anything: not reviewed."""
    ANY = "any"
    """Somebody has said something: reviewed."""


class Order(str, enum.Enum):
    """In which order events are listed."""

    NEWEST = "newest"
    """As they happened, the latest first."""
    UNREVIEWED_FIRST = "unreviewed_first"
    """Those without a label, the latest first; then those with one, the latest first."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are meant; what is None does not narrow."""

    source_id: str | None = None
    """Of this source."""
    state: AlarmState | None = None
    """Whose alarm is in this state."""
    labelled: Labelled | None = None
    """Of which this was said last."""
    fault_code: str | None = None
    """Whose last label names this fault."""
    kind: SoundKind | None = None
    """Whose most telling finding is of this kind."""
    from_utc_s: float | None = None
    """That began then or later."""
    to_utc_s: float | None = None
    """That began before then."""


@dataclass(frozen=True, slots=True)
class Place:
    """An event's place in a list, and the label that counts."""

    n: int
    """The event's number in the store."""
    event_id: str
    """The event."""
    label: Label | None
    """The last one; None: not reviewed."""
    cursor: str
    """Ask for the page after this to get the events that follow it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events fit a filter."""

    total: int
    """All of them."""
    unreviewed: int
    """Those of which nobody has said anything."""


class _Segment(enum.Enum):
    """A part of a list within which events stand newest first; the value begins its cursors."""

    ALL = "n"
    UNREVIEWED = "u"
    REVIEWED = "r"


_SEGMENTS = {
    Order.NEWEST: (_Segment.ALL,),
    Order.UNREVIEWED_FIRST: (_Segment.UNREVIEWED, _Segment.REVIEWED),
}
_CONDITIONS = {
    _Segment.ALL: "TRUE",
    _Segment.UNREVIEWED: "labels.n IS NULL",
    _Segment.REVIEWED: "labels.n IS NOT NULL",
}


def places(
    database: Database, wanted: EventFilter, order: Order, *, cursor: str | None, limit: int
) -> list[Place]:
    """Return up to `limit` events that follow `cursor` (None: from the first on).

    An event that is labelled between two pages moves to the reviewed part: it may come twice, and none that
    stays where it is is left out.

    Raises:
        QueryError: The cursor is none of ours, or of another order; or the limit is out of range.
        StoreError: The database refuses.
    """
    if not 1 <= limit <= PAGE_MAX:
        raise QueryError(
            worded("page-too-long", "limit {limit} is not within 1 to {most}", limit=limit, most=PAGE_MAX)
        )
    segments = _SEGMENTS[order]
    first, below = _read_cursor(cursor, segments, order)
    found: list[Place] = []
    for segment in segments[segments.index(first) :]:
        found += _places_of_segment(database, wanted, segment, below, limit - len(found))
        below = 2**62
        if len(found) >= limit:
            break
    return found


def counts(database: Database, wanted: EventFilter) -> Counts:
    """Return how many events fit, and how many of them nobody has reviewed."""
    condition, values = _condition(wanted)
    query = f"SELECT COUNT(*), COUNT(*) - COUNT(labels.n) {_FROM} WHERE {condition}"
    (row,) = database.rows(query, values)
    return Counts(total=row[0], unreviewed=row[1])


def cursor_of_event(database: Database, event_id: str) -> str:
    """Return the cursor behind which the events older than this one follow, as long as none is reviewed."""
    rows = database.rows("SELECT n FROM events WHERE event_id = ?", (event_id,))
    return f"{_Segment.UNREVIEWED.value}.{rows[0][0] if rows else 0}"


def _read_cursor(cursor: str | None, segments: Sequence[_Segment], order: Order) -> tuple[_Segment, int]:
    if cursor is None:
        return segments[0], 2**62
    if re.match(CURSOR, cursor) is None:
        raise QueryError(
            worded(
                "no-such-page",
                "cursor {cursor} is none of this list; take it from the page before",
                cursor=repr(cursor[:40]),
            )
        )
    letter, _, number = cursor.partition(".")
    segment = _Segment(letter)
    if segment not in segments:
        raise QueryError(
            worded(
                "page-of-another-order",
                "cursor {cursor} is of another order than {order}; begin with the first page",
                cursor=repr(cursor),
                order=order.value,
            )
        )
    return segment, int(number)


def _places_of_segment(
    database: Database, wanted: EventFilter, segment: _Segment, below: int, limit: int
) -> list[Place]:
    condition, values = _condition(wanted)
    query = (
        f"SELECT {_COLUMNS} {_FROM} WHERE events.n < ? AND {_CONDITIONS[segment]} AND {condition} "
        "ORDER BY events.n DESC LIMIT ?"
    )
    return [_place(row, segment) for row in database.rows(query, (below, *values, limit))]


def _condition(wanted: EventFilter) -> tuple[str, tuple[object, ...]]:
    """Return what an event must fulfil, as SQL, and the values to bind."""
    parts: list[tuple[str, tuple[object, ...]]] = []
    if wanted.labelled is Labelled.NONE:
        parts.append((_CONDITIONS[_Segment.UNREVIEWED], ()))
    elif wanted.labelled is Labelled.ANY:
        parts.append((_CONDITIONS[_Segment.REVIEWED], ()))
    elif wanted.labelled is not None:
        parts.append(("labels.rating = ?", (wanted.labelled.value,)))
    compared = (
        ("events.source_id = ?", wanted.source_id),
        ("events.state = ?", None if wanted.state is None else wanted.state.value),
        ("labels.fault_code = ?", wanted.fault_code),
        (_KIND, None if wanted.kind is None else wanted.kind.value),
        ("events.start_utc_s >= ?", wanted.from_utc_s),
        ("events.start_utc_s < ?", wanted.to_utc_s),
    )
    parts += [(condition, (value,)) for condition, value in compared if value is not None]
    if not parts:
        return "TRUE", ()
    return " AND ".join(part for part, _ in parts), tuple(value for _, values in parts for value in values)


def _place(row: sqlite3.Row, segment: _Segment) -> Place:
    label = None
    if row["label_n"] is not None:
        label = Label(
            event_id=row["event_id"],
            rating=row["rating"],
            who=row["who"],
            at_utc_s=row["at_utc_s"],
            fault_code=row["fault_code"],
            note=row["note"],
        )
    return Place(
        n=row["event_n"],
        event_id=row["event_id"],
        label=label,
        cursor=f"{segment.value}.{row['event_n']}",
    )
