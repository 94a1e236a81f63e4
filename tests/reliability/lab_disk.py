"""A small disk of its own for the state directory: a real ext4 that can be full, read-only, and mended."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

SIZE_BYTES = 120_000_000
BALLOON = "balloon"


class LabDisk:
    """A file, formatted and mounted through a loop device. Needs root."""

    def __init__(self, folder: Path) -> None:
        self.at = folder / "disk"
        """Where it is mounted."""
        self._image = folder / "disk.img"
        self.at.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE_BYTES)
        # without blocks that only root may fill: the daemon of a test is root
        _run("mkfs.ext4", "-q", "-F", "-m", "0", self._image)
        self._mount()

    @staticmethod
    def missing() -> str:
        """Return what this machine lacks to have one; empty: nothing."""
        if os.geteuid() != 0:
            return "mounting a filesystem needs root"
        absent = [name for name in ("mount", "mkfs.ext4", "e2fsck", "losetup") if shutil.which(name) is None]
        if absent or not Path("/dev/loop-control").exists():
            return f"no {', '.join(absent) or 'loop devices'}"
        return ""

    def fill(self) -> None:
        """Leave not one block free."""
        with (self.at / BALLOON).open("wb", buffering=0) as balloon:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        balloon.write(b"\xff" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Give back what `fill` took."""
        (self.at / BALLOON).unlink(missing_ok=True)

    def break_down(self) -> None:
        """Have the kernel find an error, after which it writes nothing more: how a worn flash card dies."""
        device = Path(_run("findmnt", "-n", "-o", "SOURCE", self.at).strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a test\n")

    def repair(self) -> None:
        """Take it out, check it and put it back, as whoever comes with a ladder would. Nothing may use it.

        Raises:
            OSError: Another namespace has it mounted, that of a container begun meanwhile; ask again later.
        """
        if self.at.is_mount():
            _run("umount", self.at)
        if _run("losetup", "--associated", self._image).strip():
            raise OSError(errno.EBUSY, "the disk is mounted elsewhere")
        # 1: errors were mended
        subprocess.run(["e2fsck", "-p", "-f", str(self._image)], capture_output=True, check=False)
        self._mount()

    def close(self) -> None:
        """Unmount it, even if a file of it is still open."""
        subprocess.run(["umount", "--lazy", str(self.at)], capture_output=True, check=False)

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", self._image, self.at)


def _run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return done.stdout
