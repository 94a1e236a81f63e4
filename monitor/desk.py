"""Where operators' commands are carried out, one after the other, by the thread that judges.

The same command id is the same command: it is answered again and done once. Every answer, a refusal too,
goes through the store, so that it is sent even if the broker is away now. A command that the store cannot
take is refused without being remembered: the same id may come again when the disk is well.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.alarm_actions import ALARM_ACTIONS
from monitor.errors import CommandError, StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.publish.commands import Command, parse_command
from monitor.publish.records import STORE_KEYS, body_from_refusal, body_from_reply
from monitor.store import Label, Reply, Store
from monitor.supervisor import guarded

QUEUE_COMMANDS = 1000
"""Commands that may wait; further ones are turned away and counted."""
AT_ONCE = 50
"""Commands carried out before the next windows are judged: each waits for the disk."""

Answered = Callable[[Mapping[str, object]], None]
"""Told the reply's document, once it is stored; from the thread that judges."""


@dataclass(frozen=True, slots=True)
class _Handed:
    """A command as it was handed in."""

    source_id: str | None
    """Whom it was sent to; None: the whole box."""
    payload: bytes | CommandError
    """The document, or why there is none."""
    origin: Origin
    """By which way it came."""
    answered: Answered | None
    """Who waits for the answer, besides those who read replies from the broker."""

    @property
    def document(self) -> bytes:
        """The document as far as there is one."""
        return self.payload if isinstance(self.payload, bytes) else b""


class Desk:
    """Takes commands from any thread, carries them out in one."""

    def __init__(self, machines: Sequence[Machine], store: Store, pipeline: Pipeline, log: Log) -> None:
        self._machines: Mapping[str, Machine] = {machine.source_id: machine for machine in machines}
        self._store = store
        self._pipeline = pipeline
        self._log = log
        self._waiting: queue.Queue[_Handed] = queue.Queue(QUEUE_COMMANDS)
        self.turned_away = 0
        """Commands that found the queue full, or named a source this box does not have."""

    def hand_in(
        self,
        source_id: str | None,
        payload: bytes | CommandError,
        *,
        origin: Origin = Origin.MQTT,
        answered: Answered | None = None,
    ) -> bool:
        """Take a command (schema `command/1`), or why none could be read; returns at once, from any thread.

        `source_id` None: to the whole box. `answered` gets the reply's document when it is stored, from the
        thread that judges; what it raises is logged. False: turned away, and there will be no answer.
        """
        if source_id is not None and source_id not in self._machines:
            self.turned_away += 1
            self._log.warning("command for an unknown source", source=source_id[:64])
            return False
        try:
            self._waiting.put_nowait(_Handed(source_id, payload, origin, answered))
        except queue.Full:
            self.turned_away += 1
            self._log.warning("command turned away: too many are waiting", source=source_id)
            return False
        return True

    @property
    def waiting(self) -> int:
        """How many commands wait to be carried out; at most QUEUE_COMMANDS."""
        return self._waiting.qsize()

    def obey(self) -> None:
        """Carry out what has been handed in so far, at most AT_ONCE commands."""
        for _ in range(AT_ONCE):
            try:
                handed = self._waiting.get_nowait()
            except queue.Empty:
                return
            now_utc_s = time.time()
            try:
                if isinstance(handed.payload, CommandError):
                    raise handed.payload
                self._obey_one(handed, parse_command(handed.payload), now_utc_s)
            except (CommandError, StoreError) as error:
                self._refuse_unremembered(handed, error, now_utc_s)

    def _obey_one(self, handed: _Handed, command: Command, now_utc_s: float) -> None:
        if self._pipeline.reply_waits(command.id) or self._store.repeat_reply(command.id):
            self._log.info("command came again; its reply is sent again", command_id=command.id)
            known = self._store.reply_to(command.id)
            if known is not None:
                self._tell(handed, known)
            return
        machine = None if handed.source_id is None else self._machines[handed.source_id]
        refusal: str | None = None
        changes: list[AlarmChange] = []
        label: Label | None = None
        try:
            _check_address(handed.source_id, command)
            if command.action == "label":
                label = self._label(command, now_utc_s)
            else:
                changes = _carried_out(machine, command, now_utc_s)
        except CommandError as error:
            refusal = str(error)
        state = None if machine is None else machine.alarm.state
        body = body_from_reply(handed.source_id, command, at_utc_s=now_utc_s, state=state, refused=refusal)
        reply = Reply(command_id=command.id, source_id=handed.source_id, at_utc_s=now_utc_s, body=body)
        if label is not None:
            self._store.add_label(label, reply=reply)
            self._tell(handed, body)
        elif machine is not None:
            self._pipeline.settle(machine, changes, reply, stored=lambda: self._tell(handed, body))
        else:
            self._pipeline.answer(reply, stored=lambda: self._tell(handed, body))
        self._log.info(
            "command refused" if refusal else "command done",
            source=handed.source_id,
            action=command.action,
            actor=command.actor,
            origin=handed.origin.value,
            command_id=command.id,
            reason=refusal,
        )

    def _label(self, command: Command, now_utc_s: float) -> Label:
        if command.event_id is None or command.rating is None:
            raise CommandError("label needs event_id and rating")
        if self._store.event(command.event_id) is None:
            raise CommandError(f"event {command.event_id} is not known to this box")
        return Label(
            event_id=command.event_id,
            rating=command.rating,
            fault_code=command.fault_code,
            note=command.note,
            who=command.actor,
            at_utc_s=now_utc_s,
        )

    def _refuse_unremembered(
        self, handed: _Handed, error: CommandError | StoreError, now_utc_s: float
    ) -> None:
        self._log.warning("command refused", source=handed.source_id, reason=str(error))
        body = body_from_refusal(handed.source_id, handed.document, error, at_utc_s=now_utc_s)
        # nothing was done, so that it need not be remembered: the same id may come again, mended
        reply = Reply(None, handed.source_id, now_utc_s, body)
        self._pipeline.answer(reply, stored=lambda: self._tell(handed, body))

    def _tell(self, handed: _Handed, body: Mapping[str, object]) -> None:
        """Tell whoever waits for the answer to this very command, as the document on the reply topic."""
        answered = handed.answered
        if answered is not None:
            document = {key: value for key, value in body.items() if key not in STORE_KEYS}
            guarded(self._log, "whoever waited for a reply failed", lambda: answered(document))


def _check_address(source_id: str | None, command: Command) -> None:
    if command.source not in {None, source_id}:
        raise CommandError(
            f"it was sent to {source_id or 'the whole box'} and names {command.source}; "
            "send it to the right one"
        )


def _carried_out(machine: Machine | None, command: Command, now_utc_s: float) -> list[AlarmChange]:
    act = ALARM_ACTIONS.get(command.action)
    if act is None:
        raise CommandError(f"{command.action} is for the whole box; send it to the box")
    if machine is None:
        raise CommandError(f"{command.action} is for one source; send it to that source")
    return act(machine.alarm, command, now_utc_s)
