"""Keeps a copy of a store before newer software converts it, and puts it back for the older software.

store.schema-2.sqlite                           as it was before the software that needs schema 3 opened it
store.sqlite.schema-3-STAMP, clips.schema-3-... what was put aside when the copy was put back

Sound and maps belong to both; they are linked, not copied, so that neither store loses a file to the other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from monitor.errors import StoreError
from monitor.store.files import DATABASE, FILE_MODE, FOLDERS, PART, disk_errors, free_bytes, sync_folder
from monitor.store.schema import NEWEST
from monitor.store.set_aside import next_suffix

ROOM = 3
"""The copy and the conversion need about the store's size each; the third is for alarms meanwhile."""


def keep_copy(connection: sqlite3.Connection, path: Path) -> Path | None:
    """Copy a database that is about to be converted, and return the copy; None: the disk has no room for it.

    The copy is whole or not there. One of an older schema is removed: it is of no use any more. That there is
    none must not keep the box from listening.
    """
    schema = schema_of(connection)
    copy = _copy_path(path.parent, schema)
    part = copy.with_name(copy.name + PART)
    try:
        if free_bytes(path.parent) < ROOM * path.stat().st_size:
            return None
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))  # SQLite keeps the mode
        connection.execute("VACUUM INTO ?", (str(part),))
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(copy)
        sync_folder(path.parent)
        for older in range(1, schema):
            _copy_path(path.parent, older).unlink(missing_ok=True)
    except (OSError, sqlite3.Error):
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return None
    return copy


def schema_of(connection: sqlite3.Connection) -> int:
    """Return the schema that a database is at; 0 for one that is new."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def put_back(state_dir: Path, newest: int) -> Path | None:
    """Put the newest copy that software up to schema `newest` can read in place of a store that it cannot.

    Returns where that store was moved to; None: it can be read as it is, or there is none. Nobody may have it
    open.

    Raises:
        StoreError: There is no copy, or the disk refuses.
    """
    path = state_dir / DATABASE
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            schema = schema_of(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # then it is one file
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    if schema <= newest:
        return None
    copies = [_copy_path(state_dir, older) for older in range(newest, 0, -1)]
    copy = next((copy for copy in copies if copy.exists()), None)
    if copy is None:
        raise StoreError(
            f"{state_dir}: no copy of the store from before schema {newest + 1}; move {path} away to begin a "
            "new store with the older version"
        )
    with disk_errors(state_dir):
        suffix = next_suffix((each.name for each in state_dir.iterdir()), f"schema-{schema}")
        aside = path.with_name(path.name + suffix)
        for name in FOLDERS:
            if (state_dir / name).is_dir():
                shutil.copytree(state_dir / name, state_dir / (name + suffix), copy_function=os.link)
        path.rename(aside)
        for tail in ("-wal", "-shm"):
            Path(f"{path}{tail}").unlink(missing_ok=True)
        copy.rename(path)
        sync_folder(state_dir)
    return aside


def _copy_path(state_dir: Path, schema: int) -> Path:
    return state_dir / f"store.schema-{schema}.sqlite"


def needs_conversion(connection: sqlite3.Connection) -> bool:
    """Say whether a database was written by older software than this."""
    return 0 < schema_of(connection) < NEWEST
