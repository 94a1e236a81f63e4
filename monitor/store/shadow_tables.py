"""The step of the tables by which shadow runs count on when their rows go. Released: it never changes."""

from __future__ import annotations

RUNS_COUNT_ON = (
    # by which limits and delays a run counts, and the row after which that has been so
    "ALTER TABLE shadow_runs ADD COLUMN rules TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE shadow_runs ADD COLUMN counts_after INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE shadow_runs ADD COLUMN counts_from_utc_s REAL",
    # of disputes, too, those that are gone
    "ALTER TABLE shadow_runs ADD COLUMN disputes INTEGER NOT NULL DEFAULT 0",
    """UPDATE shadow_runs SET disputes =
        (SELECT COUNT(*) FROM shadow_disagreements WHERE run = shadow_runs.n)""",
    # where rows have gone without being counted, counting begins anew
    """UPDATE shadow_runs SET counts_after = COALESCE((SELECT MAX(n) FROM shadow_windows
            WHERE run = shadow_runs.n), 0),
        counts_from_utc_s = (SELECT MAX(start_utc_s) FROM shadow_windows WHERE run = shadow_runs.n)
        WHERE judged_windows > (SELECT COUNT(*) FROM shadow_windows
            WHERE run = shadow_runs.n AND live IS NOT NULL AND candidate IS NOT NULL)""",
    # what rows said that are gone by now: alarms on paper, and when both had judged
    """CREATE TABLE shadow_past_alarms (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES shadow_runs (n) ON DELETE CASCADE,
        alarmed TEXT NOT NULL CHECK (alarmed IN ('live', 'candidate')),
        start_utc_s REAL NOT NULL,
        end_utc_s REAL NOT NULL,
        peak REAL NOT NULL
    )""",
    "CREATE INDEX shadow_past_alarms_by_run ON shadow_past_alarms (run, n)",
    """CREATE TABLE shadow_past_heard (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES shadow_runs (n) ON DELETE CASCADE,
        start_utc_s REAL NOT NULL,
        end_utc_s REAL NOT NULL,
        heard_s REAL NOT NULL
    )""",
    "CREATE INDEX shadow_past_heard_by_run ON shadow_past_heard (run, n)",
)
"""What a run says beyond its rows: by which rules it counts, and what the rows that went had said."""
