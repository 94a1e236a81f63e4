"""A command on its way over the desk, and what is answered and kept on record of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.errors import CommandError, StoreError
from monitor.messages import AlarmState
from monitor.operators import Origin
from monitor.publish.commands import Command, parse_command
from monitor.publish.records import ASKED, REASON_LETTERS, body_from_refusal, body_from_reply
from monitor.store import AuditEntry, Reply
from monitor.worded import Worded, worded

Answered = Callable[[Mapping[str, object]], None]
"""Told the reply's document, once it is stored; from the thread that judges."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A command as it was handed in."""

    source_id: str | None
    """Whom it was sent to; None: the whole box."""
    payload: bytes | CommandError
    """The document, or why there is none."""
    origin: Origin
    """By which way it came."""
    answered: Answered | None
    """Who waits for the answer, besides those who read replies from the broker."""

    def command(self) -> Command:
        """Read it.

        Raises:
            CommandError: It cannot be read.
        """
        if isinstance(self.payload, CommandError):
            raise self.payload
        return parse_command(self.payload)

    def asks_the_same(self, other: Handed) -> bool:
        """Say whether another one is the same document to the same source."""
        return (self.source_id, self.payload) == (other.source_id, other.payload)

    def reply(
        self,
        command: Command,
        now_utc_s: float,
        *,
        state: AlarmState | None,
        refused: Worded | None = None,
        detail: str | None = None,
    ) -> Reply:
        """Return the answer to it: done, perhaps with `detail` in words, or why it was `refused`."""
        told = None if refused is None else refused[:REASON_LETTERS]
        body = body_from_reply(
            self.source_id, command, at_utc_s=now_utc_s, state=state, refused=refused, detail=detail
        )
        entry = self.entry(command, now_utc_s, refused=told, detail=detail)
        return Reply(
            command.id, self.source_id, now_utc_s, {**body, ASKED: self._asked(command)}, audit=entry
        )

    def check_address(self, command: Command) -> None:
        """Refuse it if it names another source than the one that it was sent to.

        Raises:
            CommandError: It does.
        """
        if command.source not in {None, self.source_id}:
            raise CommandError(
                worded(
                    "wrong-address",
                    "it was sent to {sent_to} and names {named}; send it to the right one",
                    sent_to=self.source_id or "the whole box",
                    named=str(command.source),
                )
            )

    def check_same(self, command: Command, known: Mapping[str, object]) -> None:
        """Refuse it if the reply that is known of its id answers another command.

        Raises:
            CommandError: Source, actor, action or a value differ; of a reply that older software has
                remembered, source or action.
        """
        if ASKED in known:
            same = known[ASKED] == self._asked(command)
        else:
            same = (known.get("source"), known.get("action")) == (self.source_id, command.action)
        if not same:
            raise CommandError(
                worded(
                    "id-used",
                    "id {id} was used for another command ({action} to {sent_to}); give each command an id "
                    "of its own",
                    id=command.id,
                    action=str(known.get("action")),
                    sent_to=str(known.get("source") or "the whole box"),
                )
            )

    def _asked(self, command: Command) -> str:
        asked = (self.source_id, command.actor, command.action, command.arguments)
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]

    def refusal(self, command: Command | None, error: CommandError | StoreError, now_utc_s: float) -> Reply:
        """Return the answer to what could not be read (`command` None) or not be kept.

        Nothing was done, so that it need not be remembered: the same id may come again, mended.
        """
        document = self.payload if isinstance(self.payload, bytes) else b""
        action = None if command is None else command.action
        body = body_from_refusal(self.source_id, document, error, at_utc_s=now_utc_s, action=action)
        entry = self.entry(command, now_utc_s, refused=str(error)[:REASON_LETTERS])
        return Reply(None, self.source_id, now_utc_s, body, audit=entry)

    def entry(
        self, command: Command | None, now_utc_s: float, *, refused: str | None, detail: str | None = None
    ) -> AuditEntry:
        """Return what is kept on record of it; `command` None: it could not be read."""
        return AuditEntry(
            at_utc_s=now_utc_s,
            origin=self.origin,
            source_id=self.source_id,
            command_id=None if command is None else command.id,
            actor=None if command is None else command.actor,
            action=None if command is None else command.action,
            arguments={} if command is None else command.arguments,
            result="done" if refused is None else "refused",
            reason=detail if refused is None else refused,
        )
