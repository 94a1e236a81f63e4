"""Tells that the daemon is still starting, and why: a plan may take minutes to build.

systemd gets a status line and more time, `wheeltapper status` a line; both end after START_LIMIT_S, so that a
start that hangs is still killed.
"""

from __future__ import annotations

import os
import threading
import time
from importlib import metadata
from pathlib import Path

from monitor.health import BoxFacts
from monitor.logs import Log
from monitor.notify import Notifier
from monitor.report import report_of, write_status

TELL_EVERY_S = 2.0
"""More often than `wheeltapper status` takes a file for the last sign of a dead daemon."""
EXTEND_S = 60.0
"""What each message asks of systemd; it wants the next one by then."""
START_LIMIT_S = 3600.0
"""A start that takes longer is left to systemd to end."""


class StartReport:
    """Says what takes long, again and again from a thread of its own, until it is closed."""

    def __init__(self, notifier: Notifier, state_dir: Path, log: Log) -> None:
        self._notifier = notifier
        self._state_dir = state_dir
        self._log = log
        self._words = ""
        self._over = threading.Event()
        self._teller: threading.Thread | None = None
        self._started_utc_s = time.time()

    def close(self) -> None:
        """Say no more. The start is over, well or not."""
        self._over.set()
        if self._teller is not None:
            self._teller.join(TELL_EVERY_S)

    def say(self, words: str) -> None:
        """Tell in one sentence what takes long now, at once and again until something else is said."""
        self._words = words
        self._log.info("starting", what=words)
        self._tell()
        if self._teller is None:
            self._teller = threading.Thread(target=self._repeat, name="start-report", daemon=True)
            self._teller.start()

    def _repeat(self) -> None:
        give_up_s = time.monotonic() + START_LIMIT_S
        while not self._over.wait(TELL_EVERY_S) and time.monotonic() < give_up_s:
            self._tell()

    def _tell(self) -> None:
        line = f"starting: {self._words}"
        self._notifier.extend_start(EXTEND_S, line)
        box = BoxFacts(
            version=metadata.version("wheeltapper"),
            pid=os.getpid(),
            started_utc_s=self._started_utc_s,
            broker="not yet connected",
        )
        try:
            write_status(self._state_dir, report_of(box, [], line=line))
        except OSError as error:
            self._log.warning("status.json cannot be written", reason=str(error))
