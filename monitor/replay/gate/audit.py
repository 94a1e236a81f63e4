"""Who logged in, from where, and what they asked for: one JSON line each, for whoever has to look it up.

What was done to alarms and labels stands in the store, written by the daemon; here stands what only the page
knows. Two files of at most MAX_BYTES each: the older lines go.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from monitor.logs import Log
from monitor.publish.fields import rfc3339_from_utc_s

MAX_BYTES = 5_000_000
MAX_TEXT = 200
"""Longer values are cut: they may have been typed by anybody."""


class Audit:
    """Appends to one file. Belongs to one thread, the event loop's."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._fails = False

    def note(self, what: str, *, user: str | None, address: str | None, **facts: str | None) -> None:
        """Write one line; a disk that does not take it is told in the log, and stops nobody."""
        entry = {"what": what, "user": user, "address": address, **facts}
        cut = {key: value[:MAX_TEXT] if isinstance(value, str) else value for key, value in entry.items()}
        line = json.dumps({"time": rfc3339_from_utc_s(time.time()), **cut}) + "\n"
        try:
            self._append(line.encode())
        except OSError as error:
            if not self._fails:
                self._log.error("the page's audit cannot be written", path=str(self._path), reason=str(error))
            self._fails = True
        else:
            self._fails = False

    def _append(self, line: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line)
            full = os.fstat(handle).st_size >= MAX_BYTES
        finally:
            os.close(handle)
        if full:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
