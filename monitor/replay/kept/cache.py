"""Pictures and sounds that were made once, on disk within a number of bytes.

An entry is there whole or not at all, and its name says what it was made from, so that it is never stale.
Nothing waits for the disk: a power cut may leave damaged files behind, so a file's name also holds the CRC of
its content, and what an earlier process wrote is checked when it is first used. A disk that is full or
read-only costs the cache, not the picture.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from monitor.store.files import PART, free_bytes

NAME = re.compile(r"[0-9a-f]{32}\.[a-z_]+")
"""The digest of all that decides the content, and what kind of content it is."""
ON_DISK = re.compile(rf"({NAME.pattern})\.([0-9a-f]{{8}})")
"""A name, and the CRC of the content."""
LEFT_BEHIND = re.compile(rf"{NAME.pattern}\.[0-9]+{re.escape(PART)}")
"""What was being written when a process was killed."""
CHUNK_BYTES = 1024 * 1024
UNUSED_S = 86_400.0
"""What nobody has looked at or listened to for a day goes: it may outlive the clip it was made from."""
KEEP_FREE_BYTES = 256 * 1024 * 1024
"""With less than this free nothing is added, and what is there goes: alarms and clips need the space."""
KEEP_FREE_SHARE = 1.3
"""Of store.min_free_bytes, if that is more: pictures are to be gone before the daemon removes sound."""

Write = Callable[[BinaryIO], object]
"""Writes the content of an entry."""


@dataclass(slots=True)
class _Entry:
    """A file of the cache."""

    size_bytes: int
    """Of its content."""
    crc: int
    """CRC-32 of its content, as it was when it was written."""
    is_checked: bool
    """Whether this process knows that the content is what was written."""
    used_utc_s: float
    """When it was last made or opened."""


class Cache:
    """A folder of one process. Thread-safe; what is made is made one at a time."""

    def __init__(self, folder: Path, max_bytes: int, *, keep_free_bytes: int = KEEP_FREE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep_free_bytes = keep_free_bytes
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # by name, oldest use first
        self._bytes = 0
        self._numbers = itertools.count()
        self._usable = self._take_over()

    @property
    def size_bytes(self) -> int:
        """Bytes of all entries, never above the limit."""
        return self._bytes

    def make_room(self) -> int:
        """Let go of what is unused for longest while the disk is short, of all if need be; return the bytes.

        Sound and alarms need the room: pictures can be made again.
        """
        gone = 0
        with contextlib.suppress(OSError):
            while self._bytes and free_bytes(self._folder) < self._keep_free_bytes:
                with self._lock:
                    gone += self._drop_oldest()
        return gone

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """Keep everybody else from making anything: a page never takes more than one core from the daemon."""
        with self._making:
            yield

    def open(self, name: str) -> BinaryIO | None:
        """Return an entry, to be read to its end even if it goes meanwhile; None: it is not there."""
        with self._lock:
            self._drop_unused()
            entry = self._entries.get(name)
        if entry is None:
            return None
        try:
            file = self._path(name, entry.crc).open("rb")
        except OSError:
            self._forget(name, entry)
            return None
        if not entry.is_checked and _crc_of(file) != entry.crc:
            file.close()
            self._forget(name, entry)
            return None
        entry.is_checked = True
        entry.used_utc_s = time.time()
        with contextlib.suppress(OSError):
            os.utime(file.fileno())  # the order of use survives a restart
        with self._lock:
            if name in self._entries:
                self._entries.move_to_end(name)
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
            self._keep(part, name, _entry_of(file))
        except OSError:
            file.close()
            part.unlink(missing_ok=True)
            return None
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        return file

    def _keep(self, part: Path, name: str, entry: _Entry) -> None:
        if entry.size_bytes > self._max_bytes:
            part.unlink()
            return
        with self._lock:
            part.replace(self._path(name, entry.crc))
            self._add(name, entry)

    def _add(self, name: str, entry: _Entry) -> None:
        """Count an entry as the one used last, and let go of others until all fit."""
        before = self._entries.pop(name, None)
        if before is not None:
            self._bytes -= before.size_bytes
            if before.crc != entry.crc:
                self._path(name, before.crc).unlink(missing_ok=True)
        self._entries[name] = entry
        self._bytes += entry.size_bytes
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def _drop_unused(self) -> None:
        """Let go of what was not used for UNUSED_S. The lock is held."""
        since_utc_s = time.time() - UNUSED_S
        while self._entries and next(iter(self._entries.values())).used_utc_s < since_utc_s:
            self._drop_oldest()

    def _drop_oldest(self) -> int:
        """Let go of the entry that was not used for longest; return its bytes. The lock is held."""
        oldest, gone = self._entries.popitem(last=False)
        self._bytes -= gone.size_bytes
        with contextlib.suppress(OSError):
            self._path(oldest, gone.crc).unlink()
        return gone.size_bytes

    def _forget(self, name: str, entry: _Entry) -> None:
        """Let go of an entry whose file is not what it was, unless it was made anew meanwhile."""
        with self._lock:
            if self._entries.get(name) is entry:
                del self._entries[name]
                self._bytes -= entry.size_bytes
                with contextlib.suppress(OSError):
                    self._path(name, entry.crc).unlink()

    def _path(self, name: str, crc: int) -> Path:
        return self._folder / f"{name}.{crc:08x}"

    def _take_over(self) -> bool:
        """Take up what an earlier process left, remove what it did not finish; False: nothing can be kept."""
        found = []
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._folder.iterdir():
                ours = ON_DISK.fullmatch(path.name)
                if ours is not None:
                    status = path.stat()
                    entry = _Entry(
                        status.st_size, int(ours[2], 16), is_checked=False, used_utc_s=status.st_mtime
                    )
                    found.append((status.st_mtime, ours[1], entry))
                elif LEFT_BEHIND.fullmatch(path.name):
                    path.unlink()
        except OSError:
            return False
        for _, name, entry in sorted(found, key=lambda item: item[0]):
            self._add(name, entry)
        self._drop_unused()
        return True


def _entry_of(file: BinaryIO) -> _Entry:
    """Return what is known of a file that was just written."""
    return _Entry(file.seek(0, os.SEEK_END), _crc_of(file), is_checked=True, used_utc_s=time.time())


def _crc_of(file: BinaryIO) -> int:
    """Return the CRC-32 of a whole file, and go back to its beginning."""
    crc = 0
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        crc = zlib.crc32(chunk, crc)
    file.seek(0)
    return crc
