"""The files of a version: copied so that they survive a power cut, named by what lies in them, locked."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from engines.bundle import CALIBRATION, MANIFEST, Bundle
from monitor.errors import LibraryError
from monitor.store.files import sync_folder
from monitor.worded import worded

SIGNATURES = ("manifest.sig", "calibration.sig")
"""Detached signatures of manifest.json and calibration.json, where there are any."""
LOCK_WAIT_S = 0.5
POLL_S = 0.02


@contextlib.contextmanager
def locked(path: Path, whose: str) -> Iterator[None]:
    """Hold the lock at `path`, which the kernel lets go of however this process dies.

    Raises:
        LibraryError: Somebody else holds it, `whose` bundles they are changing, or the disk refuses.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end_s = time.monotonic() + LOCK_WAIT_S
        while not _taken(handle):
            if time.monotonic() >= end_s:
                raise LibraryError(
                    worded(
                        "library-locked",
                        "{source}: somebody else is changing its bundles ({path}); try again in a moment",
                        source=whose,
                        path=str(path),
                    )
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def copy_bundle(bundle: Bundle, to: Path, calibration: Path | None) -> None:
    """Copy what belongs to a bundle, and nothing else, surviving a power cut."""
    files = {
        name: bundle.folder / name for name in (MANIFEST, *bundle.manifest.files, CALIBRATION, *SIGNATURES)
    }
    if calibration is not None:
        if CALIBRATION in bundle.manifest.files:
            raise LibraryError(
                worded(
                    "calibration-sealed",
                    "{folder}: its calibration belongs to its sealed files and cannot be replaced by "
                    "{calibration}; export the bundle without one",
                    folder=str(bundle.folder),
                    calibration=str(calibration),
                )
            )
        files[CALIBRATION], files[SIGNATURES[1]] = calibration, calibration.with_suffix(".sig")
    for name, path in files.items():
        if not path.is_file():
            continue  # what must be there is missed when the copy is opened
        with path.open("rb") as source, (to / name).open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
    sync_folder(to)


def version_name(bundle: Bundle) -> str:
    """Return the name of a version: its bundle, and a digest of the small files that decide what it does."""
    digest = hashlib.sha256()
    for name in (MANIFEST, CALIBRATION, *SIGNATURES):
        path = bundle.folder / name
        content = path.read_bytes() if path.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return f"{bundle.bundle_id}-{digest.hexdigest()[:8]}"


def give_away(folder: Path, *, like: Path) -> None:
    """Let the daemon's user have what root has made for it."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.lchown(path, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what the disk refuses as a LibraryError that names `path`."""
    try:
        yield
    except OSError as error:
        raise LibraryError(
            worded(
                "disk-refuses",
                "{path}: {detail}; run this as the daemon's user, and look at the disk",
                path=str(path),
                detail=str(error.strerror or error),
            )
        ) from error
