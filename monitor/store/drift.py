"""How normal scores lay in the past, and the limit that is proposed: rows that monitor.drift makes and reads.

A row is one period of one source under one basis, that is under one bundle with one calibration: scores of
another are on another scale. Times are of the box's clock; nothing is written while that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.store.database import Database
from monitor.store.rendering import json_text, json_tree

PIECE_ROWS = 500
"""Rows that are written or removed in one step, while alarms may wait for the store."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period of one source, as it is stored."""

    source_id: str
    """The source that was heard."""
    basis: str
    """What judged it: bundle and calibration."""
    start_utc_s: int
    """Where the period begins; a multiple of `span_s`."""
    span_s: int
    """How long it is."""
    windows: int
    """Normal windows in it."""
    body: bytes
    """All else, as whoever writes it makes it."""


Merge = Callable[[bytes, bytes], bytes]
"""Makes one body of two of the same period."""


def add_periods(database: Database, rows: Sequence[PeriodRow], merge: Merge) -> None:
    """Add to periods; one that is there already becomes both in one. Does not wait for the disk.

    Raises:
        StoreFullError: There is no space left; none of the last PIECE_ROWS was added.
        StoreError: The database refuses.
    """
    for begin in range(0, len(rows), PIECE_ROWS):
        with database.transaction(durable=False) as connection:
            for row in rows[begin : begin + PIECE_ROWS]:
                key = (row.source_id, row.basis, row.start_utc_s, row.span_s)
                found = connection.execute(
                    "SELECT windows, body FROM drift_periods "
                    "WHERE source_id = ? AND basis = ? AND start_utc_s = ? AND span_s = ?",
                    key,
                ).fetchone()
                windows, body = row.windows, row.body
                if found is not None:
                    windows, body = windows + found["windows"], merge(found["body"], body)
                connection.execute(
                    "INSERT OR REPLACE INTO drift_periods "
                    "(source_id, basis, start_utc_s, span_s, windows, body) VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, windows, body),
                )


def periods_of(
    database: Database, source_id: str, basis: str, *, since_utc_s: float = 0.0
) -> list[PeriodRow]:
    """Return the periods of a source under one basis that begin at `since_utc_s` or later, oldest first.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT * FROM drift_periods WHERE source_id = ? AND basis = ? AND start_utc_s >= ? "
        "ORDER BY start_utc_s, span_s",
        (source_id, basis, since_utc_s),
    )
    return [PeriodRow(**{key: row[key] for key in row.keys()}) for row in rows]  # noqa: SIM118 - a sqlite3.Row


def newest_basis(database: Database, source_id: str) -> str | None:
    """Return under which basis a source was heard last; None: nothing is known of it.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT basis FROM drift_periods WHERE source_id = ? ORDER BY start_utc_s DESC LIMIT 1", (source_id,)
    )
    return str(rows[0]["basis"]) if rows else None


def fold_periods(database: Database, gone: Sequence[PeriodRow], kept: Sequence[PeriodRow]) -> None:
    """Put `kept` in the place of `gone`, in one step. Does not wait for the disk.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    with database.transaction(durable=False) as connection:
        connection.executemany(
            "DELETE FROM drift_periods WHERE source_id = ? AND basis = ? AND start_utc_s = ? AND span_s = ?",
            [(row.source_id, row.basis, row.start_utc_s, row.span_s) for row in gone],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO drift_periods (source_id, basis, start_utc_s, span_s, windows, body) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(r.source_id, r.basis, r.start_utc_s, r.span_s, r.windows, r.body) for r in kept],
        )


def prune_periods(database: Database, *, before_utc_s: float) -> int:
    """Remove the periods that begin earlier than that; return how many went.

    Raises:
        StoreError: The database refuses.
    """
    with database.transaction(durable=False) as connection:
        return connection.execute("DELETE FROM drift_periods WHERE start_utc_s < ?", (before_utc_s,)).rowcount


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """The limit that is proposed to a source."""

    source_id: str
    """Which source."""
    proposal_id: str
    """By what whoever accepts it calls it."""
    made_utc_s: float
    """When it was made."""
    body: Mapping[str, object]
    """JSON-able: all that was shown of it."""


def put_proposal(database: Database, row: ProposalRow) -> None:
    """Propose a limit to a source, in place of what was proposed before.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    with database.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO drift_proposals (source_id, proposal_id, made_utc_s, body) "
            "VALUES (?, ?, ?, ?)",
            (row.source_id, row.proposal_id, row.made_utc_s, json_text(row.body)),
        )


def drop_proposal(database: Database, source_id: str) -> None:
    """Propose nothing to a source any more.

    Raises:
        StoreError: The database refuses.
    """
    with database.transaction() as connection:
        connection.execute("DELETE FROM drift_proposals WHERE source_id = ?", (source_id,))


def proposal_of(database: Database, source_id: str) -> ProposalRow | None:
    """Return what is proposed to a source; None: nothing is.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows("SELECT * FROM drift_proposals WHERE source_id = ?", (source_id,))
    if not rows:
        return None
    row = rows[0]
    return ProposalRow(row["source_id"], row["proposal_id"], row["made_utc_s"], json_tree(row["body"]))


def events_since(
    database: Database, source_id: str, since_utc_s: float
) -> list[tuple[str, float, float | None]]:
    """Return id, beginning and end of the events that were not over before `since_utc_s`, oldest first.

    The end is None of one whose sound is not back to normal.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT event_id, start_utc_s, end_utc_s FROM events "
        "WHERE source_id = ? AND (end_utc_s IS NULL OR end_utc_s >= ?) ORDER BY n",
        (source_id, since_utc_s),
    )
    return [(row["event_id"], row["start_utc_s"], row["end_utc_s"]) for row in rows]
