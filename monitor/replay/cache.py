"""Pictures and sounds that were made once, on disk within a number of bytes.

An entry is there whole or not at all, and its name says what it was made from, so that it is never stale.
Nothing waits for the disk: a power cut may leave damaged files behind, so a cache does not outlive the boot
of the box in which it was written. A disk that is full or read-only costs the cache, not the picture.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from monitor.store.files import PART, free_bytes

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BOOT_FILE = "boot_id"
NAME = re.compile(r"[0-9a-f]{32}\.[a-z_]+")
"""The digest of all that decides the content, and what kind of content it is."""
LEFT_BEHIND = re.compile(rf"{NAME.pattern}(\.[0-9]+{re.escape(PART)})?")
"""Names of entries, and of files that were being written when a process was killed."""
KEEP_FREE_BYTES = 256 * 1024 * 1024
"""With less than this free nothing is added: the space belongs to alarms and clips."""

Write = Callable[[BinaryIO], object]
"""Writes the content of an entry."""


class Cache:
    """A folder of one process. Thread-safe; what is made is made one at a time."""

    def __init__(self, folder: Path, max_bytes: int, *, keep_free_bytes: int = KEEP_FREE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep_free_bytes = keep_free_bytes
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()  # name -> bytes, oldest use first
        self._bytes = 0
        self._numbers = itertools.count()
        self._usable = self._take_over()

    @property
    def size_bytes(self) -> int:
        """Bytes of all entries, never above the limit."""
        return self._bytes

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """Keep everybody else from making anything: a page never takes more than one core from the daemon."""
        with self._making:
            yield

    def open(self, name: str) -> BinaryIO | None:
        """Return an entry, to be read to its end even if it goes meanwhile; None: it is not there."""
        with self._lock:
            if name not in self._sizes:
                return None
            try:
                file = (self._folder / name).open("rb")
            except OSError:
                self._bytes -= self._sizes.pop(name)
                return None
            with contextlib.suppress(OSError):
                os.utime(file.fileno())  # the order of use survives a restart
            self._sizes.move_to_end(name)
            return file

    def put(self, name: str, write: Write) -> BinaryIO:
        """Write an entry, let go of those unused for longest, and return the new one to be read.

        What cannot be kept (no space, or larger than the whole cache) is returned all the same.
        """
        file = self._written(name, write)
        if file is None:
            file = io.BytesIO()
            write(file)
        file.seek(0)
        return file

    def _written(self, name: str, write: Write) -> BinaryIO | None:
        """Return the new entry, open; None: the disk did not take it."""
        part = self._folder / f"{name}.{next(self._numbers)}{PART}"
        if not self._usable:
            return None
        try:
            if free_bytes(self._folder) < self._keep_free_bytes:
                return None
            file = part.open("w+b")
        except OSError:
            return None
        try:
            write(file)
            file.flush()
            self._keep(part, name, file.tell())
        except OSError:
            file.close()
            part.unlink(missing_ok=True)
            return None
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        return file

    def _keep(self, part: Path, name: str, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            part.unlink()
            return
        with self._lock:
            part.replace(self._folder / name)
            self._bytes += size_bytes - self._sizes.pop(name, 0)
            self._sizes[name] = size_bytes
            self._shrink_to_limit()

    def _take_over(self) -> bool:
        """Take up what an earlier process left in this boot, remove the rest; False: no cache can be kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark, boot_id = self._folder / BOOT_FILE, BOOT_ID.read_text(encoding="ascii")
            kept = mark.is_file() and mark.read_text(encoding="ascii") == boot_id
            found = []
            for path in self._folder.iterdir():
                if kept and NAME.fullmatch(path.name):
                    status = path.stat()
                    found.append((status.st_mtime, path.name, status.st_size))
                elif LEFT_BEHIND.fullmatch(path.name):
                    path.unlink()
            mark.write_text(boot_id, encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return False
        for _, name, size_bytes in sorted(found):
            self._sizes[name] = size_bytes
            self._bytes += size_bytes
        self._shrink_to_limit()
        return True

    def _shrink_to_limit(self) -> None:
        while self._bytes > self._max_bytes:
            oldest, freed = self._sizes.popitem(last=False)
            self._bytes -= freed
            with contextlib.suppress(OSError):
                (self._folder / oldest).unlink()
