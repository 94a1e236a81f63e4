"""Reads from the database what is there of sound and maps, and what somebody wants kept.

Alarms pass the same database: events are read some at a time, with a pause in between.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from monitor.clock import CLOCK_SET_UTC_S
from monitor.store.database import Database
from monitor.store.retention.choice import CLIPS, WINDOWS, KeptEvent, KeptFile

CHUNK_EVENTS = 256
"""Events that are read at once: about 10 ms with 15 files each."""
PAUSE_S = 0.001
"""Between two chunks: a thread that waits for a lock which is taken again at once may wait long."""
_LABELLED = """COALESCE((SELECT rating FROM labels WHERE labels.event_id = events.event_id
    ORDER BY labels.n DESC LIMIT 1), 'none') <> 'none'"""
_PRESENT = " UNION ALL ".join(
    f"SELECT events.n, '{table}' AS table_name, size_bytes, {table}.start_utc_s "  # noqa: S608 - ours
    f"FROM events CROSS JOIN {table} ON {table}.event_id = events.event_id "
    "WHERE gone IS NULL AND events.n > ?1 AND events.n <= ?2"
    for table in (CLIPS, WINDOWS)
)
_EVENTS = f"""SELECT events.n, events.event_id, events.source_id, files.size_bytes, files.clips,
    files.first_utc_s, files.last_utc_s, {_LABELLED} AS is_labelled, events.locked_by IS NOT NULL AS is_locked
    FROM (SELECT n, SUM(size_bytes) AS size_bytes, SUM(table_name = '{CLIPS}') AS clips,
            MIN(CASE WHEN start_utc_s >= {CLOCK_SET_UTC_S} THEN start_utc_s END) AS first_utc_s,
            MAX(CASE WHEN start_utc_s >= {CLOCK_SET_UTC_S} THEN start_utc_s END) AS last_utc_s
        FROM ({_PRESENT}) GROUP BY n) AS files
    JOIN events ON events.n = files.n ORDER BY events.n"""  # noqa: S608 - constants of ours
_FILES = " UNION ALL ".join(
    f"SELECT '{table}' AS table_name, n, event_id, path, size_bytes, start_utc_s FROM {table} "  # noqa: S608 - ours
    "WHERE event_id = ?1 AND gone IS NULL"
    for table in (CLIPS, WINDOWS)
)
_CLAIMED = (
    f"SELECT locked_by IS NOT NULL AS is_locked, {_LABELLED} AS is_labelled FROM events "  # noqa: S608 - ours
    "WHERE event_id = ?"
)


def kept_events(database: Database) -> list[KeptEvent]:
    """Return all events of which sound or maps are there, the oldest first.

    Raises:
        StoreError: The database refuses.
    """
    last = int(database.rows("SELECT COALESCE(MAX(n), 0) FROM events")[0][0])
    found: list[KeptEvent] = []
    for after in range(0, last, CHUNK_EVENTS):
        if after:
            time.sleep(PAUSE_S)
        found += map(_event, database.rows(_EVENTS, (after, after + CHUNK_EVENTS)))
    return found


def files_of(database: Database, event: KeptEvent) -> list[KeptFile]:
    """Return what is there of an event: clips as they were recorded, then maps as they were written.

    By number: an event that outlives the process has a stream time that began anew.
    """
    query = f"SELECT * FROM ({_FILES}) ORDER BY table_name, n"  # noqa: S608 - constants of ours
    return [_file(row) for row in database.rows(query, (event.event_id,))]


def claims_on(database: Database, event_id: str) -> tuple[bool, bool]:
    """Return whether an event is locked, and whether a label counts, as it is now."""
    (row,) = database.rows(_CLAIMED, (event_id,))
    return bool(row["is_locked"]), bool(row["is_labelled"])


def newest_before(database: Database, oldest_utc_s: float) -> Mapping[str, int]:
    """Return for each table the newest row that is dated before this time; 0: there is none."""
    query = "SELECT n FROM {} WHERE start_utc_s >= ? AND start_utc_s < ? ORDER BY n DESC LIMIT 1"
    found = {
        table: database.rows(query.format(table), (CLOCK_SET_UTC_S, oldest_utc_s))
        for table in (CLIPS, WINDOWS)
    }
    return {table: int(rows[0]["n"]) if rows else 0 for table, rows in found.items()}


def _event(row: sqlite3.Row) -> KeptEvent:
    return KeptEvent(
        n=row["n"],
        event_id=row["event_id"],
        source_id=row["source_id"],
        size_bytes=row["size_bytes"],
        clips=row["clips"],
        first_utc_s=row["first_utc_s"],
        last_utc_s=row["last_utc_s"],
        is_labelled=bool(row["is_labelled"]),
        is_locked=bool(row["is_locked"]),
    )


def _file(row: sqlite3.Row) -> KeptFile:
    return KeptFile(
        table=row["table_name"],
        n=row["n"],
        event_id=row["event_id"],
        path=row["path"],
        size_bytes=row["size_bytes"],
        start_utc_s=row["start_utc_s"],
    )
