"""Decides which sound and maps go when they are old or too many, and says what it could not remove.

Alarms, events and labels always stay. What nobody labelled goes first, oldest event first; age is judged
by the clock, order never is: a box may start in 1970. The record of commands has bounds of its own.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from monitor.config import StoreConfig
from monitor.store.audit import prune_audit
from monitor.store.files import CLOCK_SET_UTC_S
from monitor.store.store import Store

DAY_S = 86_400.0
PRESENT = (
    "SELECT 'clips' AS table_name, n, event_id, path, size_bytes, start_s, start_utc_s "
    "FROM clips WHERE gone IS NULL UNION ALL "
    "SELECT 'windows', n, event_id, path, size_bytes, start_s, start_utc_s FROM windows WHERE gone IS NULL"
)
EVENTS = f"""SELECT events.event_id, SUM(size_bytes) AS bytes,
    MIN(CASE WHEN files.start_utc_s >= {CLOCK_SET_UTC_S} THEN files.start_utc_s END) AS first_utc_s,
    COALESCE((SELECT rating FROM labels WHERE labels.event_id = events.event_id
              ORDER BY labels.n DESC LIMIT 1), 'none') <> 'none' AS labelled
    FROM ({PRESENT}) AS files JOIN events ON events.event_id = files.event_id
    GROUP BY events.n ORDER BY labelled, events.n"""  # noqa: S608 - constants of ours
FILES = f"SELECT * FROM ({PRESENT}) WHERE event_id = ? ORDER BY start_s, n"  # noqa: S608 - the same


@dataclass(slots=True)
class RetentionReport:
    """What one pruning removed, and why not more."""

    removed_for_age: int = 0
    """Files."""
    removed_for_space: int = 0
    """Files."""
    removed_bytes: int = 0
    """Of the files removed for either reason."""
    removed_audit: int = 0
    """Entries of the record of commands."""
    kept_bytes: int = 0
    """Clips and maps that are still there."""
    failures: dict[str, str] = field(default_factory=dict)
    """Files that could not be removed: path relative to the state directory, and the reason."""
    notes: list[str] = field(default_factory=list)
    """Sentences for a person about what should have been done and was not."""


def prune(store: Store, config: StoreConfig, now_utc_s: float) -> RetentionReport:
    """Remove unlabelled files older than max_age_days, then oldest first until max_bytes hold.

    A labelled event's files never go for age, and for space only when nothing else is left.

    Raises:
        StoreError: The database refuses; files that went already are marked at the next opening.
    """
    report = RetentionReport()
    events = store.database.rows(EVENTS)
    report.kept_bytes = sum(row["bytes"] for row in events)
    oldest_utc_s = now_utc_s - config.max_age_days * DAY_S
    clock_set = now_utc_s >= CLOCK_SET_UTC_S
    report.removed_audit = prune_audit(
        store.database,
        now_utc_s=now_utc_s if clock_set else None,
        max_age_s=config.audit_max_days * DAY_S,
        max_rows=config.audit_max_rows,
    )
    if not clock_set:
        report.notes.append("the clock of the box is not set: nothing is removed for its age")
    else:
        for event in events:
            # a start before the clock was set says nothing about age
            if event["labelled"] or (event["first_utc_s"] or now_utc_s) >= oldest_utc_s:
                continue
            rows = store.database.rows(FILES, (event["event_id"],))
            old = [row for row in rows if CLOCK_SET_UTC_S <= row["start_utc_s"] < oldest_utc_s]
            report.removed_for_age += _remove(store, old, "age", report)
    for event in events:
        if report.kept_bytes <= config.max_bytes:
            break
        rows = store.database.rows(FILES, (event["event_id"],))
        report.removed_for_space += _remove(store, rows, "space", report, enough_bytes=config.max_bytes)
    if report.kept_bytes > config.max_bytes:
        report.notes.append(
            f"{report.kept_bytes} bytes are kept, store.max_bytes is {config.max_bytes}: "
            f"{len(report.failures)} files cannot be removed, see their reasons"
        )
    return report


def _remove(
    store: Store,
    rows: list[sqlite3.Row],
    reason: str,
    report: RetentionReport,
    *,
    enough_bytes: int = -1,
) -> int:
    """Remove files and mark their rows, until no more than `enough_bytes` are kept; return how many went."""
    marks: dict[str, list[tuple[str, int]]] = {"clips": [], "windows": []}
    removed = 0
    for row in rows:
        if report.kept_bytes <= enough_bytes:
            break
        gone = reason
        try:
            (store.state_dir / row["path"]).unlink()
            removed += 1
            report.removed_bytes += row["size_bytes"]
        except FileNotFoundError:
            gone = "missing"
        except OSError as error:
            report.failures[row["path"]] = error.strerror or str(error)
            continue
        report.kept_bytes -= row["size_bytes"]
        marks[row["table_name"]].append((gone, row["n"]))
    if any(marks.values()):
        with store.database.transaction(durable=False) as connection:
            for table, values in marks.items():
                connection.executemany(f"UPDATE {table} SET gone = ? WHERE n = ?", values)  # noqa: S608 - ours
    return removed
