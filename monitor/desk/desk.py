"""Where operators' commands are carried out, one after the other, by the thread that judges.

The same command id is the same command: it is answered again and done once. Every answer, a refusal too,
goes through the store, so that it is sent even if the broker is away now, and with it who asked for what. A
command that the store cannot take is refused without being remembered: the same id may come again when the
disk is well.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from monitor.config import SourceConfig
from monitor.config.section import NAME
from monitor.desk.alarm_actions import carried_out
from monitor.desk.comparisons import Comparisons
from monitor.desk.event_actions import EVENT_ACTIONS, Keep, keep_of
from monitor.desk.handed import Answered, Handed
from monitor.desk.looks import Looks
from monitor.desk.refusals import REFUSED_ANSWERED, UNREADABLE_ANSWERED, Refusals
from monitor.desk.refused import for_one_source
from monitor.desk.reload import Plan
from monitor.desk.reloads import Reloads, Settle
from monitor.errors import CommandError, StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.publish.commands import Command
from monitor.publish.records import STORE_KEYS
from monitor.roster import Roster
from monitor.store import Reply, Store
from monitor.supervisor import guarded
from monitor.worded import Worded, worded, wording_of

Learn = Callable[[SourceConfig, Origin, Command, float], str]
"""Source, way, command and UTC in; what was done in words out, or CommandError."""
PLANNED = frozenset({"reload", "compare", "promote", "rollback", "recalibrate", "decline"})
"""Actions that another thread looks into, for they open bundles, or wait for such as do."""
QUEUE_COMMANDS = 1000
"""Commands that may wait; further ones are turned away and counted."""
AT_ONCE = 50
"""Commands carried out before the next windows are judged: each waits for the disk ..."""
TURN_S = 0.25
"""... and none is begun after so long: a reload of 500 sources takes some tenths of a second."""
TOLD_SOURCES = 20
"""So many sources are named to whoever commands one that is not here; the rest is counted."""
LOG_EVERY = 100
"""Of the commands that are turned away each so manyth is logged."""


class Desk:
    """Takes commands from any thread, carries them out in one."""

    def __init__(
        self,
        roster: Roster,
        store: Store,
        pipeline: Pipeline,
        log: Log,
        *,
        reloads: Reloads | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with an empty desk; `reloads` None: the configuration cannot be read again."""
        self._roster = roster
        self._store = store
        self._pipeline = pipeline
        self._log = log
        self._reloads = reloads
        self._looks = Looks(roster, store, log)
        self._comparisons: Comparisons | None = None
        self._wake: Callable[[], None] = lambda: None
        self._monotonic = monotonic
        self._learn: Learn | None = None
        self._waiting: queue.Queue[Handed] = queue.Queue(QUEUE_COMMANDS)
        self._planned: dict[str, list[Handed]] = {}
        self._unreadable = Refusals(UNREADABLE_ANSWERED)
        self._refusals = Refusals(REFUSED_ANSWERED)
        self.turned_away = 0
        """Commands that found the queue full, or were to what can be no source."""
        self.refused = 0
        """Commands that were not done, readable or not, since the start."""

    def have_woken(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there is something to obey; from any thread, so that it must not wait."""
        self._wake = wake

    def have_learned(self, learn: Learn) -> None:
        """Hand commands `learn` to this from now on."""
        self._learn = learn

    def have_looked_again(self, look_again: Callable[[str], None]) -> None:
        """Have a source's normal sound looked into anew when its proposal was declined; must not wait."""
        self._looks = replace(self._looks, look_again=look_again)

    def have_compared(self, comparisons: Comparisons) -> None:
        """Hand commands `compare` to these from now on."""
        self._comparisons = comparisons

    @property
    def comparing(self) -> Mapping[str, float]:
        """Sources whose candidate somebody waits for to be compared: since when, as UTC. From any thread."""
        return {} if self._comparisons is None else self._comparisons.under_way

    @property
    def unanswered(self) -> int:
        """Refused commands that were too many to be answered, since the start."""
        return self._unreadable.unanswered + self._refusals.unanswered

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
        if source_id is not None and re.match(NAME, source_id) is None:
            self._turn_away("no such source", source_id[:64])
            return False
        try:
            self._waiting.put_nowait(Handed(source_id, payload, origin, answered))
        except queue.Full:
            self._turn_away("too many are waiting", source_id)
            return False
        self._wake()
        return True

    @property
    def waiting(self) -> int:
        """How many commands wait to be carried out; at most QUEUE_COMMANDS."""
        return self._waiting.qsize()

    def obey(self) -> bool:
        """Carry out what has been handed in so far, at most AT_ONCE commands and TURN_S; whether any was."""
        until_s = self._monotonic() + TURN_S
        taken = 0
        while taken < AT_ONCE and self._monotonic() < until_s and not self._waiting.empty():
            self._take(self._waiting.get_nowait(), time.time())
            taken += 1
        # one write for all that changed nothing: a flood of refusals must not keep the judging waiting
        self._pipeline.save()
        self._note_unanswered(self._unreadable, "could not be read; they were")
        self._note_unanswered(self._refusals, "were")
        return taken > 0

    def _take(self, handed: Handed, now_utc_s: float) -> None:
        try:
            command = handed.command()
        except CommandError as error:
            self._refuse(handed, handed.refusal(None, error, now_utc_s), self._unreadable)
            return
        try:
            if self._answer_again(handed, command):
                return
            self._machine_of(handed)
            if command.action in PLANNED:
                self._have_planned(handed, command)
            else:
                self._obey_one(handed, command, now_utc_s)
        except (CommandError, StoreError) as error:
            self._refuse(handed, handed.refusal(command, error, now_utc_s), self._refusals)

    def _answer_again(self, handed: Handed, command: Command) -> bool:
        """Answer a command that was carried out before; False: it is new.

        Raises:
            CommandError: Its id was used for another command.
            StoreError: The store cannot be asked.
        """
        if handed.answered is not None:
            self._pipeline.save()  # so that the known reply can be told
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
        machine = self._machine_of(handed)
        changes: list[AlarmChange] = []
        keep: Keep | None = None
        detail: str | None = None
        try:
            handed.check_address(command)
            if command.action in EVENT_ACTIONS:
                keep = keep_of(self._store, handed.source_id, command, now_utc_s)
            elif command.action == "learn":
                detail = self._learned(machine, handed, command, now_utc_s)
            else:
                alarm = None if machine is None else machine.alarm
                changes = carried_out(alarm, command, now_utc_s)
        except CommandError as error:
            state = None if machine is None else machine.alarm.state
            refusal = handed.reply(command, now_utc_s, state=state, refused=wording_of(error))
            self._refuse(handed, refusal, self._refusals)
            return
        state = None if machine is None else machine.alarm.state
        reply = handed.reply(command, now_utc_s, state=state, detail=detail)
        if keep is not None:
            self._pipeline.save()
            keep(reply)
            self._note(handed, reply)
        elif machine is not None:
            self._pipeline.settle(machine, changes, reply, stored=lambda: self._note(handed, reply))
        else:
            self._answer(handed, reply)

    def _learned(self, machine: Machine | None, handed: Handed, command: Command, now_utc_s: float) -> str:
        """Change what is to be learned of a source, and return what was done.

        Raises:
            CommandError: It is for one source, or makes no sense now.
            StoreError: The disk refuses; nothing has changed.
        """
        if self._learn is None:
            raise CommandError(worded("nothing-learned-here", "nothing is learned by this daemon"))
        if machine is None:
            raise CommandError(for_one_source(command.action))
        return self._learn(machine.source, handed.origin, command, now_utc_s)

    def _machine_of(self, handed: Handed) -> Machine | None:
        if handed.source_id is None:
            return None
        machine = self._roster.get(handed.source_id)
        if machine is None:
            raise CommandError(self._unknown(handed.source_id))
        return machine

    def _unknown(self, source_id: str) -> Worded:
        """Say which sources there are, so that whoever named another one sees what was meant."""
        names = self._roster.source_ids
        facts = {"source": repr(source_id), "sources": ", ".join(names[:TOLD_SOURCES])}
        if len(names) <= TOLD_SOURCES:
            return worded(
                "unknown-source", "this box has no source {source}; its sources are {sources}", **facts
            )
        return worded(
            "unknown-source-of-many",
            "this box has no source {source}; its sources are {sources} and {more} more",
            more=len(names) - TOLD_SOURCES,
            **facts,
        )

    def _have_planned(self, handed: Handed, command: Command) -> None:
        """Have a reload or a swap looked into by another thread, for that may take long.

        Raises:
            CommandError: It is not for whom it was sent to, or cannot be looked into.
        """
        handed.check_address(command)
        look_into = self._way_to_look(handed, command)
        waiting = self._planned.get(command.id, [])
        if waiting and handed.answered is not None and waiting[0].asks_the_same(handed):
            waiting.append(handed)  # whoever asks again while it is looked into waits for the one answer
            return
        first = replace(handed, answered=lambda document: _tell_all(waiting, document))
        look_into(lambda outcome: self._settle_reload(first, command, outcome))
        self._planned[command.id] = waiting
        waiting.append(handed)

    def _way_to_look(self, handed: Handed, command: Command) -> Callable[[Settle], None]:
        """Return what has a command looked into by the thread whose work that is."""
        if command.action == "compare":
            source_id, comparisons = handed.source_id, self._comparisons
            if source_id is None:
                raise CommandError(for_one_source(command.action))
            if comparisons is None:
                raise CommandError(worded("nothing-compared-here", "nothing is compared by this daemon"))
            return lambda settle: comparisons.put(source_id, settle)
        look, reloads = self._looks.of(handed, command), self._reloads
        if reloads is None:
            raise CommandError(worded("no-file", "this box has no configuration file to read again"))
        return lambda settle: reloads.put(settle, look)

    def _settle_reload(self, handed: Handed, command: Command, outcome: Plan | CommandError) -> None:
        """Answer a reload that has been looked into, and put it into force unless it is refused."""
        now_utc_s = time.time()
        self._planned.pop(command.id, None)
        try:
            if self._answer_again(handed, command):
                return
            if isinstance(outcome, CommandError):
                raise outcome
            done = handed.reply(command, now_utc_s, state=None, detail=outcome.detail)
            self._pipeline.save()
            outcome.keep()
            # stored first: what the store cannot take is not done
            self._save_or_take_back(done, outcome)
        except CommandError as error:
            refusal = handed.reply(command, now_utc_s, state=None, refused=wording_of(error))
            self._refuse(handed, refusal, self._refusals)
            return
        except StoreError as error:
            self._refuse(handed, handed.refusal(command, error, now_utc_s), self._refusals)
            return
        outcome.apply()
        self._note(handed, done)

    def _save_or_take_back(self, done: Reply, plan: Plan) -> None:
        try:
            (plan.save or self._store.save_reply)(done)
        except StoreError:
            plan.take_back()
            raise

    def _answer(self, handed: Handed, reply: Reply) -> None:
        self._pipeline.answer(reply, stored=lambda: self._note(handed, reply))

    def _refuse(self, handed: Handed, refusal: Reply, refusals: Refusals) -> None:
        self.refused += 1
        if refusals.answer_one(self._monotonic()):
            self._answer(handed, refusal)
        else:  # not stored and on no line, but whoever waits at the socket is not left waiting
            self._tell(handed, refusal.body)

    def _note_unanswered(self, refusals: Refusals, what: str) -> None:
        """Keep on record how many commands were too many to be answered, when their minute is over."""
        count = refusals.to_note(self._monotonic())
        if not count:
            return
        handed = Handed(None, b"", Origin.MQTT, None)
        reason = f"{count} further commands {what} refused without an answer"
        try:
            self._store.add_audit(handed.entry(None, time.time(), refused=reason))
        except StoreError as error:
            self._log.warning("count of refused commands not stored", reason=str(error))
            return
        refusals.noted(count)
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


def _tell_all(waiting: Sequence[Handed], document: Mapping[str, object]) -> None:
    for handed in waiting:
        if handed.answered is not None:
            handed.answered(document)
