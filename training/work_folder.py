"""The folder beside a bundle in which it is made, so that the bundle is there whole or not at all.

    OUT.training/    log-mel, checkpoints, the bundle while it is made; gone when OUT is there

It stays when a training is cut short, for `--resume`. One process trains to an OUT at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import final

from engines.bundle import MANIFEST
from training.errors import TrainingError
from training.state import CHECKPOINT, TENSORS

SUFFIX = ".training"
LESSON = "lesson"
"""Folder in it for the checkpoints of what is learned from labels (training.taught)."""
OURS = (
    "logmel.f32",
    "anomalies.f32",
    "bundle",
    "bundle.part",
    "replaced",
    LESSON,
    CHECKPOINT,
    TENSORS,
    "checkpoint*.part",
)
"""What may lie in the folder; it is never removed with anything else in it."""


@final
class WorkFolder:
    """Made on entering, removed on leaving unless a checkpoint is in it."""

    def __init__(self, out: Path, *, resume: bool, force: bool) -> None:
        """Note what to do; nothing is touched before entering.

        `resume`: go on with what a training left that was cut short. `force`: replace a bundle that is there
        and, without `resume`, throw away what was left.
        """
        self.out = out.absolute()
        self.path = self.out.with_name(self.out.name + SUFFIX)
        self._resume, self._force = resume, force
        self._lock: int | None = None

    @property
    def logmel(self) -> Path:
        """Where the log-mel of all recordings goes."""
        return self.path / "logmel.f32"

    @property
    def anomalies(self) -> Path:
        """Where the log-mel of labelled anomalies is computed into."""
        return self.path / "anomalies.f32"

    @property
    def bundle(self) -> Path:
        """Where the bundle is made."""
        return self.path / "bundle"

    def __enter__(self) -> WorkFolder:
        """Make or take over the folder.

        Raises:
            TrainingError: OUT is there and is not to be replaced, or the folder cannot be used.
        """
        self._refuse_existing()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._unlock()
            raise TrainingError(
                f"{self.path}: another training works there; wait or give another --out"
            ) from error
        except OSError as error:
            raise TrainingError(f"{self.path}: {error.strerror}; give another --out") from error
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlock)
            self._take_over()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder, or leave only the checkpoint in it."""
        if (self.path / CHECKPOINT).exists() and error is not None:
            self._clear(keep_checkpoint=True)
        else:
            self._clear(keep_checkpoint=False)
            with contextlib.suppress(OSError):
                self.path.rmdir()
        self._unlock()

    @property
    def has_checkpoint(self) -> bool:
        """Whether a training was cut short here."""
        return (self.path / CHECKPOINT).exists()

    def deliver(self) -> Path:
        """Put the finished bundle at OUT by renaming, and return OUT; an old one goes only then."""
        replaced = self.path / "replaced"
        if self.out.exists():
            self.out.rename(replaced)
        try:
            self.bundle.rename(self.out)
        except OSError:
            if replaced.exists():
                replaced.rename(self.out)
            raise
        return self.out

    def _refuse_existing(self) -> None:
        if not self.out.exists():
            return
        if not self._force:
            raise TrainingError(f"{self.out}: is there already; give another --out, or --force to replace it")
        if not (self.out / MANIFEST).is_file():
            raise TrainingError(
                f"{self.out}: is no bundle, which is all that --force replaces; give another --out"
            )

    def _take_over(self) -> None:
        ours = {path for pattern in OURS for path in self.path.glob(pattern)}
        if strange := sorted(set(self.path.iterdir()) - ours):
            raise TrainingError(f"{strange[0]}: is not ours; remove it or give another --out")
        if (self.path / "replaced").exists() and not self.out.exists():
            (self.path / "replaced").rename(self.out)  # a kill came between the two renames
            self._refuse_existing()
        if self.has_checkpoint and not (self._resume or self._force):
            raise TrainingError(
                f"{self.path}: a training was cut short here; add --resume to go on, or --force to start anew"
            )
        self._clear(keep_checkpoint=self._resume)

    def _clear(self, *, keep_checkpoint: bool) -> None:
        kept = {CHECKPOINT, TENSORS, LESSON} if keep_checkpoint else set()
        for pattern in OURS:
            for path in self.path.glob(pattern) if pattern not in kept else ():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
