"""Where operators' commands are carried out, one after the other, by the thread that judges.

The same command id is the same command: it is answered again and done once. Every answer, a refusal too,
goes through the store, so that it is sent even if the broker is away now. A command that the store cannot
take is refused without being remembered: the same id may come again when the disk is well.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping, Sequence

from monitor.alarm import Alarm
from monitor.errors import CommandError, StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange
from monitor.pipeline import Pipeline
from monitor.publish.commands import Command, parse_command
from monitor.publish.records import body_from_refusal, body_from_reply
from monitor.store import Label, Reply, Store

QUEUE_COMMANDS = 200
"""Commands that may wait; further ones are turned away and counted."""


class Desk:
    """Takes commands from any thread, carries them out in one."""

    def __init__(self, machines: Sequence[Machine], store: Store, pipeline: Pipeline, log: Log) -> None:
        self._machines: Mapping[str, Machine] = {machine.source_id: machine for machine in machines}
        self._store = store
        self._pipeline = pipeline
        self._log = log
        self._waiting: queue.Queue[tuple[str, bytes]] = queue.Queue(QUEUE_COMMANDS)
        self.turned_away = 0
        """Commands that found the queue full, or named a source this box does not have."""

    def hand_in(self, source_id: str, payload: bytes) -> None:
        """Take a command as it came from the broker. Returns at once, from any thread."""
        if source_id not in self._machines:
            self.turned_away += 1
            self._log.warning("command for an unknown source", source=source_id[:64])
            return
        try:
            self._waiting.put_nowait((source_id, payload))
        except queue.Full:
            self.turned_away += 1
            self._log.warning("command turned away: too many are waiting", source=source_id)

    def obey(self) -> None:
        """Carry out what has been handed in so far."""
        for _ in range(QUEUE_COMMANDS):
            try:
                source_id, payload = self._waiting.get_nowait()
            except queue.Empty:
                return
            machine, now_utc_s = self._machines[source_id], time.time()
            try:
                self._obey_one(machine, parse_command(payload), now_utc_s)
            except (CommandError, StoreError) as error:
                self._refuse_unremembered(machine, payload, error, now_utc_s)

    def _obey_one(self, machine: Machine, command: Command, now_utc_s: float) -> None:
        if self._pipeline.reply_waits(command.id) or self._store.repeat_reply(command.id):
            self._log.info("command came again; its reply is sent again", command_id=command.id)
            return
        refusal: str | None = None
        changes: list[AlarmChange] = []
        label: Label | None = None
        try:
            self._check_address(machine, command)
            if command.action == "label":
                label = self._label(command, now_utc_s)
            else:
                changes = _carried_out(machine.alarm, command, now_utc_s)
        except CommandError as error:
            refusal = str(error)
        body = body_from_reply(
            machine.source_id, command, at_utc_s=now_utc_s, state=machine.alarm.state, refused=refusal
        )
        reply = Reply(command_id=command.id, source_id=machine.source_id, at_utc_s=now_utc_s, body=body)
        if label is not None:
            self._store.add_label(label, reply=reply)
        else:
            self._pipeline.settle(machine, changes, reply)
        self._log.info(
            "command refused" if refusal else "command done",
            source=machine.source_id,
            action=command.action,
            actor=command.actor,
            command_id=command.id,
            reason=refusal,
        )

    def _check_address(self, machine: Machine, command: Command) -> None:
        if command.source not in {None, machine.source_id}:
            raise CommandError(
                f"the topic names {machine.source_id}, the command {command.source}; send it to the right one"
            )
        open_event = machine.alarm.snapshot.event_id
        if command.action == "acknowledge" and command.event_id not in {None, open_event}:
            raise CommandError(f"event {command.event_id} is not open; {open_event or 'none'} is")

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
        self, machine: Machine, payload: bytes, error: CommandError | StoreError, now_utc_s: float
    ) -> None:
        self._log.warning("command refused", source=machine.source_id, reason=str(error))
        body = body_from_refusal(machine.source_id, payload, error, at_utc_s=now_utc_s)
        # nothing was done, so that it need not be remembered: the same id may come again, mended
        self._pipeline.settle(machine, [], Reply(None, machine.source_id, now_utc_s, body))


def _carried_out(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    actor, note = command.actor, command.note
    if command.action == "acknowledge":
        return alarm.acknowledge(actor, now_utc_s, note=note)
    if command.action == "shelve":
        return alarm.shelve(
            actor, now_utc_s, duration_s=command.duration_s, one_shot=command.one_shot, note=note
        )
    if command.action == "unshelve":
        return alarm.unshelve(actor, now_utc_s, note=note)
    if command.action == "out_of_service":
        return alarm.take_out_of_service(actor, now_utc_s, note=note)
    return alarm.return_to_service(actor, now_utc_s, note=note)
