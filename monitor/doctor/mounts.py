"""On what kind of disk a folder lies."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "fuse.sshfs", "fuse.glusterfs"}
)
MEMORY = frozenset({"tmpfs", "ramfs"})
FOREIGN = frozenset({"vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk"})
CONTAINER = frozenset({"overlay", "aufs"})
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Disk:
    """What lies under a folder."""

    filesystem: str
    """As the kernel calls it: ext4, tmpfs, nfs4 ..."""
    device: str
    """Its source: /dev/mmcblk0p1, server:/export ..."""
    read_only: bool
    """Whether it is mounted so."""
    medium: str
    """`SD card or eMMC`, `spinning disk`, `flash`; empty where the kernel does not tell."""


def disk_of(folder: Path, root: Path = Path("/")) -> Disk | None:
    """Return the disk under a folder that exists; None where there is no /proc/self/mountinfo."""
    try:
        lines = (root / "proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    resolved, best, found = folder.resolve(), -1, None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, behind = before.split(), after.split()
        if len(fields) < 6 or len(behind) < 3:
            continue
        point = Path(_unescaped(fields[4]))
        # of two mounts at one place the later one is seen
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best = len(point.parts)
            options = {*fields[5].split(","), *behind[2].split(",")}
            found = Disk(behind[0], _unescaped(behind[1]), "ro" in options, _medium(fields[2], root))
    return found


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)


def _medium(number: str, root: Path) -> str:
    """Return what a device of this major:minor is made of."""
    device = Path(os.path.realpath(root / "sys/dev/block" / number))
    if "mmcblk" in device.name:
        return "SD card or eMMC"
    for folder in (device, device.parent):  # a partition's queue is that of its disk
        try:
            spins = (folder / "queue/rotational").read_text(encoding="ascii").strip()
        except OSError:
            continue
        return "spinning disk" if spins == "1" else "flash"
    return ""
