"""What goes on record of bundles: which one judges from when on, and what was done without the daemon."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from monitor.bundles.library import Library
from monitor.bundles.roles import Change
from monitor.calibration import Calibration, tree_of_calibration
from monitor.errors import LibraryError, StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.operators import Origin
from monitor.store import AuditEntry, Store

JUDGES = "bundle"
"""Action of an entry that says which bundle and which limit judge a source from about then on."""
LOOKED_BACK = 1000
"""So many entries are looked through for a change that may be on record already."""
AGAIN_S = 60.0
"""After a store that refused, installs are looked at again."""
NOT_YET = "changes of bundles are not on record yet"
_RECORDING = threading.Lock()
"""Two threads that look at once would both find a change missing."""


def note_bundles(store: Store, machines: Iterable[Machine], log: Log, *, why: str) -> None:
    """Put on record which bundle, calibration and key judge each machine, where that is news."""
    try:
        last = store.last_audit(JUDGES)
        for machine in machines:
            if machine.scorer is None:  # nothing judges it
                continue
            entry = _entry_of(machine, last.get(machine.source_id), why)
            if entry is not None:
                store.add_audit(entry)
    except StoreError as error:
        log.warning("which bundle judges is not on record", reason=str(error))


def _entry_of(machine: Machine, last: AuditEntry | None, why: str) -> AuditEntry | None:
    known: Mapping[str, object] = {} if last is None else last.arguments
    facts: dict[str, object] = {
        "to": machine.ear.bundle.bundle_id,
        "calibration": calibration_digest(machine.calibration),
        "key": machine.key,
    }
    if all(key in known and known[key] == value for key, value in facts.items()):
        return None
    return AuditEntry(
        at_utc_s=time.time(),
        origin=Origin.DAEMON,
        source_id=machine.source_id,
        command_id=None,
        actor="daemon",
        action=JUDGES,
        arguments={"from": known.get("to"), **facts},
        result="done",
        reason=why,
    )


def calibration_digest(calibration: Calibration) -> str:
    """Return what tells one calibration from another, whatever file it lies in."""
    text = json.dumps(tree_of_calibration(calibration), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def record_changes(store: Store, library: Library, log: Log) -> None:
    """Put those changes on record that are not: made without the daemon, or just before a kill."""
    _record(store, library, log, _fresh(library, log))


class InstallWatch:
    """Puts an install by the terminal on record soon after it was made, where the daemon listens meanwhile.

    With the next promotion it would come behind whatever was asked in between: the record is in the order in
    which it was written, which a clock that was set cannot upset. All other changes are made by the daemon
    itself while it runs, and are on record with its answer.
    """

    def __init__(self, state_dir: Path, store: Store, log: Log) -> None:
        """Look at everything the first time."""
        self._state_dir, self._store, self._log = state_dir, store, log
        self._seen: dict[str, int] = {}
        self._again_s = 0.0

    def look(self, source_ids: Iterable[str]) -> None:
        """Look whether anything was installed for these sources; a file's time for each where nothing was."""
        if time.monotonic() < self._again_s:
            return
        for source_id in source_ids:
            library = Library(self._state_dir, source_id)
            changed_ns = library.changed_ns()
            if changed_ns is None or self._seen.get(source_id) == changed_ns:
                continue
            installs = [one for one in _fresh(library, self._log) if one.action == "install"]
            if not _record(self._store, library, self._log, installs):
                self._again_s = time.monotonic() + AGAIN_S
                return
            self._seen[source_id] = changed_ns


def _fresh(library: Library, log: Log) -> list[Change]:
    try:
        return [change for change in library.roles().changes if not change.recorded]
    except LibraryError as error:
        log.warning(NOT_YET, source=library.source_id, reason=str(error))
        return []


def _record(store: Store, library: Library, log: Log, fresh: Sequence[Change]) -> bool:
    """Put changes on record that are not; False: they are not yet, and it was logged why."""
    if not fresh:
        return True
    try:
        with _RECORDING:
            known = {
                (row.command_id, row.action) for row in store.audit(LOOKED_BACK, source_id=library.source_id)
            }
            for change in fresh:
                if (change.by.command_id, change.action) not in known:
                    store.add_audit(_entry_of_change(library.source_id, change))
            library.mark_recorded({change.by.command_id for change in fresh})
    except (StoreError, LibraryError) as error:
        log.warning(NOT_YET, source=library.source_id, reason=str(error))
        return False
    return True


def _entry_of_change(source_id: str, change: Change) -> AuditEntry:
    arguments = {"from": change.version_from, "to": change.version_to, "key": change.key}
    if change.by.note is not None:
        arguments["note"] = change.by.note
    return AuditEntry(
        at_utc_s=change.by.at_utc_s,
        origin=Origin(change.by.origin),
        source_id=source_id,
        command_id=change.by.command_id,
        actor=change.by.actor,
        action=change.action,
        arguments=arguments,
        result="done",
        reason=None,
    )
