"""What a candidate said beside the live bundle, window by window: the evidence that a promotion rests on.

A run is one candidate of one source beside one live bundle; it goes on after a restart. Rows come in batches,
for many sources at once, and wait for no disk: a power cut may take the last batch, a kill what was not yet
handed over. How many rows are kept is in monitor/store/retention/shadow_rows.py; what those said that went is
in monitor/store/shadow_past.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.messages import Quality
from monitor.store.database import Database
from monitor.store.shadow_past import forget_past

PAGE_ROWS = 5000
"""Rows that are read at once, while others wait for the store."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """What tells a shadow run from all others."""

    source_id: str
    """The source that is heard."""
    live_bundle_id: str
    """The bundle that judges it."""
    candidate: str
    """The version of its library that judges beside it."""


@dataclass(frozen=True, slots=True)
class ShadowWindow:
    """A window that the live bundle and the candidate have both judged, or that nobody could judge."""

    source_id: str
    """The source that was heard."""
    live_bundle_id: str
    """The bundle that judged."""
    candidate: str
    """The version of its library that was asked beside it."""
    start_utc_s: float
    """UTC of its first sample."""
    end_utc_s: float
    """UTC after its last sample."""
    start_s: float
    """Stream time of its first sample; counts from 0 again after a restart."""
    live: float | None
    """What the live bundle said, 1.0 = its limit; None: it was not judged, `quality` says why."""
    candidate_value: float | None
    """What the candidate said, 1.0 = its own limit; None: it was not judged."""
    quality: Quality
    """Of the sound, as the live bundle had it."""

    @property
    def run(self) -> RunKey:
        """The run that it belongs to."""
        return RunKey(self.source_id, self.live_bundle_id, self.candidate)


@dataclass(frozen=True, slots=True)
class ShadowTally:
    """What a batch adds to a run."""

    at_utc_s: float
    """UTC of the first window of the batch."""
    hop_s: float
    """Seconds from one window to the next."""
    windows: Sequence[ShadowWindow] = ()
    """That were heard, in order; of those that nobody could judge the first of several will do."""
    skipped: int = 0
    """Windows that the candidate was not given: they would have cost the live bundle its time."""
    rules: str = ""
    """By which limits and delays both are held against now, as a text of whoever judges; empty: not known."""

    @property
    def judged(self) -> int:
        """Of the windows those that both have judged."""
        return sum(one.live is not None and one.candidate_value is not None for one in self.windows)


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """How far a run has come."""

    key: RunKey
    """Whose it is."""
    began_utc_s: float
    """When its first window was heard."""
    judged_windows: int
    """Windows that both have judged and that count, those too whose rows are gone by now."""
    skipped_windows: int
    """Windows that the candidate was not given, in the same time."""
    hop_s: float
    """Seconds from one window to the next."""
    disputes: int
    """Times that one alarmed and the other did not, since it began, those too that are kept no longer."""
    counts_from_utc_s: float | None = None
    """Since when both are held against the same limits and delays: what was before is no evidence. None:
    since the run began."""
    rules: str = ""
    """These limits and delays, as a text of whoever judges; empty: not known."""

    @property
    def heard_hours(self) -> float:
        """Hours of sound that both have judged and that count."""
        return self.judged_windows * self.hop_s / 3600.0

    @property
    def skipped_share(self) -> float:
        """Of all windows the share that the candidate was not given."""
        return self.skipped_windows / max(1, self.judged_windows + self.skipped_windows)


def add_shadow(database: Database, batch: Mapping[RunKey, ShadowTally]) -> None:
    """Add to several runs in one step; a run that is not known begins. Does not wait for the disk.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    with database.transaction(durable=False) as connection:
        for key, tally in batch.items():
            number = _run_number(connection, key, tally)
            _hold_to_rules(connection, number, tally)
            connection.execute(
                "UPDATE shadow_runs SET judged_windows = judged_windows + ?, "
                "skipped_windows = skipped_windows + ?, hop_s = ? WHERE n = ?",
                (tally.judged, tally.skipped, tally.hop_s, number),
            )
            connection.executemany(
                "INSERT INTO shadow_windows "
                "(run, start_s, start_utc_s, duration_s, live, candidate, quality) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(number, *_row(window)) for window in tally.windows],
            )


def _run_number(connection: sqlite3.Connection, key: RunKey, tally: ShadowTally) -> int:
    number = run_number(connection, key)
    if number is not None:
        return number
    cursor = connection.execute(
        "INSERT INTO shadow_runs (source_id, live_bundle_id, candidate, began_utc_s, hop_s, rules) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (key.source_id, key.live_bundle_id, key.candidate, tally.at_utc_s, tally.hop_s, tally.rules),
    )
    return int(cursor.lastrowid or 0)


