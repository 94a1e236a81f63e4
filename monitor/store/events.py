"""Events, their changes and labels, and the alarms as they stand; writes run in the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from monitor.clock import CLOCK_SET_UTC_S
from monitor.errors import StoreRefusedError
from monitor.messages import AlarmChange, AlarmState, ChangeReason
from monitor.store.clocks import shifted
from monitor.store.database import Database
from monitor.store.explanations import explanation_from_text, put_explanation, text_from_explanation
from monitor.store.records import Event, Label, Reply
from monitor.store.rendering import json_tree

EVENT_COLUMNS = (
    "n, event_id, source_id, start_utc_s, end_utc_s, peak, state, "
    "acknowledged_by, acknowledged_utc_s, bundle_id, explanation, locked_by, locked_utc_s"
)


def source_of(changes: Sequence[AlarmChange], reply: Reply | None) -> str:
    """Return the one source that changes and a reply are of.

    Raises:
        ValueError: There is nothing, or they are of several: a defect of the caller.
    """
    sources = {change.source_id for change in changes} | ({reply.source_id} if reply else set())
    source_id = sources.pop() if len(sources) == 1 else None
    if source_id is None:
        found = sorted({str(change.source_id) for change in changes} | {str(reply and reply.source_id)})
        raise ValueError(f"apply takes changes or a reply of one source, not of {found}")
    return source_id


def put_event(connection: sqlite3.Connection, change: AlarmChange, bundle_id: str | None) -> None:
    """Bring the row of a change's event up to that change; a change without an event has none.

    The event ends with the first change that finds the sound below the limit, and goes on if it comes back.
    """
    if change.event_id is None:
        return
    start_utc_s = change.at_utc_s if change.event_start_utc_s is None else change.event_start_utc_s
    connection.execute(
        "INSERT INTO events (event_id, source_id, start_utc_s, peak, state, bundle_id) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO UPDATE SET state = excluded.state",
        (change.event_id, change.source_id, start_utc_s, change.peak, change.new_state.value, bundle_id),
    )
    raise_peak(connection, change.event_id, change.peak)
    if change.explanation is not None:
        put_explanation(connection, change.event_id, text_from_explanation(change.explanation))
    if change.active:
        ended = "UPDATE events SET end_utc_s = NULL WHERE event_id = :event_id"
    elif change.reason is ChangeReason.CLEARED:
        ended = "UPDATE events SET end_utc_s = :at WHERE event_id = :event_id"
    else:
        ended = "UPDATE events SET end_utc_s = COALESCE(end_utc_s, :at) WHERE event_id = :event_id"
    connection.execute(ended, {"at": change.at_utc_s, "event_id": change.event_id})
    if change.reason is ChangeReason.ACKNOWLEDGED:
        connection.execute(
            "UPDATE events SET acknowledged_by = ?, acknowledged_utc_s = ? WHERE event_id = ?",
            (change.actor, change.at_utc_s, change.event_id),
        )


def raise_peak(connection: sqlite3.Connection, event_id: str, peak: float | None) -> str | None:
    """Raise an event's peak to `peak`, never lower it, and return the event's source; None: no such event."""
    connection.execute(
        "UPDATE events SET peak = COALESCE(MAX(peak, :peak), peak, :peak) WHERE event_id = :event_id",
        {"peak": peak, "event_id": event_id},
    )
    row = connection.execute("SELECT source_id FROM events WHERE event_id = ?", (event_id,)).fetchone()
    return None if row is None else str(row["source_id"])


def add_transition(connection: sqlite3.Connection, seq: int, change: AlarmChange, body: str) -> None:
    """Keep a change for good, under the number that its record has in the outbox."""
    connection.execute(
        "INSERT INTO transitions (seq, event_id, source_id, at_utc_s, body) VALUES (?, ?, ?, ?, ?)",
        (seq, change.event_id, change.source_id, change.at_utc_s, body),
    )


def prune_transitions(database: Database, *, now_utc_s: float | None, max_age_s: float, max_rows: int) -> int:
    """Remove changes that belong to no event: the oldest beyond `max_rows`, and those beyond `max_age_s`.

    `now_utc_s` None: none for age. Returns how many went; what belongs to an event always stays.

    Raises:
        StoreError: The database refuses.
    """
    of_no_event = "FROM transitions WHERE event_id IS NULL"
    nth = f"SELECT seq {of_no_event} ORDER BY seq DESC LIMIT 1 OFFSET ?"
    last = database.rows(nth, (max_rows,))
    oldest_utc_s = CLOCK_SET_UTC_S if now_utc_s is None else now_utc_s - max_age_s
    gone = f"DELETE {of_no_event} AND (seq <= ? OR at_utc_s >= ? AND at_utc_s < ?)"
    with database.transaction(durable=False) as connection:
        bounds = (last[0]["seq"] if last else 0, CLOCK_SET_UTC_S, oldest_utc_s)
        return int(connection.execute(gone, bounds).rowcount)


def put_snapshot(connection: sqlite3.Connection, source_id: str, snapshot: str) -> None:
    """Replace what is known of one source's alarm."""
    connection.execute(
        "INSERT INTO alarms (source_id, snapshot) VALUES (?, ?) "
        "ON CONFLICT (source_id) DO UPDATE SET snapshot = excluded.snapshot",
        (source_id, snapshot),
    )


