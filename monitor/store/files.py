"""Files that are there whole or not at all, and errors of the disk in words."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from monitor.config.section import NAME
from monitor.errors import StoreError, StoreFullError, StoreRefusedError
from monitor.worded import worded

PART = ".part"
"""Ends the name of every file that is still being written; such a file is never listed."""
DATABASE = "store.sqlite"
FOLDERS = ("clips", "maps", "shadow")
FILE_MODE = 0o640
FOLDER_MODE = 0o750
"""The group may read: the technicians' page is another user, who must not be able to change anything."""
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


def full_error(path: Path) -> StoreFullError:
    """Return the one sentence that is said wherever space has run out."""
    return StoreFullError(
        worded(
            "disk-full",
            "{path}: no space left on the device; free some, or lower store.max_bytes so that less is kept",
            path=str(path),
        )
    )


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says of `path` into StoreFullError or StoreError."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise full_error(path) from error
        raise StoreError(
            worded(
                "store-not-written",
                "{path}: {detail}; the daemon must be able to write there, see state_dir",
                path=str(path),
                detail=str(error.strerror or error),
            )
        ) from error


def free_bytes(folder: Path) -> int:
    """Return how much an ordinary user may still write to the disk of `folder`."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def make_folder(folder: Path, *, below: Path) -> None:
    """Make `folder` and what is missing between it and `below`, surviving a power cut."""
    for path in reversed((folder, *folder.parents)):
        if path.is_relative_to(below) and path != below and not path.is_dir():
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes, *, below: Path) -> None:
    """Write a file that is there whole or not at all, even after a power cut; make its folders under `below`.

    Raises:
        StoreFullError: There is no space left; nothing of the file remains.
        StoreError: The disk refuses for another reason; nothing of the file remains.
    """
    part = path.with_name(path.name + PART)
    with disk_errors(path):
        make_folder(path.parent, below=below)
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with open(handle, "wb") as file:  # noqa: PTH123 - Path.open knows no file mode
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def dated(utc_s: float) -> datetime:
    """Return a time as UTC.

    Raises:
        StoreRefusedError: No calendar has such a time.
    """
    try:
        return datetime.fromtimestamp(utc_s, tz=timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise StoreRefusedError(
            f"{utc_s} s is not a time that can be written; check the clock of the box"
        ) from error


def new_path(kind: str, source_id: str, start_utc_s: float, suffix: str) -> tuple[str, str]:
    """Return an id and a path kind/source/date/id.suffix that no other file has, whatever the clock says.

    The id begins with the time of day, so that a folder lists in order; its random end keeps it unique
    on a box that begins in 1970 at every start.

    Raises:
        StoreRefusedError: The source's name is not safe in a path, or no calendar has the time.
    """
    if re.fullmatch(NAME, source_id) is None:
        raise StoreRefusedError(
            f"source {source_id!r} is no name for a folder; letters, digits, _ . - are allowed"
        )
    start = dated(start_utc_s)
    name = f"{start.strftime('%H%M%S')}-{secrets.token_hex(6)}"
    return name, f"{kind}/{source_id}/{start.strftime('%Y-%m-%d')}/{name}.{suffix}"
