"""Where the daemon writes: may it, on what, how much is left, and is what it wrote whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing

from monitor.doctor.box import user_name
from monitor.doctor.finding import Finding, Patient, fault, ok, warning
from monitor.doctor.mounts import CONTAINER, FOREIGN, MEMORY, NETWORK, Disk, disk_of
from monitor.store import open_store
from monitor.store.files import DATABASE, free_bytes
from monitor.store.measures import kept_bytes, outbox_depths

NAME = "state directory"
FEW_FILES = 1000
"""Inodes: a disk may have bytes left and no room for one more file."""
ASIDE = (".corrupt-", ".unlisted-")


def check_state_dir(patient: Patient) -> Iterator[Finding]:
    """Say whether the daemon may write where it must, and on what kind of disk that is."""
    folder = patient.config.state_dir
    if not folder.is_dir():
        missing = folder if folder.parent.is_dir() else folder.parent
        yield warning(NAME, f"{missing} does not exist", "start the daemon once, or set state_dir")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fault(
            NAME,
            f"{folder} cannot be written by {user_name()}",
            f"give it to the daemon's user: chown -R wheeltapper {folder}",
        )
    disk = disk_of(folder, patient.root)
    if disk is None:
        yield ok(NAME, f"{folder}")
    else:
        yield _judged(f"{folder}", disk)
    aside = sorted(path.name for path in folder.iterdir() if any(word in path.name for word in ASIDE))
    if aside:
        yield warning(
            NAME,
            f"a damaged store was moved aside: {', '.join(aside)}",
            "send them along, then remove them; look at the disk: dmesg, smartctl -a",
        )


def _judged(folder: str, disk: Disk) -> Finding:
    medium = f", {disk.medium}" if disk.medium else ""
    said = f"{folder} is on {disk.filesystem} ({disk.device}{medium})"
    if disk.read_only:
        return fault(
            NAME, f"{said}, mounted read-only", "look for errors of the disk (dmesg), mount it again"
        )
    if disk.filesystem in NETWORK:
        return fault(
            NAME,
            f"{said}: a database over a network is damaged sooner or later",
            "set state_dir to a local disk",
        )
    if disk.filesystem in FOREIGN:
        return fault(
            NAME, f"{said}: it knows no owners and no safe renaming", "set state_dir to an ext4 disk"
        )
    if disk.filesystem in MEMORY:
        return warning(NAME, f"{said}: gone with the power", "set state_dir to a disk")
    if disk.filesystem in CONTAINER:
        return warning(
            NAME, f"{said}: gone with the container", "mount a volume there, or set state_dir to one"
        )
    return ok(NAME, said)


def check_free_space(patient: Patient) -> Iterator[Finding]:
    """Say how much is left, and when it will be too little."""
    folder, store = patient.config.state_dir, patient.config.store
    if not folder.is_dir():
        return
    free, files = free_bytes(folder), os.statvfs(folder).f_favail
    said = f"{free / 1e9:.1f} GB free; below {store.min_free_bytes / 1e9:.1f} GB clips and maps are removed"
    remedy = "free the disk, or lower store.max_bytes"
    if free < store.min_free_bytes:
        yield fault("free space", said, remedy)
    elif free < 2 * store.min_free_bytes:
        yield warning("free space", said, remedy)
    else:
        yield ok("free space", said)
    if 0 < files < FEW_FILES and os.statvfs(folder).f_files:
        yield fault("free space", f"room for {files} files only", "remove files; many small ones are there")


def check_store(patient: Patient) -> Iterator[Finding]:
    """Read the database through (quick_check), and say what it holds."""
    folder = patient.config.state_dir
    if not (folder / DATABASE).is_file():
        yield warning(
            "store", f"{folder / DATABASE} does not exist", "start the daemon once, or set state_dir"
        )
        return
    started_s = time.monotonic()
    with closing(open_store(folder, read_only=True)) as store:
        events = int(store.database.rows("SELECT COUNT(*) FROM events")[0][0])
        waiting = outbox_depths(store)
        yield ok(
            "store",
            f"whole (quick_check, {time.monotonic() - started_s:.1f} s): {events} events, "
            f"{kept_bytes(store) / 1e6:.0f} MB of clips and maps, waiting to be sent: "
            f"{', '.join(f'{count} {reader}' for reader, count in waiting.items()) or 'nothing'}",
        )
