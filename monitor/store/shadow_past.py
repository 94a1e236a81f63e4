"""What rows of a shadow run said that are gone by now: the alarms of both, and when both had judged.

Rows are many, alarms are few: so that a verdict is over the whole run, however long it lasts. Kept as alarms
and not as counts, for people may label them later. Who makes alarms of rows is handed in: a store knows none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from monitor.store.database import Database

Side = Literal["live", "candidate"]
ALARMS_MAX = 100_000
"""Of one run: beyond, its past goes as a whole, and its evidence begins anew with the rows that are kept."""
JOIN_S = 10.0
"""Stretches that lie less apart are kept as one; `heard_s` says how much of it was heard."""

_LAST = "SELECT * FROM shadow_past_heard WHERE run = ? ORDER BY n DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class PastAlarm:
    """An alarm on paper, in sound that both had judged."""

    alarmed: Side
    """Which of the two raised it."""
    start_utc_s: float
    """When its first window at the limit began."""
    end_utc_s: float
    """When it had cleared."""
    peak: float
    """The highest value, 1.0 = the limit."""


@dataclass(frozen=True, slots=True)
class PastHeard:
    """A stretch of time in which both had judged."""

    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When it ended."""
    heard_s: float
    """Seconds of sound in it, each once."""


@dataclass(frozen=True, slots=True)
class Past:
    """What went of a run."""

    alarms: Sequence[PastAlarm] = ()
    """In order of time, of each side."""
    heard: Sequence[PastHeard] = ()
    """In order of time."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What some rows said."""

    count: int
    """So many of them, from the first, are in it; in the others an alarm goes on."""
    past: Past = field(default_factory=Past)
    """What these said."""


def past_of(database: Database, source_id: str, *, live_bundle_id: str, candidate: str) -> Past:
    """Return what went of a run; nothing, where the run is not known.

    Raises:
        StoreError: The database refuses.
    """
    of_run = (
        "WHERE run = (SELECT n FROM shadow_runs "
        "WHERE source_id = ? AND live_bundle_id = ? AND candidate = ?) ORDER BY n"
    )
    key = (source_id, live_bundle_id, candidate)
    alarms = database.rows(f"SELECT * FROM shadow_past_alarms {of_run}", key)  # noqa: S608 - ours
    heard = database.rows(f"SELECT * FROM shadow_past_heard {of_run}", key)  # noqa: S608 - ours
    return Past(
        [PastAlarm(row["alarmed"], row["start_utc_s"], row["end_utc_s"], row["peak"]) for row in alarms],
        [PastHeard(row["start_utc_s"], row["end_utc_s"], row["heard_s"]) for row in heard],
    )


def add_past(connection: sqlite3.Connection, run: int, past: Past) -> None:
    """Add to what went of a run, by its number, in the transaction in which the rows go."""
    count = connection.execute("SELECT COUNT(*) FROM shadow_past_alarms WHERE run = ?", (run,)).fetchone()[0]
    if count + len(past.alarms) > ALARMS_MAX:
        forget_past(connection, run)
        return
    connection.executemany(
        "INSERT INTO shadow_past_alarms (run, alarmed, start_utc_s, end_utc_s, peak) VALUES (?, ?, ?, ?, ?)",
        [(run, one.alarmed, one.start_utc_s, one.end_utc_s, one.peak) for one in past.alarms],
    )
    _add_heard(connection, run, past.heard)


def forget_past(connection: sqlite3.Connection, run: int) -> None:
    """Take what went of a run as no evidence: other rules hold now, or nobody could say what it was."""
    connection.execute("DELETE FROM shadow_past_alarms WHERE run = ?", (run,))
    connection.execute("DELETE FROM shadow_past_heard WHERE run = ?", (run,))


def last_heard_utc_s(database: Database, run: int) -> float | None:
    """Return when what went of a run, by its number, ends; None: nothing has gone.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(_LAST, (run,))
    return float(rows[0]["end_utc_s"]) if rows else None


def _add_heard(connection: sqlite3.Connection, run: int, heard: Iterable[PastHeard]) -> None:
    for one in heard:
        last = connection.execute(_LAST, (run,)).fetchone()
        if last is not None and abs(one.start_utc_s - last["end_utc_s"]) <= JOIN_S:
            connection.execute(
                "UPDATE shadow_past_heard SET end_utc_s = ?, heard_s = heard_s + ? WHERE n = ?",
                (one.end_utc_s, one.heard_s, last["n"]),
            )
        else:
            connection.execute(
                "INSERT INTO shadow_past_heard (run, start_utc_s, end_utc_s, heard_s) VALUES (?, ?, ?, ?)",
                (run, one.start_utc_s, one.end_utc_s, one.heard_s),
            )
