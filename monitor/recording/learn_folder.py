"""Where `wheeltapper learn` stands with one source, so that each step goes on after a kill.

    STATE_DIR/learn/SOURCE/recordings/       FLAC and index.csv, as `wheeltapper record` writes them
                           measured.jsonl    what was measured meanwhile; see monitor.recording.measured
                           heard/            what was measured of each file; see monitor.recording.heard
                           material/         what is learned from; see monitor.recording.material
                           learn.json        which material is being learned, and how
                           bundle.training/  checkpoints, while a bundle is made
                           bundle/           the bundle, whole; it is installed from here

Whoever finds a step done goes on with the next: what is there under its final name is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import final

from monitor.errors import RecordError
from monitor.store.files import FOLDER_MODE, disk_errors, write_whole

NOTES = "learn.json"
RECORDINGS = "recordings"
MEASURED = "measured.jsonl"
HEARD = "heard"
MATERIAL = "material"
RETRAINED = "retrain"
"""Below the state directory: in it a folder like this one for each source that `retrain` taught."""
BUNDLE = "bundle"
CHECKPOINTS = ".training"
"""Ends the name of the folder beside a bundle in which it is made (training.work_folder)."""


@final
class LearnFolder:
    """The folder of one source, held by one process at a time while entered."""

    def __init__(self, place: Path) -> None:
        """Note where it is; nothing is touched before entering."""
        self.place = place.absolute()
        self._lock: int | None = None

    @property
    def recordings(self) -> Path:
        """Where sound is recorded to."""
        return self.place / RECORDINGS

    @property
    def measured(self) -> Path:
        """What was measured while it was recorded."""
        return self.place / MEASURED

    @property
    def heard(self) -> Path:
        """What was measured of each file."""
        return self.place / HEARD

    @property
    def material(self) -> Path:
        """What is learned from."""
        return self.place / MATERIAL

    @property
    def bundle(self) -> Path:
        """Where the bundle appears, whole, when it is made."""
        return self.place / BUNDLE

    def __enter__(self) -> LearnFolder:
        """Make or take over the folder.

        Raises:
            RecordError: Another process learns there.
            StoreError: It cannot be written.
        """
        with disk_errors(self.place):
            self.place.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            self.place.mkdir(FOLDER_MODE, exist_ok=True)
            self._lock = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._unlock()
            raise RecordError(f"{self.place}: another process learns there; wait for it") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others work here."""
        self._unlock()

    def begin_learning(self, key: str) -> bool:
        """Note what is learned from now on, and how; return whether that was begun before.

        What was made of anything else is thrown away, finished or not: an installed bundle is a copy.
        """
        notes = self.place / NOTES
        if _key_of(notes) == key:
            return True
        for left in (self.bundle, self.bundle.with_name(BUNDLE + CHECKPOINTS)):
            with disk_errors(left), contextlib.suppress(FileNotFoundError):
                shutil.rmtree(left)
        write_whole(notes, (json.dumps({"learning": key}) + "\n").encode(), below=self.place)
        return False

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _key_of(notes: Path) -> str | None:
    """Return what was being learned; None where nothing was, or nobody can tell."""
    try:
        tree = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(tree.get("learning")) if isinstance(tree, dict) else None
