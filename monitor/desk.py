"""Where operators' commands are carried out, one after the other, by the thread that judges.

The same command id is the same command: it is answered again and done once. Every answer, a refusal too,
goes through the store, so that it is sent even if the broker is away now, and with it who asked for what. A
command that the store cannot take is refused without being remembered: the same id may come again when the
disk is well.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from monitor.alarm_actions import ALARM_ACTIONS
from monitor.errors import CommandError, StoreError
from monitor.handed import Answered, Handed
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.publish.commands import Command
from monitor.publish.records import STORE_KEYS
from monitor.reload import Plan, Reloader
from monitor.store import Label, Reply, Store
from monitor.supervisor import guarded
from monitor.unreadable import UnreadableCommands

QUEUE_COMMANDS = 1000
"""Commands that may wait; further ones are turned away and counted."""
AT_ONCE = 50
"""Commands carried out before the next windows are judged: each waits for the disk ..."""
TURN_S = 0.25
"""... and none is begun after so long: a reload of 500 sources takes some tenths of a second."""
LOG_EVERY = 100
"""Of the commands that are turned away each so manyth is logged."""


class Desk:
    """Takes commands from any thread, carries them out in one."""

    def __init__(
        self,
        machines: Sequence[Machine],
        store: Store,
        pipeline: Pipeline,
        log: Log,
        *,
        reloader: Reloader | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with an empty desk; `reloader` None: the configuration cannot be read again."""
        self._machines: Mapping[str, Machine] = {machine.source_id: machine for machine in machines}
        self._store = store
        self._pipeline = pipeline
        self._log = log
        self._reloader = reloader
        self._monotonic = monotonic
        self._waiting: queue.Queue[Handed] = queue.Queue(QUEUE_COMMANDS)
        self._unreadable = UnreadableCommands()
        self.turned_away = 0
        """Commands that found the queue full, or named a source this box does not have."""
        self.refused = 0
        """Commands that were not done, readable or not, since the start."""

    @property
    def unanswered(self) -> int:
        """Commands that could not be read and were too many to be answered, since the start."""
        return self._unreadable.unanswered

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
            self._turn_away("no such source", source_id[:64])
            return False
        try:
            self._waiting.put_nowait(Handed(source_id, payload, origin, answered))
        except queue.Full:
            self._turn_away("too many are waiting", source_id)
            return False
        return True

    @property
    def waiting(self) -> int:
        """How many commands wait to be carried out; at most QUEUE_COMMANDS."""
        return self._waiting.qsize()

    def obey(self) -> None:
        """Carry out what has been handed in so far, at most AT_ONCE commands and TURN_S."""
        until_s = self._monotonic() + TURN_S
        for _ in range(AT_ONCE):
            try:
                handed = self._waiting.get_nowait()
            except queue.Empty:
                break
            self._take(handed, time.time())
            if self._monotonic() >= until_s:
                break
        self._note_unanswered()

    def _take(self, handed: Handed, now_utc_s: float) -> None:
        try:
            command = handed.command()
        except CommandError as error:
            self.refused += 1
            if self._unreadable.answer_one(self._monotonic()):
                self._answer(handed, handed.refusal(None, error, now_utc_s))
            return
        try:
            if self._answer_again(handed, command):
                return
            if command.action == "reload":
                self._reload(handed, command, now_utc_s)
            else:
                self._obey_one(handed, command, now_utc_s)
        except (CommandError, StoreError) as error:
            self.refused += 1
            self._answer(handed, handed.refusal(command, error, now_utc_s))

    def _answer_again(self, handed: Handed, command: Command) -> bool:
        """Answer a command that was carried out before; False: it is new.

        Raises:
            CommandError: Its id was used for another command.
            StoreError: The store cannot be asked.
        """
        waiting = self._pipeline.waiting_reply(command.id)
        known = self._store.reply_to(command.id) if waiting is None else waiting
        if known is None:
            return False
        handed.check_same(command, known)
        self._log.info("command came again; its reply is sent again", command_id=command.id)
        if waiting is None:
            self._store.repeat_reply(command.id)
            self._tell(handed, known)
        return True

    def _obey_one(self, handed: Handed, command: Command, now_utc_s: float) -> None:
        machine = None if handed.source_id is None else self._machines[handed.source_id]
        refusal: str | None = None
        changes: list[AlarmChange] = []
        label: Label | None = None
        try:
            _check_address(handed.source_id, command)
            if command.action == "label":
                label = self._label(handed.source_id, command, now_utc_s)
            else:
                changes = _carried_out(machine, command, now_utc_s)
        except CommandError as error:
            refusal = str(error)
            self.refused += 1
        state = None if machine is None else machine.alarm.state
        reply = handed.reply(command, now_utc_s, state=state, refused=refusal)
        if label is not None:
            self._store.add_label(label, reply=reply)
            self._note(handed, reply)
        elif machine is not None:
            self._pipeline.settle(machine, changes, reply, stored=lambda: self._note(handed, reply))
        else:
            self._answer(handed, reply)

    def _reload(self, handed: Handed, command: Command, now_utc_s: float) -> None:
        try:
            _check_address(handed.source_id, command)
            plan = self._planned(handed.source_id)
        except CommandError as error:
            self.refused += 1
            self._answer(handed, handed.reply(command, now_utc_s, state=None, refused=str(error)))
            return
        done = handed.reply(command, now_utc_s, state=None, detail=plan.detail)
        # stored first: what the store cannot take is not done
        self._store.save_reply(done)
        plan.apply()
        self._note(handed, done)

    def _planned(self, source_id: str | None) -> Plan:
        if source_id is not None:
            raise CommandError("reload is for the whole box; send it to the box")
        if self._reloader is None:
            raise CommandError("this box has no configuration file to read again")
        return self._reloader.plan()

    def _label(self, source_id: str | None, command: Command, now_utc_s: float) -> Label:
        if command.event_id is None or command.rating is None:
            raise CommandError("label needs event_id and rating")
        event = self._store.event(command.event_id)
        if event is None:
            raise CommandError(f"event {command.event_id} is not known to this box")
        if source_id not in {None, event.source_id}:
            raise CommandError(
                f"event {command.event_id} is one of {event.source_id}, not of {source_id}; "
                f"send the label to {event.source_id} or to the whole box"
            )
        if command.rating == "none" and self._store.label(command.event_id) is None:
            raise CommandError(f"event {command.event_id} has no label that could be withdrawn")
        return Label(
            event_id=command.event_id,
            rating=command.rating,
            fault_code=command.fault_code,
            note=command.note,
            who=command.actor,
            at_utc_s=now_utc_s,
        )

    def _answer(self, handed: Handed, reply: Reply) -> None:
        self._pipeline.answer(reply, stored=lambda: self._note(handed, reply))

    def _note_unanswered(self) -> None:
        """Keep on record how many commands were too many to be answered, when their minute is over."""
        count = self._unreadable.to_note(self._monotonic())
        if not count:
            return
        handed = Handed(None, CommandError("unreadable"), Origin.MQTT, None)
        reason = f"{count} further commands could not be read; they were refused without an answer"
        try:
            self._store.add_audit(handed.entry(None, time.time(), refused=reason))
        except StoreError as error:
            self._log.warning("count of unreadable commands not stored", reason=str(error))
            return
        self._unreadable.noted(count)
        self._log.warning("commands refused without an answer", count=count)

    def _turn_away(self, why: str, source_id: str | None) -> None:
        self.turned_away += 1
        if self.turned_away % LOG_EVERY == 1:
            self._log.warning("command turned away", reason=why, source=source_id, count=self.turned_away)

    def _note(self, handed: Handed, reply: Reply) -> None:
        """Log an answer that is stored, and tell whoever waits for it."""
        if reply.audit is not None:
            told = asdict(reply.audit)
            facts = {key: told[key] for key in ("action", "actor", "command_id", "reason")}
            done = reply.audit.result == "done"
            tell = self._log.info if done else self._log.warning
            tell(
                f"command {reply.audit.result}", source=handed.source_id, origin=handed.origin.value, **facts
            )
        self._tell(handed, reply.body)

    def _tell(self, handed: Handed, body: Mapping[str, object]) -> None:
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
    act = ALARM_ACTIONS[command.action]
    if machine is None:
        raise CommandError(f"{command.action} is for one source; send it to that source")
    return act(machine.alarm, command, now_utc_s)
