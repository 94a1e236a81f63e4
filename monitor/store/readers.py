"""Who waits for which records: each reader has a place of its own in the outbox, and none holds up another.

A record stays until the last reader that was to have it has it. Who reads is written down in the database:
a reader that the configuration no longer names lets go of everything, so that it never fills the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from monitor.messages import Reader


def set_readers(connection: sqlite3.Connection, readers: Collection[Reader]) -> int:
    """Have records wait for these readers from now on; return how many waited for others alone, and are gone.

    A reader that is new gets what comes from now on.
    """
    names = [reader.value for reader in readers]
    marks = ", ".join("?" * len(names))
    connection.execute(f"DELETE FROM readers WHERE reader NOT IN ({marks})", names)  # noqa: S608 - only marks
    connection.executemany("INSERT OR IGNORE INTO readers (reader) VALUES (?)", [(name,) for name in names])
    connection.execute("DELETE FROM awaited WHERE reader NOT IN (SELECT reader FROM readers)")
    return connection.execute("DELETE FROM outbox WHERE seq NOT IN (SELECT seq FROM awaited)").rowcount


def await_record(connection: sqlite3.Connection, seq: int, *, only: Reader | None = None) -> None:
    """Have a new record wait for every reader, or for `only` one; when nobody reads it is gone at once."""
    added = connection.execute(
        "INSERT INTO awaited (reader, rank, seq) SELECT readers.reader, outbox.rank, outbox.seq "
        "FROM readers, outbox WHERE outbox.seq = ? AND (? IS NULL OR readers.reader = ?)",
        (seq, *((None if only is None else only.value,) * 2)),
    ).rowcount
    if added == 0:
        connection.execute("DELETE FROM outbox WHERE seq = ?", (seq,))


def has_read(connection: sqlite3.Connection, seq: int, reader: Reader) -> bool:
    """Note that `reader` has a record, remove it if that was the last; False: it did not wait for it."""
    waited = connection.execute(
        "DELETE FROM awaited WHERE reader = ? AND seq = ? AND rank = (SELECT rank FROM outbox WHERE seq = ?)",
        (reader.value, seq, seq),
    ).rowcount
    if waited:
        connection.execute(
            "DELETE FROM outbox WHERE seq = ? AND NOT EXISTS (SELECT 1 FROM awaited WHERE seq = ?)",
            (seq, seq),
        )
    return waited > 0


def withdraw(connection: sqlite3.Connection, seq: int) -> None:
    """Let nobody wait for a record any more; one that is gone does nothing."""
    connection.execute("DELETE FROM outbox WHERE seq = ?", (seq,))


def waits_for_all(connection: sqlite3.Connection, seq: int) -> bool:
    """Whether a record still waits for every reader that there is."""
    had = "SELECT 1 FROM readers WHERE reader NOT IN (SELECT reader FROM awaited WHERE seq = ?)"
    return connection.execute(had, (seq,)).fetchone() is None
