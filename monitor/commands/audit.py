"""`wheeltapper audit`: who asked the daemon on this box for what, and what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from monitor.commands.status import state_dir_of
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.store import AuditEntry, Store, open_store

AT_A_TIME = 1000
"""Entries read at once: a long record needs little memory, and the daemon does not wait for long."""


UNREAD = "a command that could not be read"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, help="the daemon's configuration, for its state_dir")
    parser.add_argument("--state-dir", type=Path, help="default: the configuration's, else ./state")
    parser.add_argument("--source", help="only commands for this source")
    parser.add_argument("--limit", type=int, default=50, help="how many, newest first; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print the record, newest first; 0 also when there is nothing in it."""
    entry = None
    with closing(open_store(state_dir_of(arguments), read_only=True)) as store:
        for entry in _entries(store, arguments.limit, arguments.source):
            print(_as_json(entry) if arguments.json else _as_line(entry))
    if entry is None:
        whom = "" if arguments.source is None else f" of source {arguments.source!r}; is it spelt so?"
        print(f"nothing is on record{whom}", file=sys.stderr)
    return 0


def _entries(store: Store, limit: int, source_id: str | None) -> Iterator[AuditEntry]:
    before, left = None, limit
    while left > 0:
        entries = store.audit(min(left, AT_A_TIME), before=before, source_id=source_id)
        if not entries:
            return
        yield from entries
        before, left = entries[-1].n, left - len(entries)


def _as_json(entry: AuditEntry) -> str:
    tree = {**asdict(entry), "origin": entry.origin.value, "time": rfc3339_from_utc_s(entry.at_utc_s)}
    return json.dumps(tree, ensure_ascii=False)


def _as_line(entry: AuditEntry) -> str:
    reason = f": {entry.reason}" if entry.reason else ""
    line = f"{rfc3339_from_utc_s(entry.at_utc_s)}  {entry.source_id or '(box)'}  {_asked(entry)}"
    # what a stranger sent must not move the cursor of whoever reads it
    return "".join(letter if letter.isprintable() else "?" for letter in f"{line}  {entry.result}{reason}")


def _asked(entry: AuditEntry) -> str:
    """Return what was asked, by whom and by which way; of what could not be read who it was is not known."""
    if entry.action is None:
        return f"{UNREAD}, by {entry.origin.value}"
    who = entry.actor or "somebody who did not say who"
    return f"{entry.action}{_values(entry.arguments)}  {who} by {entry.origin.value}"


def _values(arguments: Mapping[str, object]) -> str:
    return "".join(f" {key}={value}" for key, value in arguments.items())
