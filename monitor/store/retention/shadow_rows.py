"""Keeps the evidence of shadow runs within its bounds, oldest rows first.

Of each source the newest rows are kept, of whatever run, and none that is too old; of all together at most
ROWS_MAX, as many of each. A run of which nothing is left goes with its last row, and its counters with it.
"""

from __future__ import annotations

import time

from monitor.clock import CLOCK_SET_UTC_S
from monitor.store.database import Database

ROWS_MAX = 100_000_000
"""Of all sources together: about 70 bytes each."""
PIECE_ROWS = 5000
"""Rows that are removed at once, while others wait for the store."""
PAUSE_S = 0.001
"""Between two pieces: a thread that waits for a lock which is taken again at once may wait long."""
EMPTY_RUNS = (
    "DELETE FROM shadow_runs WHERE NOT EXISTS (SELECT 1 FROM shadow_windows WHERE run = shadow_runs.n) "
    "AND NOT EXISTS (SELECT 1 FROM shadow_disagreements WHERE run = shadow_runs.n)"
)


def prune_windows(database: Database, *, now_utc_s: float | None, max_age_s: float, max_windows: int) -> int:
    """Remove rows beyond `max_windows` of a source, and those older than `max_age_s`, the oldest first.

    `now_utc_s` None: the clock is not to be trusted, and none goes for its age; a time of before the clock
    was set says nothing. Returns how many went.

    Raises:
        StoreError: The database refuses; what went is gone.
    """
    removed = 0
    sources = database.rows("SELECT DISTINCT source_id FROM shadow_runs")
    of_each = min(max_windows, ROWS_MAX // max(1, len(sources)))
    for row in sources:
        left = of_each
        for run in database.rows(
            "SELECT n FROM shadow_runs WHERE source_id = ? ORDER BY n DESC", (row["source_id"],)
        ):
            removed += _prune_count(database, int(run["n"]), left)
            left = max(0, left - _count(database, int(run["n"])))
    if now_utc_s is not None:
        removed += _prune_age(database, now_utc_s - max_age_s)
    with database.transaction(durable=False) as connection:
        connection.execute(EMPTY_RUNS)
    return removed


def _count(database: Database, run: int) -> int:
    return int(database.rows("SELECT COUNT(*) FROM shadow_windows WHERE run = ?", (run,))[0][0])


def _prune_count(database: Database, run: int, keep: int) -> int:
    rows = database.rows(
        "SELECT n FROM shadow_windows WHERE run = ? ORDER BY n DESC LIMIT 1 OFFSET ?", (run, keep)
    )
    return _remove(database, "run = ? AND n <= ?", (run, int(rows[0]["n"]))) if rows else 0


def _prune_age(database: Database, oldest_utc_s: float) -> int:
    """Remove rows that are too old, and those undated before them; none behind a young one."""
    removed = 0
    for run in database.rows("SELECT n FROM shadow_runs"):
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
            removed += _remove(database, "run = ? AND n <= ?", (number, int(old[0]["n"])))
    return removed


def _remove(database: Database, where: str, values: tuple[object, ...]) -> int:
    """Remove rows piece by piece: alarms pass the same database."""
    removed = 0
    while True:
        with database.transaction(durable=False) as connection:
            gone = connection.execute(
                f"DELETE FROM shadow_windows WHERE n IN (SELECT n FROM shadow_windows WHERE {where} "  # noqa: S608 - ours
                "ORDER BY n LIMIT ?)",
                (*values, PIECE_ROWS),
            ).rowcount
        removed += gone
        if gone < PIECE_ROWS:
            return removed
        time.sleep(PAUSE_S)
