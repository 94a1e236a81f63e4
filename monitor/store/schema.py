"""The tables of store.sqlite, as numbered steps from nothing to now. A step, once released, never changes."""

from __future__ import annotations

import sqlite3

from monitor.errors import StoreError
from monitor.store.shadow_tables import RUNS_COUNT_ON


def _corrected_once(table: str, *others: str) -> tuple[str, str]:
    """Return what lets the times of an append-only table be put right, once, and nothing else of it.

    Only a time of before 2020 may change, as the clock had not been set, and what it was must be kept.
    """
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in others)
    return (
        f"DROP TRIGGER {table}_update",
        f"""CREATE TRIGGER {table}_update BEFORE UPDATE ON {table}
            WHEN NOT (OLD.recorded_utc_s IS NULL AND OLD.at_utc_s < 1577836800
                AND NEW.recorded_utc_s IS OLD.at_utc_s AND {same})
            BEGIN SELECT RAISE(ABORT, '{table}: rows are append-only'); END""",
    )


def _corrected_in_doubt(table: str, *others: str) -> tuple[str, str]:
    """Return what lets the times of an append-only table be put right, once, and nothing else of it.

    Only where some clock was not known to be set, whatever it said, and what it was must be kept.
    """
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in others)
    once = "OLD.recorded_utc_s IS NULL AND NEW.recorded_utc_s IS OLD.at_utc_s"
    doubt = "EXISTS (SELECT 1 FROM clocks WHERE NOT is_set)"
    return (
        f"DROP TRIGGER {table}_update",
        f"""CREATE TRIGGER {table}_update BEFORE UPDATE ON {table}
            WHEN NOT ({once} AND {same} AND {doubt})
            BEGIN SELECT RAISE(ABORT, '{table}: rows are append-only'); END""",
    )


MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        # `n` orders by insertion: the clock of a box may start in 1970 and jump
        """CREATE TABLE events (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL UNIQUE,
            source_id TEXT NOT NULL,
            start_utc_s REAL NOT NULL,
            end_utc_s REAL,
            peak REAL,
            state TEXT NOT NULL,
            acknowledged_by TEXT,
            acknowledged_utc_s REAL,
            bundle_id TEXT
        )""",
        "CREATE INDEX events_by_source ON events (source_id, n)",
        """CREATE TABLE transitions (
            seq INTEGER PRIMARY KEY,
            event_id TEXT REFERENCES events (event_id),
            source_id TEXT NOT NULL,
            at_utc_s REAL NOT NULL,
            body TEXT NOT NULL
        )""",
        "CREATE INDEX transitions_by_event ON transitions (event_id, seq)",
        "CREATE TABLE alarms (source_id TEXT PRIMARY KEY, snapshot TEXT NOT NULL)",
        # rank 0: events and replies; rank 1: scores, which never make the others wait
        """CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            rank INTEGER NOT NULL,
            kind TEXT NOT NULL,
            source_id TEXT NOT NULL,
            created_utc_s REAL NOT NULL,
            body TEXT NOT NULL
        )""",
        "CREATE INDEX outbox_by_rank ON outbox (rank, seq)",
        """CREATE TABLE replies (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            command_id TEXT NOT NULL UNIQUE,
            source_id TEXT NOT NULL,
            at_utc_s REAL NOT NULL,
            body TEXT NOT NULL,
            seq INTEGER NOT NULL
        )""",
        """CREATE TABLE labels (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL REFERENCES events (event_id),
            rating TEXT NOT NULL CHECK (rating IN ('anomaly', 'no_anomaly', 'unsure')),
            fault_code TEXT,
            note TEXT,
            who TEXT NOT NULL,
            at_utc_s REAL NOT NULL
        )""",
        "CREATE INDEX labels_by_event ON labels (event_id, n)",
        *(
            f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
            for table in ("labels", "transitions")
            for verb in ("UPDATE", "DELETE")
        ),
        """CREATE TABLE clips (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            clip_id TEXT NOT NULL UNIQUE,
            event_id TEXT NOT NULL REFERENCES events (event_id),
            source_id TEXT NOT NULL,
            start_s REAL NOT NULL,
            start_utc_s REAL NOT NULL,
            duration_s REAL NOT NULL,
            sample_rate_hz INTEGER NOT NULL,
            lost_samples INTEGER NOT NULL,
            path TEXT NOT NULL UNIQUE,
            size_bytes INTEGER NOT NULL,
            gone TEXT
        )""",
        "CREATE INDEX clips_by_event ON clips (event_id, n)",
        """CREATE TABLE windows (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            window_id TEXT NOT NULL UNIQUE,
            event_id TEXT NOT NULL REFERENCES events (event_id),
            source_id TEXT NOT NULL,
            start_s REAL NOT NULL,
            end_s REAL NOT NULL,
            start_utc_s REAL NOT NULL,
            value REAL,
            expected_per_day REAL,
            quality TEXT NOT NULL,
            bundle_id TEXT NOT NULL,
            path TEXT NOT NULL UNIQUE,
            size_bytes INTEGER NOT NULL,
            gone TEXT
        )""",
        "CREATE INDEX windows_by_event ON windows (event_id, value)",
    ),
    2: (
        # what an open event sounded like so far: for readers, and for the describer after a restart
        "ALTER TABLE events ADD COLUMN explanation TEXT",
        "ALTER TABLE events ADD COLUMN portrait TEXT",
    ),
    3: (
        # a record waits for each reader by itself, and goes when the last one has it
        "CREATE TABLE readers (reader TEXT PRIMARY KEY) WITHOUT ROWID",
        """CREATE TABLE awaited (
            reader TEXT NOT NULL,
            rank INTEGER NOT NULL,
            seq INTEGER NOT NULL REFERENCES outbox (seq) ON DELETE CASCADE,
            PRIMARY KEY (reader, rank, seq)
        ) WITHOUT ROWID""",
        "CREATE INDEX awaited_by_record ON awaited (seq)",
        "INSERT INTO readers (reader) VALUES ('json')",
        "INSERT INTO awaited (reader, rank, seq) SELECT 'json', rank, seq FROM outbox",
    ),
    4: (
        # who asked for what: rows are never changed, and only the oldest one may go
        """CREATE TABLE audit (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            at_utc_s REAL NOT NULL,
            origin TEXT NOT NULL,
            source_id TEXT NOT NULL,
            command_id TEXT,
            actor TEXT,
            action TEXT,
            arguments TEXT NOT NULL,
            result TEXT NOT NULL CHECK (result IN ('done', 'refused')),
            reason TEXT
        )""",
        """CREATE TRIGGER audit_update BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
        """CREATE TRIGGER audit_delete BEFORE DELETE ON audit WHEN OLD.n > (SELECT MIN(n) FROM audit)
            BEGIN SELECT RAISE(ABORT, 'audit loses its oldest row first'); END""",
        # a label may be withdrawn by a further one: SQLite cannot change a CHECK, so the table is made anew
        """CREATE TABLE labels_anew (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL REFERENCES events (event_id),
            rating TEXT NOT NULL CHECK (rating IN ('anomaly', 'no_anomaly', 'unsure', 'none')),
            fault_code TEXT,
            note TEXT,
            who TEXT NOT NULL,
            at_utc_s REAL NOT NULL
        )""",
        "INSERT INTO labels_anew SELECT n, event_id, rating, fault_code, note, who, at_utc_s FROM labels",
        "DROP TABLE labels",
        "ALTER TABLE labels_anew RENAME TO labels",
        "CREATE INDEX labels_by_event ON labels (event_id, n)",
        *(
            f"CREATE TRIGGER labels_{verb.lower()} BEFORE {verb} ON labels "
            "BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ),
    ),
    5: (
        # the replies that wait are counted whenever one is added, and events that wait may be many
        "CREATE INDEX outbox_replies ON outbox (seq) WHERE kind = 'reply'",
    ),
    6: (
        # a locked event's sound and maps are never removed; the record says who locked and unlocked
        "ALTER TABLE events ADD COLUMN locked_by TEXT",
        "ALTER TABLE events ADD COLUMN locked_utc_s REAL",
        # what is kept is added up every few seconds while it grows
        "CREATE INDEX clips_kept ON clips (event_id, size_bytes, start_utc_s, gone) WHERE gone IS NULL",
        "CREATE INDEX windows_kept ON windows (event_id, size_bytes, start_utc_s, gone) WHERE gone IS NULL",
        # changes that belong to no event would be kept for ever
        "CREATE INDEX transitions_without_event ON transitions (seq, at_utc_s) WHERE event_id IS NULL",
        "DROP TRIGGER transitions_delete",
        """CREATE TRIGGER transitions_delete BEFORE DELETE ON transitions WHEN OLD.event_id IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END""",
    ),
    7: (
        # what was taken out of a file before it was written; NULL: nothing was looked for or taken out
        "ALTER TABLE clips ADD COLUMN protection TEXT",
        "ALTER TABLE windows ADD COLUMN protection TEXT",
    ),
    8: (
        # how the wall clock stood when it was set, and the newest row of each table then (JSON)
        """CREATE TABLE clocks (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            boot_id TEXT NOT NULL,
            offset_s REAL NOT NULL,
            is_set INTEGER NOT NULL,
            marks TEXT NOT NULL
        )""",
        # a time that was written before the clock was set is corrected once, and kept as it was
        *(
            f"ALTER TABLE {table} ADD COLUMN recorded_utc_s REAL"
            for table in ("events", "transitions", "clips", "windows", "labels", "audit")
        ),
        *_corrected_once("labels", "event_id", "rating", "fault_code", "note", "who"),
        *_corrected_once("transitions", "seq", "event_id", "source_id", "body"),
        *_corrected_once(
            "audit", "origin", "source_id", "command_id", "actor", "action", "arguments", "result", "reason"
        ),
    ),
    9: (
        # seconds since the box started, when this was noted; NULL: by older software
        "ALTER TABLE clocks ADD COLUMN up_s REAL",
        *_corrected_in_doubt("labels", "event_id", "rating", "fault_code", "note", "who"),
        *_corrected_in_doubt("transitions", "seq", "event_id", "source_id", "body"),
        *_corrected_in_doubt(
            "audit", "origin", "source_id", "command_id", "actor", "action", "arguments", "result", "reason"
        ),
    ),
    10: (
        # a candidate that judges beside a live bundle, and how much of what was heard both have judged
        """CREATE TABLE shadow_runs (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            source_id TEXT NOT NULL,
            live_bundle_id TEXT NOT NULL,
            candidate TEXT NOT NULL,
            began_utc_s REAL NOT NULL,
            recorded_utc_s REAL,
            judged_windows INTEGER NOT NULL DEFAULT 0,
            skipped_windows INTEGER NOT NULL DEFAULT 0,
            hop_s REAL NOT NULL,
            UNIQUE (source_id, live_bundle_id, candidate)
        )""",
        # many rows: what they have in common stands in the run
        """CREATE TABLE shadow_windows (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            run INTEGER NOT NULL REFERENCES shadow_runs (n) ON DELETE CASCADE,
            start_s REAL NOT NULL,
            start_utc_s REAL NOT NULL,
            duration_s REAL NOT NULL,
            live REAL,
            candidate REAL,
            quality TEXT NOT NULL,
            recorded_utc_s REAL
        )""",
        "CREATE INDEX shadow_windows_by_run ON shadow_windows (run, n)",
        # one alarms and the other does not; the sound, where no event of the live bundle has it
        """CREATE TABLE shadow_disagreements (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            run INTEGER NOT NULL REFERENCES shadow_runs (n) ON DELETE CASCADE,
            alarmed TEXT NOT NULL CHECK (alarmed IN ('live', 'candidate')),
            start_s REAL NOT NULL,
            start_utc_s REAL NOT NULL,
            duration_s REAL NOT NULL,
            live_peak REAL,
            candidate_peak REAL,
            event_id TEXT,
            recorded_utc_s REAL,
            clip_id TEXT UNIQUE,
            clip_before_s REAL,
            clip_duration_s REAL,
            sample_rate_hz INTEGER,
            lost_samples INTEGER,
            path TEXT UNIQUE,
            size_bytes INTEGER NOT NULL DEFAULT 0,
            gone TEXT,
            protection TEXT
        )""",
        "CREATE INDEX shadow_disagreements_by_run ON shadow_disagreements (run, n)",
    ),
    11: (
        # how the scores of normal windows lay, an hour or a third of a day a row, by what judged them
        """CREATE TABLE drift_periods (
            source_id TEXT NOT NULL,
            basis TEXT NOT NULL,
            start_utc_s INTEGER NOT NULL,
            span_s INTEGER NOT NULL,
            windows INTEGER NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (source_id, basis, start_utc_s, span_s)
        )""",
        # the limit that is proposed to each source, until it is accepted, outdated or proposed anew
        """CREATE TABLE drift_proposals (
            source_id TEXT PRIMARY KEY,
            proposal_id TEXT NOT NULL,
            made_utc_s REAL NOT NULL,
            body TEXT NOT NULL
        )""",
    ),
    12: (
        # what people said of a dispute, which is no event; it goes with the dispute
        """CREATE TABLE dispute_labels (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            dispute INTEGER NOT NULL REFERENCES shadow_disagreements (n) ON DELETE CASCADE,
            rating TEXT NOT NULL CHECK (rating IN ('anomaly', 'no_anomaly', 'unsure', 'none')),
            fault_code TEXT,
            note TEXT,
            who TEXT NOT NULL,
            at_utc_s REAL NOT NULL,
            recorded_utc_s REAL
        )""",
        "CREATE INDEX dispute_labels_by_dispute ON dispute_labels (dispute, n)",
    ),
    13: RUNS_COUNT_ON,
    14: (
        # the last proposal of each source that somebody did not want, and what it was
        """CREATE TABLE drift_declined (
            source_id TEXT PRIMARY KEY,
            proposal_id TEXT NOT NULL,
            basis TEXT NOT NULL,
            budget REAL NOT NULL,
            factor REAL NOT NULL,
            first_utc_s REAL NOT NULL,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            at_utc_s REAL NOT NULL
        )""",
    ),
}
NEWEST = max(MIGRATIONS)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring a database from whatever step it is at to the newest, each step whole or not at all.

    Raises:
        StoreError: The database was written by newer software than this.
    """
    version = _version(connection, name)
    for number in range(version + 1, NEWEST + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check_newest(connection: sqlite3.Connection, name: str) -> None:
    """Refuse a database that this software cannot read as it is.

    Raises:
        StoreError: The database is older or newer than this software.
    """
    version = _version(connection, name)
    if version < NEWEST:
        raise StoreError(
            f"{name}: has schema {version}, this software reads {NEWEST}; start the daemon once to convert it"
        )


def _version(connection: sqlite3.Connection, name: str) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > NEWEST:
        raise StoreError(
            f"{name}: has schema {version}, this software knows up to {NEWEST}; install the version "
            "that wrote it, or move the file away to begin a new store"
        )
    return version
