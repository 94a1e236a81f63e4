"""The daemon's store, read while the daemon writes it, found again when it was begun anew."""

from __future__ import annotations

import os
import threading
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from monitor.errors import FileGoneError, StoreError
from monitor.store import Store, StoredClip, StoredWindow, open_store
from monitor.store.files import DATABASE, FOLDERS
from monitor.worded import Worded, worded

REASONS = {
    "age": worded("gone-age", "it was older than store.max_age_days"),
    "space": worded("gone-space", "it made room for newer sound (store.max_bytes)"),
    "missing": worded("gone-missing", "somebody else removed it"),
    "never": worded("gone-never", "this box stores no sound (store.audio)"),
    "unchecked": worded("gone-unchecked", "nobody could say whether it holds speech (store.speech)"),
}
"""Why a file is gone, in words."""


class StoreReader:
    """Opens the store when it is first needed, and again when another file has taken its place."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._lock = threading.Lock()
        self._opened: tuple[tuple[int, int], Store] | None = None  # the file's device and inode

    @property
    def store(self) -> Store:
        """The store as it is now.

        Raises:
            StoreError: There is none yet, or it cannot be read.
        """
        path = self.state_dir / DATABASE
        try:
            found = path.stat()
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be read ({error.strerror}); start the daemon, or set state_dir to where it "
                "writes"
            ) from error
        place = (found.st_dev, found.st_ino)
        with self._lock:
            if self._opened is None or self._opened[0] != place or self._opened[1].database.is_outdated:
                self._close()
                self._opened = place, open_store(self.state_dir, read_only=True)
            return self._opened[1]

    def close(self) -> None:
        """Let go of the store; it is opened again when it is needed."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def open_file(self, stored: StoredClip | StoredWindow) -> BinaryIO:
        """Open the file of a clip or a window, to be read to its end even if it is pruned meanwhile.

        Raises:
            FileGoneError: It was pruned or lost.
            StoreError: The row names a place outside the store, or the disk refuses.
        """
        if stored.gone is not None:
            raise FileGoneError(_not_kept(REASONS.get(stored.gone, stored.gone)))
        parts = PurePosixPath(stored.path).parts
        if not parts or parts[0] not in FOLDERS or ".." in parts:
            raise StoreError(f"{stored.path!r}: lies outside the store; the database was tampered with")
        path = self.state_dir / stored.path
        try:
            return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except FileNotFoundError as error:
            raise FileGoneError(_not_kept(REASONS["missing"])) from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror}); see its permissions") from error


def _not_kept(why: str) -> Worded:
    return worded("not-kept", "this was not kept: {why}", why=why)


def no_such(what: Literal["event", "clip", "window"], name: str) -> Worded:
    """Return that the store has nothing of this id."""
    if what == "event":
        return worded("no-such-event", "there is no event {id} in the store", id=repr(name[:80]))
    if what == "clip":
        return worded("no-such-clip", "there is no clip {id} in the store", id=repr(name[:80]))
    return worded("no-such-window", "there is no window {id} in the store", id=repr(name[:80]))
