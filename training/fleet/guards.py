"""What keeps a task from harming its neighbours: limits of time and of memory, and a folder of its own."""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

from training.fleet.errors import TimeLimitError

PREFIX = "wheeltapper-fleet-"
GRACE_S = 60.0
"""What hangs in foreign code beyond its time is ended with its process, so much later."""
FRESH_S = 60.0
"""Folders younger than this are let alone: their owner may be about to lock them."""


@contextlib.contextmanager
def time_limit(limit_s: float, log: TextIO) -> Iterator[None]:
    """Raise TimeLimitError in the body after `limit_s`; end the process where that is of no use.

    For the main thread of a process. Where the process is ended, `log` (a file) gets the traceback.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitError(
            f"took longer than {limit_s / 60:g} min (--limit-minutes); give more, a smaller kind, fewer "
            "epochs or less sound"
        )

    before = signal.signal(signal.SIGALRM, stop)
    began_s = time.monotonic()
    others_s, _ = signal.setitimer(signal.ITIMER_REAL, limit_s)
    faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True, file=log)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
        if others_s:  # a limit around this one goes on
            signal.setitimer(signal.ITIMER_REAL, max(0.001, others_s - (time.monotonic() - began_s)))


@contextlib.contextmanager
def memory_limit(limit_bytes: int | None) -> Iterator[None]:
    """Let allocations of this process beyond `limit_bytes` fail in the body; None: as the system allows."""
    if limit_bytes is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give the body a folder that is gone afterwards, and remove what killed processes left of theirs.

    Whoever lives holds a lock on its folder, which the system lets go when the process dies.
    """
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(PREFIX + "*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    """Remove a folder of this user that nobody holds; others' are let alone."""
    with contextlib.suppress(OSError):  # it is another's, or somebody else removes it now
        if time.time() - folder.stat().st_mtime < FRESH_S:
            return
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
