"""Takes in a bundle that comes over the control socket, piece by piece, and has it installed as a candidate.

    begin, write, finish  the socket's thread  pieces -> arriving/bundle.tar, within size and room
    install               the reloads' thread  unpacked, checked, trusted -> the source's library; on record

One comes at a time. It is held to what `wheeltapper bundle install` holds a folder to, and judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from engines.errors import CodedError
from monitor.bundles.choice import way_to_managed
from monitor.bundles.library import Library
from monitor.bundles.parcel import MAX_PARCEL_BYTES, new_folder, remove, unpacked
from monitor.bundles.roles import By
from monitor.bundles.trail import record_changes
from monitor.bundles.trust import trust_of
from monitor.bundles.version_files import disk_errors
from monitor.config import Config
from monitor.desk.reload import Plan, Reloader
from monitor.desk.reloads import Reloads
from monitor.errors import CommandError, StoreError
from monitor.logs import Log
from monitor.operators import Origin
from monitor.prepared import nothing
from monitor.store import AuditEntry, Store
from monitor.store.files import free_bytes
from monitor.worded import beside, replaced, worded, wording_of

FOLDER = "arriving"
"""Below the state directory: what comes now; what came when the daemon was killed goes at its start."""
COPIES = 3
"""The tar, what is unpacked of it, and the version: for so many there must be room."""

Told = Callable[[Mapping[str, object]], None]
"""Is given the answer, as a reply document has it: result, reason, detail."""
HaveDone = Callable[[Callable[[Config], str], Told], None]
"""Has a job done by another thread, under the configuration then in force; CommandError: it cannot."""


def by_reloads(reloads: Reloads) -> HaveDone:
    """Return what has jobs done by the thread of reloads, one after the other."""

    def have_done(job: Callable[[Config], str], told: Told) -> None:
        def look(reloader: Reloader) -> Plan:
            return Plan(job(reloader.config), apply=nothing)

        def settle(outcome: Plan | CommandError) -> None:
            told(answer_of(outcome.detail if isinstance(outcome, Plan) else outcome))

        reloads.put(settle, look)

    return have_done


def answer_of(outcome: str | CommandError) -> Mapping[str, object]:
    """Return the answer for what was done, in words, or for why it was not."""
    if isinstance(outcome, CommandError):
        why = wording_of(outcome)
        return {"result": "refused", "reason": why, "code": why.code, "detail": None, **beside(why)}
    return {"result": "done", "reason": None, "code": None, "detail": outcome, **beside(outcome)}


@dataclass(slots=True)
class Arrival:
    """One bundle on its way. Either `finish` or `abandon` ends it."""

    source_id: str
    """For which source."""
    by: By
    """Who sends it."""
    left_bytes: int
    """Still to come."""
    file: BinaryIO
    """Where it goes."""

    def write(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            CommandError: The disk refuses.
        """
        try:
            self.file.write(piece)
        except OSError as error:
            raise CommandError(
                worded(
                    "bundle-not-written",
                    "the bundle cannot be written: {detail}",
                    detail=str(error.strerror or error),
                )
            ) from error
        self.left_bytes -= len(piece)


