"""Keeps the evidence of shadow runs within its bounds, oldest rows first.

Of each source the newest rows are kept, of whatever run, and none that is too old; of all together at most
ROWS_MAX, as many of each. What rows said is kept as alarms, in the step in which they go
(monitor/store/shadow_past.py). A run of which nothing is left goes with its counters and its past, once that
is too old.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Protocol

from monitor.clock import CLOCK_SET_UTC_S
from monitor.store.database import Database
from monitor.store.shadow import RunKey, ShadowWindow, window_of
from monitor.store.shadow_past import Reckoned, add_past, forget_past, last_heard_utc_s

ROWS_MAX = 100_000_000
"""Of all sources together: about 70 bytes each."""
PIECE_ROWS = 5000
"""Rows that are removed at once, while others wait for the store."""
PAUSE_S = 0.001
"""Between two pieces: a thread that waits for a lock which is taken again at once may wait long."""
EMPTY_RUNS = (
    "DELETE FROM shadow_runs WHERE NOT EXISTS (SELECT 1 FROM shadow_windows WHERE run = shadow_runs.n) "
    "AND NOT EXISTS (SELECT 1 FROM shadow_disagreements WHERE run = shadow_runs.n) "
    "AND NOT EXISTS (SELECT 1 FROM shadow_past_heard WHERE run = shadow_runs.n AND end_utc_s >= ?1) "
    "AND (judged_windows > 0 OR began_utc_s < ?1)"
)
"""A run that has judged nothing yet has no rows either: what it was not given counts all the same."""


class Reckon(Protocol):
    """Says which alarms rows come to."""

    def __call__(
        self, key: RunKey, windows: Sequence[ShadowWindow], *, heard_until_utc_s: float | None, whole: bool
    ) -> Reckoned | None:
        """Return what rows of a run said, in order, as far as no alarm goes on after them.

        `whole`: of all of them, whatever goes on. `heard_until_utc_s`: up to when rows before them were
        heard. None: nobody can say, as the source is not known; what went of the run then counts no more.
        """


def prune_windows(
    database: Database,
    *,
    now_utc_s: float | None,
    max_age_s: float,
    max_windows: int,
    reckon: Reckon | None = None,
) -> int:
    """Remove rows beyond `max_windows` of a source, and those older than `max_age_s`, the oldest first.

    `now_utc_s` None: the clock is not to be trusted, and none goes for its age; a time of before the clock
    was set says nothing. Without `reckon` what the rows said is lost, and with it what others had said before
    them. Rows in which an alarm goes on stay until it has cleared, PIECE_ROWS at most. Returns how many went.

    Raises:
        StoreError: The database refuses; what went is gone.
    """
    removed = 0
    sources = database.rows("SELECT DISTINCT source_id FROM shadow_runs")
    of_each = min(max_windows, ROWS_MAX // max(1, len(sources)))
    for row in sources:
        left = of_each
        for run in database.rows(
            "SELECT * FROM shadow_runs WHERE source_id = ? ORDER BY n DESC", (row["source_id"],)
        ):
            removed += _prune_count(database, run, left, reckon)
            left = max(0, left - _count(database, int(run["n"])))
    if now_utc_s is not None:
        removed += _prune_age(database, now_utc_s - max_age_s, reckon)
    oldest_utc_s = 0.0 if now_utc_s is None else now_utc_s - max_age_s
    with database.transaction(durable=False) as connection:
        connection.execute(EMPTY_RUNS, (oldest_utc_s,))
    return removed


def _count(database: Database, run: int) -> int:
    return int(database.rows("SELECT COUNT(*) FROM shadow_windows WHERE run = ?", (run,))[0][0])


def _prune_count(database: Database, run: sqlite3.Row, keep: int, reckon: Reckon | None) -> int:
    rows = database.rows(
        "SELECT n FROM shadow_windows WHERE run = ? ORDER BY n DESC LIMIT 1 OFFSET ?", (run["n"], keep)
    )
    return _remove(database, run, int(rows[0]["n"]), reckon) if rows else 0


def _prune_age(database: Database, oldest_utc_s: float, reckon: Reckon | None) -> int:
    """Remove rows that are too old, and those undated before them; none behind a young one."""
    removed = 0
    for run in database.rows("SELECT * FROM shadow_runs"):
        number = int(run["n"])
        young = database.rows(
            "SELECT n FROM shadow_windows WHERE run = ? AND start_utc_s >= ? ORDER BY n LIMIT 1",
            (number, oldest_utc_s),
        )
        before = int(young[0]["n"]) if young else 2**62
        old = database.rows(
            "SELECT n FROM shadow_windows WHERE run = ? AND n < ? AND start_utc_s >= ? "
            "ORDER BY n DESC LIMIT 1",
            (number, before, CLOCK_SET_UTC_S),
        )
        if old:
            removed += _remove(database, run, int(old[0]["n"]), reckon)
    return removed


def _remove(database: Database, run: sqlite3.Row, last: int, reckon: Reckon | None) -> int:
    """Remove rows of a run up to `last`, piece by piece: alarms pass the same database."""
    removed = 0
    while True:
        rows = database.rows(
            "SELECT * FROM shadow_windows WHERE run = ? AND n <= ? ORDER BY n LIMIT ?",
            (run["n"], last, PIECE_ROWS),
        )
        gone = _taken(database, run, rows, reckon) if rows else 0
        removed += gone
        if not gone or (len(rows) < PIECE_ROWS and gone == len(rows)):
            return removed
        time.sleep(PAUSE_S)


def _taken(database: Database, run: sqlite3.Row, rows: Sequence[sqlite3.Row], reckon: Reckon | None) -> int:
    """Remove the first of these rows, and keep what they said in the same step; return how many went."""
    number, counts_after = int(run["n"]), _counts_after(database, run)
    ignored = sum(int(row["n"]) <= counts_after for row in rows)
    found: Reckoned | None = Reckoned(ignored)
    if not ignored:
        until_utc_s = last_heard_utc_s(database, number)
        found = _reckoned(run, rows, reckon, until_utc_s)  # takes a while, and holds up nobody
    count = len(rows) if found is None else found.count
    with database.transaction(durable=False) as connection:
        if _counts_after(database, run) != counts_after:  # other limits hold since just now
            return 0
        if found is None:
            forget_past(connection, number)
        else:
            add_past(connection, number, found.past)
        if count:
            last = int(rows[count - 1]["n"])
            connection.execute("DELETE FROM shadow_windows WHERE run = ? AND n <= ?", (number, last))
    return count


def _counts_after(database: Database, run: sqlite3.Row) -> int:
    rows = database.rows("SELECT counts_after FROM shadow_runs WHERE n = ?", (run["n"],))
    return int(rows[0]["counts_after"]) if rows else 0


def _reckoned(
    run: sqlite3.Row, rows: Sequence[sqlite3.Row], reckon: Reckon | None, until_utc_s: float | None
) -> Reckoned | None:
    """Return what rows said that count; None: nobody can say."""
    if reckon is None:
        return None
    key = RunKey(run["source_id"], run["live_bundle_id"], run["candidate"])
    windows = [window_of(run, row) for row in rows]
    found = reckon(key, windows, heard_until_utc_s=until_utc_s, whole=False)
    if found is not None and not found.count and len(rows) == PIECE_ROWS:  # an alarm that never clears
        found = reckon(key, windows, heard_until_utc_s=until_utc_s, whole=True)
    return found
