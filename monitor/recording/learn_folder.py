"""Where `wheeltapper learn` stands with one source, so that each step goes on after a kill.

    STATE_DIR/learn/SOURCE/recordings/      FLAC and index.csv, as `wheeltapper record` writes them
                           material/        what is learned from; see monitor.recording.material
                           learn.json       which material is being learned, and what became of it
    BUNDLES/.making, .making.training       the bundle while it is made, and its checkpoints
            20261122T141500Z-1a2b3c4d/      a finished bundle: when, and its model's sha256 (8 digits)
            candidate                       the name of the newest finished bundle

A bundle is moved to its name, then named as the candidate. Both are renames: what is named is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import final

from monitor.errors import RecordError
from monitor.store.files import dated, disk_errors, make_folder, sync_folder, write_whole

NOTES = "learn.json"
RECORDINGS = "recordings"
MATERIAL = "material"
MAKING = ".making"
CHECKPOINTS = ".training"
"""Ends the name of the folder beside a bundle in which it is made (training.work_folder)."""
CANDIDATE = "candidate"
NAMED_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Notes:
    """What is written down between the steps."""

    learning: str = ""
    """Key of the material whose training was begun; empty before the first."""
    delivering: str = ""
    """Name that the bundle in the making is about to get; empty at all other times."""
    finished: str = ""
    """Key of the material that the newest bundle was learned from; empty before the first."""
    bundle: str = ""
    """Name of that bundle."""


@final
class LearnFolder:
    """The folders of one source, held by one process at a time while entered."""

    def __init__(self, place: Path, bundles: Path) -> None:
        """Note where things are; nothing is touched before entering."""
        self.place = place.absolute()
        self.bundles = bundles.absolute()
        self.notes = Notes()
        self._lock: int | None = None

    @property
    def recordings(self) -> Path:
        """Where sound is recorded to."""
        return self.place / RECORDINGS

    @property
    def material(self) -> Path:
        """What is learned from."""
        return self.place / MATERIAL

    @property
    def making(self) -> Path:
        """Where the bundle appears, whole, when it is made."""
        return self.bundles / MAKING

    @property
    def candidate(self) -> Path | None:
        """The newest finished bundle; None before the first."""
        try:
            name = (self.bundles / CANDIDATE).read_text(encoding="utf-8").strip()
        except OSError:
            return None
        return self.bundles / name

    def __enter__(self) -> LearnFolder:
        """Make or take over the folders, and finish a delivery that a kill cut short.

        Raises:
            RecordError: Another process learns there.
            StoreError: They cannot be written.
        """
        with disk_errors(self.place):
            self.place.mkdir(parents=True, exist_ok=True)
            self.bundles.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlock)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RecordError(
                    f"{self.place}: another `wheeltapper learn` works there; wait for it"
                ) from error
            self.notes = self._read()
            if self.notes.delivering:
                self._finish_delivery()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others work here."""
        self._unlock()

    def begin_learning(self, key: str) -> bool:
        """Note which material is learned from now on; return whether a training of it may be gone on with.

        What was made of other material, and is not finished, is thrown away.
        """
        same = self.notes.learning == key
        if not same:
            for left in (self.making, self.making.with_name(MAKING + CHECKPOINTS)):
                with disk_errors(left), contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(left)
        self._write(replace(self.notes, learning=key))
        return same

    def deliver(self, sha256: str) -> Path:
        """Move the bundle in the making to its name, name it as the candidate, and return where it lies."""
        stamp = dated(time.time()).strftime("%Y%m%dT%H%M%SZ")
        self._write(replace(self.notes, delivering=f"{stamp}-{sha256[:NAMED_DIGITS]}"))
        return self._finish_delivery()

    def _finish_delivery(self) -> Path:
        name = self.notes.delivering
        bundle = self.bundles / name
        with disk_errors(bundle):
            if not bundle.exists():
                self.making.rename(bundle)
                sync_folder(self.bundles)
        write_whole(self.bundles / CANDIDATE, f"{name}\n".encode(), below=self.bundles)
        self._write(replace(self.notes, delivering="", finished=self.notes.learning, bundle=name))
        return bundle

    def _read(self) -> Notes:
        path = self.place / NOTES
        try:
            return Notes(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Notes()
        except (OSError, ValueError, TypeError) as error:
            raise RecordError(
                f"{path}: cannot be read ({error}); remove it: only training is lost"
            ) from error

    def _write(self, notes: Notes) -> None:
        make_folder(self.place, below=self.place)
        write_whole(self.place / NOTES, (json.dumps(asdict(notes)) + "\n").encode(), below=self.place)
        self.notes = notes

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
