"""Of several processes that want the same plan, lets one build it while the others wait."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.errors import PlanCacheError

WAIT_LIMIT_S = 1800.0
"""How long to wait for another process that builds the same plan."""
POLL_S = 0.2


@contextlib.contextmanager
def build_lock(path: Path, *, say: Callable[[str], None], wait_s: float = WAIT_LIMIT_S) -> Iterator[None]:
    """Hold the lock at `path`; the kernel lets go of it when this process dies, however it dies.

    `say` is told once when another process holds it. Who holds it may remove the file.

    Raises:
        PlanCacheError: The other one was not done after `wait_s`, or the lock cannot be made.
    """
    lock = _acquired(path, say, wait_s)
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.ftruncate(lock, 0)  # or the next holder goes by this id until it has written its own
        os.close(lock)  # lets go of it


def _acquired(path: Path, say: Callable[[str], None], wait_s: float) -> int:
    """Return the locked file at `path`, opened anew for each try: it may be removed while we wait for it."""
    give_up_s = time.monotonic() + wait_s
    said = False
    while True:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PlanCacheError(
                f"{path}: {error.strerror}; the folder must belong to the user who runs the daemon"
            ) from error
        if _is_taken(lock, path):
            return lock
        holder = os.pread(lock, 20, 0).decode(errors="replace")
        os.close(lock)
        if holder and not said:  # it writes its id just after it took the lock
            say(f"waiting for process {holder}, which builds the same TensorRT plan")
            said = True
        if time.monotonic() >= give_up_s:
            raise PlanCacheError(
                f"{path}: {f'process {holder}' if holder else 'another process'} has been building this plan "
                f"for more than {wait_s:.0f} s; look what it does, end it, and start again"
            )
        time.sleep(POLL_S)


def _is_taken(lock: int, path: Path) -> bool:
    """Lock an open file; return whether that worked and it is still the one at `path`, which others open."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