def add_label(connection: sqlite3.Connection, label: Label) -> None:
    """Add a label to an event.

    Raises:
        StoreRefusedError: There is no such event.
    """
    if connection.execute("SELECT 1 FROM events WHERE event_id = ?", (label.event_id,)).fetchone() is None:
        raise StoreRefusedError(
            f"label: event {label.event_id!r} is not known; take its id from the event's message"
        )
    connection.execute(
        "INSERT INTO labels (event_id, rating, fault_code, note, who, at_utc_s) VALUES (?, ?, ?, ?, ?, ?)",
        (label.event_id, label.rating, label.fault_code, label.note, label.who, label.at_utc_s),
    )


def put_lock(connection: sqlite3.Connection, event_id: str, who: str | None, at_utc_s: float | None) -> None:
    """Lock an event in somebody's name, so that its sound and maps never go; `who` None: unlock it.

    Raises:
        StoreRefusedError: There is no such event.
    """
    locked = "UPDATE events SET locked_by = ?, locked_utc_s = ? WHERE event_id = ?"
    if connection.execute(locked, (who, None if who is None else at_utc_s, event_id)).rowcount == 0:
        raise StoreRefusedError(f"event {event_id!r} is not known; take its id from the event's message")


def snapshots(database: Database) -> dict[str, Mapping[str, object]]:
    """Return every source's alarm as it was last stored."""
    return {
        row["source_id"]: json_tree(row["snapshot"])
        for row in database.rows("SELECT source_id, snapshot FROM alarms ORDER BY source_id")
    }


def labels_of(database: Database, event_id: str) -> list[Label]:
    """Return an event's labels, oldest first."""
    query = (
        "SELECT event_id, rating, who, at_utc_s, fault_code, note FROM labels WHERE event_id = ? ORDER BY n"
    )
    return [Label(*row) for row in database.rows(query, (event_id,))]


def labels_of_events(database: Database, event_ids: Iterable[str]) -> dict[str, list[Label]]:
    """Return the labels of each of these events that has any, oldest first, by its id: one query for all.

    They are those of a page: 999 at most, for older SQLite takes no more.
    """
    names = tuple(event_ids)
    marks = ", ".join("?" * len(names))
    query = (
        "SELECT event_id, rating, who, at_utc_s, fault_code, note FROM labels "  # noqa: S608 - only marks
        f"WHERE event_id IN ({marks}) ORDER BY n"
    )
    found: dict[str, list[Label]] = {}
    for row in database.rows(query, names):
        found.setdefault(row["event_id"], []).append(Label(*row))
    return found


def transitions_of(database: Database, event_id: str) -> list[Mapping[str, object]]:
    """Return an event's changes, oldest first, each as its record was sent, with its times put right."""
    query = (
        "SELECT seq, at_utc_s, t.recorded_utc_s, body, e.recorded_utc_s AS begun_utc_s "
        "FROM transitions t JOIN events e USING (event_id) WHERE event_id = ? ORDER BY seq"
    )
    return [{**_body(row), "seq": row["seq"]} for row in database.rows(query, (event_id,))]


def _body(row: sqlite3.Row) -> dict[str, object]:
    body, recorded_utc_s = json_tree(row["body"]), row["recorded_utc_s"]
    if recorded_utc_s is None:
        return body
    # an event that had begun before, by a clock that was right, keeps its start
    from_utc_s = recorded_utc_s if row["begun_utc_s"] is None else row["begun_utc_s"]
    return shifted(
        body,
        row["at_utc_s"] - recorded_utc_s,
        lambda utc_s: utc_s < CLOCK_SET_UTC_S or utc_s >= from_utc_s,
    )


def newest_events(database: Database, limit: int, before: int | None, source_id: str | None) -> list[Event]:
    """Return up to `limit` events older than number `before`, newest first."""
    query = f"SELECT {EVENT_COLUMNS} FROM events WHERE n < ?"  # noqa: S608 - a constant of ours
    parameters: tuple[object, ...] = (2**62 if before is None else before,)
    if source_id is not None:
        query += " AND source_id = ?"
        parameters += (source_id,)
    return [_event(row) for row in database.rows(f"{query} ORDER BY n DESC LIMIT ?", (*parameters, limit))]


def one_event(database: Database, event_id: str) -> Event | None:
    """Return an event, or None when it is not known."""
    query = f"SELECT {EVENT_COLUMNS} FROM events WHERE event_id = ?"  # noqa: S608 - a constant of ours
    rows = database.rows(query, (event_id,))
    return _event(rows[0]) if rows else None


def _event(row: sqlite3.Row) -> Event:
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over its values
    read = {
        "state": AlarmState(values["state"]),
        "explanation": explanation_from_text(values["explanation"]),
    }
    return Event(**{**values, **read})
