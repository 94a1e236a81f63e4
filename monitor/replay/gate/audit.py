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
from monitor.replay.gate.attempts import Attempts, address_key

MAX_BYTES = 5_000_000
MAX_TEXT = 200
"""Longer values are cut, as they stand in the file: they may have been typed by anybody."""
WITHIN_S = 300.0
HEARD_AGAIN_S = 600.0
"""A player asks for the same sound many times."""
REFUSED_OF_AN_ADDRESS = 10
"""Lines about refused changes of one address within WITHIN_S: whoever can reach the page can cause them."""
REFUSED_IN_ALL = 30
"""The same of all addresses together: it takes a day to push what others did out of both files."""


class Audit:
    """Appends to one file. Belongs to one thread, the event loop's."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._fails = False

    def note(self, what: str, *, user: str | None, address: str | None, **facts: str | None) -> None:
        """Write one line; a disk that does not take it is told in the log, and stops nobody."""
        entry = {"what": what, "user": user, "address": address, **facts}
        cut = {key: _cut(value) if isinstance(value, str) else value for key, value in entry.items()}
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


class SparingAudit:
    """Writes what anybody can cause: so many lines of an address, so many in all, and then that it stops."""

    def __init__(self, audit: Audit, what: str, of_an_address: int, in_all: int) -> None:
        self._audit = audit
        self._what = what
        self._of_address = Attempts(of_an_address, WITHIN_S)
        self._in_all = Attempts(in_all, WITHIN_S)

    def note(self, *, user: str | None, address: str, **facts: str | None) -> None:
        """Write one line, unless enough were written lately; the last one before that says so."""
        keys = ((self._of_address, address_key(address), "from this address"), (self._in_all, "", "at all"))
        if any(written.wait_s(key) for written, key, _ in keys):
            return
        for written, key, whose in keys:
            written.count(key)
            if wait_s := written.wait_s(key):
                facts["then"] = f"none of these {whose} is written for {wait_s} s"
        self._audit.note(self._what, user=user, address=address, **facts)


class HearingAudit:
    """Writes who fetched which sound, once in HEARD_AGAIN_S however often it is played."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._written = Attempts(1, HEARD_AGAIN_S)

    def note(self, what: str, *, user: str, address: str, **facts: str) -> None:
        """Write one line, unless it was written lately; `facts` say which sound it was."""
        key = json.dumps([what, user, address_key(address), facts])
        if self._written.wait_s(key):
            return
        self._written.count(key)
        self._audit.note(what, user=user, address=address, **facts)


def _cut(text: str) -> str:
    """Return as much of a text as takes MAX_TEXT characters in the file, where some take six or twelve."""
    room = MAX_TEXT
    for at, character in enumerate(text[: MAX_TEXT + 1]):
        room -= len(json.dumps(character)) - 2
        if room < 0:
            return text[:at]
    return text
