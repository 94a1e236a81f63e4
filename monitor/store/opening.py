"""Opens a state directory: alone, whole or not at all, and never silently anew.

store.sqlite    events, alarms, labels, replies, outbox
clips/ maps/    sound and error maps, by source and UTC date
store.lock      held by the one process that may write
store.reserve   room for alarms on a disk that is full
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from monitor.errors import StoreError, StoreFullError
from monitor.store import outbox
from monitor.store.database import DamagedDatabaseError, Database
from monitor.store.files import DATABASE, FOLDER_MODE, FOLDERS, disk_errors, sync_folder
from monitor.store.reserve import Reserve
from monitor.store.retention.aside import remove_half_written
from monitor.store.set_aside import next_suffix
from monitor.store.store import Store
from monitor.store.tidying import tidy

LOCK = "store.lock"
LARGE_BYTES = 100_000_000
"""Checking a smaller database takes less than a second."""


def say_nothing(_words: str) -> None:
    """Do nothing: nobody waits to hear what takes long."""


def open_store(
    state_dir: Path, *, read_only: bool = False, say: Callable[[str], None] = say_nothing
) -> Store:
    """Open the store in `state_dir`, making what is missing of it, or only to read what is there.

    `say` is told what takes long, and what is done to a store that older software wrote.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The folder cannot be used, another process writes to it, or newer software did.
    """
    if read_only:
        path = state_dir / DATABASE
        if not path.is_file():
            raise StoreError(f"{path}: not there; start the daemon once, or set state_dir to where it writes")
        return Store(state_dir, Database(path, read_only=True))
    make_folders(state_dir)
    with contextlib.ExitStack() as undo:
        handle = lock(state_dir)
        undo.callback(os.close, handle)
        with disk_errors(state_dir):
            remove_half_written(state_dir)
        database, recovered_from = _open_with_reserve(state_dir, say)
        undo.callback(database.close)
        tidied = tidy(database, state_dir)
        store = Store(state_dir, database, handle=handle, recovered_from=recovered_from, tidied=tidied)
        undo.pop_all()
    return store


def _open_with_reserve(state_dir: Path, say: Callable[[str], None]) -> tuple[Database, Path | None]:
    """Open the database, on a full disk with the room held back for alarms; raises as open_database."""
    try:
        return open_database(state_dir, say)
    except StoreFullError:
        if not Reserve(state_dir).give_up():
            raise
    say("the disk is full; the store has the room that was held back for alarms")
    return open_database(state_dir, say)


def make_folders(state_dir: Path) -> None:
    """Make the state directory and its folders.

    Raises:
        StoreFullError: There is no space left.
        StoreError: Its parent is missing, or it cannot be written.
    """
    if not state_dir.parent.is_dir():
        raise StoreError(
            f"{state_dir}: {state_dir.parent} does not exist; make it, mount its disk, or set state_dir"
        )
    for folder in (state_dir, *(state_dir / name for name in FOLDERS)):
        with disk_errors(folder):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def lock(state_dir: Path) -> int:
    """Take the state directory for this process and return the handle that holds it, until it is closed.

    The kernel lets go when the process ends, however it ends.

    Raises:
        StoreError: Another process has it.
    """
    path = state_dir / LOCK
    with disk_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreError(
            f"{state_dir}: another wheeltapper has it open; stop that one, or set another state_dir"
        ) from error
    return handle


def open_database(state_dir: Path, say: Callable[[str], None]) -> tuple[Database, Path | None]:
    """Open or begin the database; also return where a damaged one was moved to, None if there was none.

    Sound and maps without a database to list them are moved aside with it, never deleted.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database cannot be opened, or newer software wrote it.
    """
    path = state_dir / DATABASE
    if not path.exists():
        _move_folders(state_dir, next_suffix(_names_in(state_dir), "unlisted"))
        return Database(path), None
    if path.stat().st_size > LARGE_BYTES:
        say("checking the store")
    with contextlib.suppress(DamagedDatabaseError):
        return Database(path, say=say), None
    last_seq = _salvaged_seq(path)
    aside = _move_aside(state_dir)
    database = Database(path)
    outbox.start_after(database, last_seq)
    return database, aside


def _salvaged_seq(path: Path) -> int:
    """Return a number that no record of a damaged database had: its last one, or the time in ms.

    That of the clock, or when the file was last written: the clock may be in 1970.
    """
    now_ms = int(max(time.time(), path.stat().st_mtime) * 1000)
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return now_ms
    return max(row[0], now_ms) if row is not None and isinstance(row[0], int) else now_ms


def _names_in(state_dir: Path) -> list[str]:
    with disk_errors(state_dir):
        return [path.name for path in state_dir.iterdir()]


def _move_aside(state_dir: Path) -> Path:
    suffix = next_suffix(_names_in(state_dir), "corrupt")
    aside = state_dir / (DATABASE + suffix)
    with disk_errors(state_dir):
        for tail in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                (state_dir / (DATABASE + tail)).rename(aside.with_name(aside.name + tail))
    _move_folders(state_dir, suffix)
    return aside


def _move_folders(state_dir: Path, suffix: str) -> None:
    """Move folders that hold anything to names with `suffix`, and make empty ones in their place."""
    with disk_errors(state_dir):
        for name in FOLDERS:
            folder = state_dir / name
            if any(folder.iterdir()):
                folder.rename(state_dir / (name + suffix))
                folder.mkdir(mode=FOLDER_MODE)
        sync_folder(state_dir)
