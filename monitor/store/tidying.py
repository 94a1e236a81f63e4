"""Makes files and rows agree again when the store is opened, after a kill at any moment.

A kill leaves at most a file that no row lists, removed here, or a row whose file is gone, marked here.
Only names such as the store gives are touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.store.database import Database
from monitor.store.files import PART

KINDS = {
    "clips": ("clips", ".flac"),
    "maps": ("windows", ".npz"),
    "shadow": ("shadow_disagreements", ".flac"),
}
"""Folder -> table that lists its files, and how their names end."""
DATE = "*/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
"""A source's folder of one day."""


@dataclass(slots=True)
class Tidied:
    """What opening had to put right."""

    unlisted_files: int = 0
    """Half-written ones included."""
    missing_files: int = 0
    """Rows that were marked, because their file is gone."""
    failed: int = 0
    """Files that could not be removed, and folders that could not be read."""


def tidy(database: Database, state_dir: Path) -> Tidied:
    """Remove files without a row and mark rows without a file, folder by folder."""
    tidied = Tidied()
    for kind, (table, ending) in KINDS.items():
        dates = (path for path in (state_dir / kind).glob(DATE) if path.is_dir())
        on_disk = {path.relative_to(state_dir).as_posix() for path in dates}
        for folder in sorted(on_disk | set(_listed_folders(database, table))):
            _tidy_folder(database, state_dir / folder, folder, (table, ending), tidied)
    return tidied


def _listed_folders(database: Database, table: str) -> Iterator[str]:
    """Yield the folders that rows name, leaping from one to the next in the index."""
    after = ""
    query = f"SELECT MIN(path) FROM {table} WHERE path > ?"  # noqa: S608 - a name of ours
    while (path := database.rows(query, (after,))[0][0]) is not None:
        folder = str(path).rpartition("/")[0]
        yield folder
        after = folder + "0"  # the character after "/"


def _tidy_folder(database: Database, folder: Path, name: str, kind: tuple[str, str], tidied: Tidied) -> None:
    table, ending = kind
    query = f"SELECT path FROM {table} WHERE path > ? AND path < ? AND gone IS NULL"  # noqa: S608 - ours
    listed = {str(row["path"]) for row in database.rows(query, (name + "/", name + "0"))}
    try:
        found = {f"{name}/{path.name}" for path in folder.iterdir()}
    except FileNotFoundError:
        found = set()
    except OSError:  # a folder that cannot be read says nothing about its files
        tidied.failed += 1
        return
    for path in found - listed:
        if path.endswith((ending, ending + PART)):
            try:
                folder.joinpath(path.rpartition("/")[2]).unlink()
                tidied.unlisted_files += 1
            except OSError:
                tidied.failed += 1
    with contextlib.suppress(OSError):  # there is something in it, or it was never there
        folder.rmdir()
    missing = sorted(listed - found)
    if missing:
        with database.transaction(durable=False) as connection:
            connection.executemany(
                f"UPDATE {table} SET gone = 'missing' WHERE path = ?",  # noqa: S608 - a name of ours
                [(path,) for path in missing],
            )
        tidied.missing_files += len(missing)
