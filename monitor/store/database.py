"""One connection to store.sqlite that all threads share, and what its errors mean.

WAL with synchronous=FULL: when a durable transaction has returned, a power cut cannot undo it. Where
losing the last moments to a power cut does no harm (a record marked as sent is at worst sent twice), the
caller says so and saves the wait for the disk. A killed process loses neither kind.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.errors import StoreError, StoreRefusedError
from monitor.store.conversion import keep_copy, needs_conversion
from monitor.store.files import FILE_MODE, disk_errors, free_bytes, full_error
from monitor.store.schema import check_newest, migrate

BUSY_TIMEOUT_S = 10.0
NEARLY_NOTHING_BYTES = 256 * 1024
"""SQLite calls some full disks an I/O error; with less than this free it is a full disk."""
DAMAGED = ("malformed", "not a database")


class DamagedDatabaseError(StoreError):
    """The file is there and can be read, but what is in it is no database any more."""

    code = "store-damaged"


@contextlib.contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says of `path` into the StoreError that says what can be done about it."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own words hold what it found in place of text
        raise DamagedDatabaseError(_damaged(path, f"text that is none: {error.object!r}"[:200])) from error
    except sqlite3.Error as error:
        text = str(error)
        # Python 3.10 has no sqlite_errorcode; SQLite's texts for these have not changed in 20 years
        if "disk is full" in text or (_is_disk_error(text) and _is_full(path.parent)):
            raise full_error(path) from error
        if any(word in text for word in DAMAGED):
            raise DamagedDatabaseError(_damaged(path, text)) from error
        if "FOREIGN KEY" in text:
            text = "the event that this belongs to is not known; apply the event's first change before"
        if isinstance(error, sqlite3.IntegrityError):
            raise StoreRefusedError(f"{path}: {text}") from error
        raise StoreError(f"{path}: {text}") from error


def _damaged(path: Path, how: str) -> str:
    return f"{path}: is damaged ({how}); restart the daemon: it moves the file aside and begins anew"


def _is_disk_error(text: str) -> bool:
    return "disk I/O error" in text or "unable to open database file" in text


def _is_full(folder: Path) -> bool:
    try:
        return free_bytes(folder) < NEARLY_NOTHING_BYTES
    except OSError:  # the disk is gone altogether
        return False


class Database:
    """A connection behind a lock: any thread may call, one at a time is inside."""

    def __init__(
        self, path: Path, *, read_only: bool = False, say: Callable[[str], None] = lambda _words: None
    ) -> None:
        """Open and, unless `read_only`, create and migrate; `say` is told if that converts an older one.

        Raises:
            StoreFullError: There is no space left.
            DamagedDatabaseError: The file is not a whole database.
            StoreError: The file cannot be opened, or newer software wrote it.
        """
        self.path = path
        self._lock = threading.RLock()
        self._durable = True
        if not read_only:
            with disk_errors(path):  # its -wal and -shm inherit the mode
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        self._frozen = read_only and not self._has_log and not os.access(path.parent, os.W_OK)
        mode = "ro&immutable=1" if self._frozen else "ro" if read_only else "rw"
        with sqlite_errors(path):
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with sqlite_errors(path):
                self._prepare(say, read_only=read_only)
        except StoreError:
            self._connection.close()
            raise

    @property
    def is_outdated(self) -> bool:
        """Whether somebody may have written since, which this connection cannot see: it must be opened again.

        While nobody has it open for writing there is no log, and whoever may not write the folder cannot make
        one: SQLite then reads the file alone, as one that never changes (https://sqlite.org/wal.html, 5).
        """
        return self._frozen and self._has_log

    @property
    def _has_log(self) -> bool:
        return self.path.with_name(f"{self.path.name}-wal").exists()

    def _prepare(self, say: Callable[[str], None], *, read_only: bool) -> None:
        connection = self._connection
        connection.row_factory = sqlite3.Row
        found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            raise DamagedDatabaseError(f"{self.path}: is damaged: {'; '.join(map(str, found))}")
        if read_only:
            check_newest(connection, str(self.path))
            return
        if needs_conversion(connection):
            copy = keep_copy(connection, self.path)
            kept = f"it is kept as {copy}" if copy else "no space for a copy of it, so there is no way back"
            say(f"converting the store of older software; {kept}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 16777216")
        connection.execute("PRAGMA secure_delete = ON")  # what is taken out is overwritten, not only let go
        migrate(connection, str(self.path))

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Run the body as one transaction: all of it is kept when it returns, none of it when it raises.

        Raises:
            StoreFullError: There is no space left; the same call may be made again later.
            StoreRefusedError: A rule of the tables is broken; the same call will never succeed.
            StoreError: The database refuses.
        """
        with self._lock, sqlite_errors(self.path):
            connection = self._connection
            if durable != self._durable:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def changes(self) -> int:
        """How many rows were changed since it was opened; while it is the same, so is what was read.

        Of what this process writes: no other does, while it has the store open for writing.

        Raises:
            StoreError: It has been closed.
        """
        with sqlite_errors(self.path):
            return self._connection.total_changes

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query.

        Raises:
            StoreError: The database refuses.
        """
        with self._lock, sqlite_errors(self.path):
            return list(self._connection.execute(query, parameters))

    def empty_log(self) -> bool:
        """Bring the write-ahead log into the file and make it empty; False: somebody reads, ask again later.

        Until then it may hold rows as they were before they were changed. Waits for nobody.

        Raises:
            StoreError: The database refuses.
        """
        with self._lock, sqlite_errors(self.path):
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * BUSY_TIMEOUT_S)}")
        return not busy

    def close(self) -> None:
        """Close the connection; whatever is called afterwards raises StoreError."""
        with self._lock:
            self._connection.close()
