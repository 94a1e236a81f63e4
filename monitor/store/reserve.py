"""Room on the disk that is held back for alarms, and given up when they find none.

SQLite needs room in its log and in its file to store an alarm. On a disk that something else has filled there
is none: then this file is removed, and alarms have its bytes. It is made again when there is room. What it
gives up is not for sound: that is not written below store.min_free_bytes.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from monitor.store.files import FILE_MODE, free_bytes

RESERVE_FILE = "store.reserve"
RESERVE_BYTES = 8 * 1024 * 1024
"""Room for a thousand changes of alarms and more: the log takes up to 4 MB before it begins anew, each change
then some kB of the file (tests/store/test_full_disk_of_alarms.py)."""
ROOM_TIMES = 4
"""It is made only where so many times its size is free: taking the last room would defeat its purpose."""


class Reserve:
    """The file. Any thread may call."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / RESERVE_FILE

    @property
    def size_bytes(self) -> int:
        """How much is held back; 0: nothing."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def make(self) -> bool:
        """Hold room back, if there is enough of it; say whether it is held back now."""
        if self.size_bytes == RESERVE_BYTES:
            return True
        try:
            if free_bytes(self._path.parent) < ROOM_TIMES * RESERVE_BYTES:
                return False
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
            try:
                os.posix_fallocate(handle, 0, RESERVE_BYTES)
            finally:
                os.close(handle)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> bool:
        """Let alarms have the room; False: there is none, or the disk does not let go of it."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
