"""The record of who asked for what, and what came of it: rows are added, never changed, go oldest first."""

from __future__ import annotations

import sqlite3

from monitor.clock import CLOCK_SET_UTC_S
from monitor.operators import WHOLE_BOX, Origin
from monitor.store.database import Database
from monitor.store.records import AuditEntry
from monitor.store.rendering import json_text, json_tree

ROWS_MAX = 1_000_000
"""More rows are never kept, whatever the configuration says and however fast they come."""


def put_audit(connection: sqlite3.Connection, entry: AuditEntry, arguments: str) -> None:
    """Add a row, and forget the oldest beyond ROWS_MAX; `arguments` are the entry's, by audit_text."""
    source_id = WHOLE_BOX if entry.source_id is None else entry.source_id
    connection.execute(
        "INSERT INTO audit (at_utc_s, origin, source_id, command_id, actor, action, arguments, result, "
        "reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.at_utc_s,
            entry.origin.value,
            source_id,
            entry.command_id,
            entry.actor,
            entry.action,
            arguments,
            entry.result,
            entry.reason,
        ),
    )
    connection.execute("DELETE FROM audit WHERE n <= (SELECT MAX(n) FROM audit) - ?", (ROWS_MAX,))


def audit_text(entry: AuditEntry | None) -> str:
    """Render the arguments of an entry.

    Raises:
        StoreRefusedError: They hold what JSON cannot.
    """
    return "" if entry is None else json_text(entry.arguments)


def newest_audit(
    database: Database, limit: int, before: int | None, source_id: str | None
) -> list[AuditEntry]:
    """Return up to `limit` entries older than number `before`, newest first; `source_id` None: of all."""
    query = "SELECT * FROM audit WHERE n < ?"
    parameters: tuple[object, ...] = (2**62 if before is None else before,)
    if source_id is not None:
        query += " AND source_id = ?"
        parameters += (source_id,)
    return [_entry(row) for row in database.rows(f"{query} ORDER BY n DESC LIMIT ?", (*parameters, limit))]


def last_audit(database: Database, action: str, *, result: str | None = None) -> dict[str, AuditEntry]:
    """Return the newest entry of an action for each source, by its id; `result` None: done or refused."""
    rows = database.rows(
        "SELECT * FROM audit WHERE n IN (SELECT MAX(n) FROM audit WHERE action = ?1 "
        "AND (?2 IS NULL OR result = ?2) GROUP BY source_id)",
        (action, result),
    )
    return {row["source_id"]: _entry(row) for row in rows}


def prune_audit(database: Database, *, now_utc_s: float | None, max_age_s: float, max_rows: int) -> int:
    """Remove the oldest entries: those beyond `max_age_s` (`now_utc_s` None: none for age) and `max_rows`.

    Order is by insertion. An entry goes for its age when it, or one behind it, is too old, and none before
    that is young; a time before the clock was set, or to come, says nothing. Returns how many went.

    Raises:
        StoreError: The database refuses.
    """
    with database.transaction(durable=False) as connection:
        last = connection.execute("SELECT COALESCE(MAX(n), 0) FROM audit").fetchone()[0] - max_rows
        if now_utc_s is not None:
            last = max(last, _last_old(connection, now_utc_s - max_age_s, now_utc_s))
        return int(connection.execute("DELETE FROM audit WHERE n <= ?", (last,)).rowcount)


def _last_old(connection: sqlite3.Connection, since_utc_s: float, now_utc_s: float) -> int:
    """Return the number up to which entries go for their age; 0: none does."""
    # a clock that was wrong for a while leaves an entry that looks old behind fresh ones
    young = connection.execute(
        "SELECT MIN(n) FROM audit WHERE at_utc_s BETWEEN ? AND ?", (since_utc_s, now_utc_s)
    ).fetchone()[0]
    old = "SELECT COALESCE(MAX(n), 0) FROM audit WHERE at_utc_s >= ? AND at_utc_s < ? AND n < ?"
    before = 2**62 if young is None else young
    return int(connection.execute(old, (CLOCK_SET_UTC_S, since_utc_s, before)).fetchone()[0])


def _entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        n=row["n"],
        at_utc_s=row["at_utc_s"],
        origin=Origin(row["origin"]),
        source_id=row["source_id"] or None,
        command_id=row["command_id"],
        actor=row["actor"],
        action=row["action"],
        arguments=json_tree(row["arguments"]),
        result=row["result"],
        reason=row["reason"],
    )