class Arrivals:
    """Belongs to the control socket's thread."""

    def __init__(self, config: Config, store: Store, have_done: HaveDone, log: Log) -> None:
        self._config = config
        self._store = store
        self._have_done = have_done
        self._log = log
        self._place = config.state_dir / FOLDER
        self._is_busy = False
        remove(self._place)

    def begin(self, source_id: str, size_bytes: int, by: By) -> Arrival:
        """Make room for a bundle of so many bytes.

        Raises:
            CommandError: There is none, it is too large, or another one is on its way.
        """
        if self._is_busy:
            raise CommandError(
                worded(
                    "another-on-its-way",
                    "another bundle is on its way to this box; send this one when it has come",
                )
            )
        if not 0 < size_bytes <= MAX_PARCEL_BYTES:
            raise CommandError(
                worded(
                    "bundle-not-this-large",
                    "a bundle of {size} bytes is not taken, {most} are the most",
                    size=size_bytes,
                    most=MAX_PARCEL_BYTES,
                )
            )
        free, keep = free_bytes(self._config.state_dir), self._config.store.min_free_bytes
        if free - COPIES * size_bytes < keep:
            raise CommandError(
                worded(
                    "no-room-for-bundle",
                    "the disk has {free} bytes free, of which store.min_free_bytes keeps {keep}: no room to "
                    "take in {size} bytes {copies} times; remove what is not needed",
                    free=free,
                    keep=keep,
                    size=size_bytes,
                    copies=COPIES,
                )
            )
        try:
            new_folder(self._place)
            with disk_errors(self._place):
                file = (self._place / "bundle.tar").open("wb")
        except CodedError as error:
            raise CommandError(wording_of(error)) from error
        self._is_busy = True
        return Arrival(source_id, by, size_bytes, file)

    def finish(self, arrival: Arrival, told: Told) -> None:
        """Have a bundle installed that has come whole; `told` gets the answer, from another thread."""

        def over(answer: Mapping[str, object]) -> None:
            self._end(arrival)
            told(answer)

        try:
            arrival.file.close()
            self._have_done(partial(self._install, arrival), over)
        except CommandError as error:
            over(answer_of(error))
        except OSError as error:
            why = worded("bundle-not-written", "the bundle cannot be written: {detail}", detail=str(error))
            over(answer_of(CommandError(why)))

    def abandon(self, arrival: Arrival) -> None:
        """Forget a bundle that did not come whole."""
        self._end(arrival)

    def _end(self, arrival: Arrival) -> None:
        with suppress(OSError):
            arrival.file.close()
        remove(self._place)
        self._is_busy = False

    def _install(self, arrival: Arrival, config: Config) -> str:
        """Put the bundle in as the candidate, and remove what came; return what was done. Raises as below."""
        try:
            return self._installed(arrival, config)
        finally:
            remove(self._place)  # here, for the answer is told by the thread that judges

    def _installed(self, arrival: Arrival, config: Config) -> str:
        """Put the bundle in as the candidate; return what was done.

        Raises:
            CommandError: It is no bundle, damaged, or not trusted: on record, and nothing has changed.
        """
        library, trust = Library(config.state_dir, arrival.source_id), trust_of(config.bundles)
        try:
            version = library.install(
                unpacked(self._place / "bundle.tar", self._place / "bundle"),
                arrival.by,
                keep=config.bundles.keep_versions,
                check=partial(trust.check_arrival, source_id=arrival.source_id),
            )
        except CodedError as error:
            reason = replaced(wording_of(error), f"{self._place}/", "")
            self._note_refused(arrival, reason)
            raise CommandError(reason) from error
        record_changes(self._store, library, self._log)
        signed = (
            worded("no-signature-asked", "no signature was asked for")
            if version.key is None
            else worded("signed-by", "signed by key {key}", key=version.key)
        )
        facts = {"version": version.name, "source": library.source_id, "signed": signed}
        way = way_to_managed(library.source_id, config)
        if way is None:
            return worded(
                "is-candidate",
                "{version} is the candidate of {source}; {signed}; it judges nothing yet",
                **facts,
            )
        return worded(
            "is-candidate-of-a-named-bundle",
            "{version} is the candidate of {source}; {signed}; it judges nothing yet; to let it judge, "
            "promote it, then {way}",
            way=way,
            **facts,
        )

    def _note_refused(self, arrival: Arrival, reason: str) -> None:
        by = arrival.by
        self._log.warning(
            "a bundle was not taken in", source=arrival.source_id, actor=by.actor, reason=reason
        )
        try:
            self._store.add_audit(_refusal(arrival, reason))
        except StoreError as error:
            self._log.warning("a refused bundle is not on record", reason=str(error))


def _refusal(arrival: Arrival, reason: str) -> AuditEntry:
    by = arrival.by
    note = {} if by.note is None else {"note": by.note}
    return AuditEntry(
        at_utc_s=time.time(),
        origin=Origin(by.origin),
        source_id=arrival.source_id,
        command_id=by.command_id,
        actor=by.actor,
        action="install",
        arguments=note,
        result="refused",
        reason=reason,
    )