def _hold_to_rules(connection: sqlite3.Connection, number: int, tally: ShadowTally) -> None:
    """Let a run's evidence begin anew where other limits or delays hold than before, and its counters."""
    row = connection.execute("SELECT rules FROM shadow_runs WHERE n = ?", (number,)).fetchone()
    if row["rules"] == tally.rules or not tally.rules:
        return
    connection.execute("UPDATE shadow_runs SET rules = ? WHERE n = ?", (tally.rules, number))
    if not row["rules"]:  # written by software that did not say
        return
    connection.execute(
        "UPDATE shadow_runs SET judged_windows = 0, skipped_windows = 0, counts_from_utc_s = ?, "
        "counts_after = COALESCE((SELECT MAX(n) FROM shadow_windows WHERE run = ?), counts_after) "
        "WHERE n = ?",
        (tally.at_utc_s, number, number),
    )
    forget_past(connection, number)


def run_number(connection: sqlite3.Connection, key: RunKey) -> int | None:
    """Return the number of a run; None: there is none yet."""
    row = connection.execute(
        "SELECT n FROM shadow_runs WHERE source_id = ? AND live_bundle_id = ? AND candidate = ?",
        (key.source_id, key.live_bundle_id, key.candidate),
    ).fetchone()
    return None if row is None else int(row["n"])


def _row(window: ShadowWindow) -> tuple[float, float, float, float | None, float | None, str]:
    return (
        window.start_s,
        window.start_utc_s,
        window.end_utc_s - window.start_utc_s,
        window.live,
        window.candidate_value,
        window.quality.value,
    )


def shadow_runs(database: Database, source_id: str, *, candidate: str | None = None) -> list[ShadowRun]:
    """Return the runs of a source, the newest last; `candidate` None: of all its candidates.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        "SELECT * FROM shadow_runs WHERE source_id = ?1 AND (?2 IS NULL OR candidate = ?2) ORDER BY n",
        (source_id, candidate),
    )
    return [
        ShadowRun(
            key=RunKey(row["source_id"], row["live_bundle_id"], row["candidate"]),
            began_utc_s=row["began_utc_s"],
            judged_windows=row["judged_windows"],
            skipped_windows=row["skipped_windows"],
            hop_s=row["hop_s"],
            disputes=row["disputes"],
            counts_from_utc_s=row["counts_from_utc_s"],
            rules=row["rules"],
        )
        for row in rows
    ]


def shadow_windows(
    database: Database,
    source_id: str,
    *,
    candidate: str | None = None,
    live_bundle_id: str | None = None,
    since_utc_s: float | None = None,
) -> Iterator[ShadowWindow]:
    """Yield the windows of a source that count, in the order in which they were heard, run after run.

    `candidate`, `live_bundle_id` None: of any; `since_utc_s` None: as far back as rows are kept. What was
    heard before the limits and delays in force held does not count. Any process may read, while the daemon
    writes.

    Raises:
        StoreError: The database refuses.
    """
    runs = database.rows(
        "SELECT * FROM shadow_runs WHERE source_id = ?1 AND (?2 IS NULL OR candidate = ?2) "
        "AND (?3 IS NULL OR live_bundle_id = ?3) ORDER BY n",
        (source_id, candidate, live_bundle_id),
    )
    for run in runs:
        yield from _windows_of(database, run, since_utc_s)


def _windows_of(database: Database, run: sqlite3.Row, since_utc_s: float | None) -> Iterator[ShadowWindow]:
    after = int(run["counts_after"])
    while rows := database.rows(
        "SELECT * FROM shadow_windows WHERE run = ?1 AND n > ?2 AND (?3 IS NULL OR start_utc_s >= ?3) "
        "ORDER BY n LIMIT ?4",
        (run["n"], after, since_utc_s, PAGE_ROWS),
    ):
        yield from (window_of(run, row) for row in rows)
        after = int(rows[-1]["n"])


def window_of(run: sqlite3.Row, row: sqlite3.Row) -> ShadowWindow:
    """Return a row of shadow_windows with what stands in its run."""
    return ShadowWindow(
        source_id=run["source_id"],
        live_bundle_id=run["live_bundle_id"],
        candidate=run["candidate"],
        start_utc_s=row["start_utc_s"],
        end_utc_s=row["start_utc_s"] + row["duration_s"],
        start_s=row["start_s"],
        live=row["live"],
        candidate_value=row["candidate"],
        quality=Quality(row["quality"]),
    )
