"""The second half of the path: log-mel -> inference -> score -> alarm -> store -> publish.

One thread runs it. An alarm is stored before it is told: when the store cannot take it, it waits here, in
order, and is tried again, while the retained alarm state on the broker is current all the same. Between
alarm and store the event is described, so that its first record already says what was heard.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.audience import Audience
from monitor.between_events import BetweenEvents
from monitor.clock import WallClock
from monitor.explanation import Explanation
from monitor.inferring import Answer, Inferring, Place, awaits_nothing, place_of
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import AlarmChange, Inference, LogMel, Quality, Score, Span, Window
from monitor.narrator import Narrator, TreatPortrait, untreated
from monitor.off import SignalBoard, Verdict
from monitor.roster import Roster
from monitor.score import unjudged_score
from monitor.store import Reply, Store
from monitor.supervisor import guarded
from monitor.unsaved import Step, Unsaved, say_nothing

NO_SOUND_OF_ITS = frozenset({Quality.OFF, Quality.UNLEARNED})
"""Windows that nothing is described by: the machine is off, or nobody knows what it sounds like."""


@dataclass(frozen=True, slots=True)
class FlaggedWindow:
    """A window of an open event, to be kept with its maps."""

    event_id: str
    """The open event that it belongs to."""
    score: Score
    """The score that the window got; its span says when it was heard."""
    logmel: LogMel
    """What the model was given."""
    inference: Inference
    """What the model answered: the error map and the reconstruction to be kept."""


Follow = Callable[[Machine, Score, Answer | None], None]
"""Is given each window that the alarm has judged; the answer is None where the engine was not asked."""


class Pipeline:
    """Judges windows, in the order in which they were heard."""

    def __init__(
        self,
        roster: Roster,
        store: Store,
        audience: Audience,
        keep_window: Callable[[FlaggedWindow], None],
        log: Log,
        *,
        say: Callable[[Explanation], str | None],
    ) -> None:
        """Begin with no event followed; `say` puts an explanation into words, for the log."""
        self._roster = roster
        self._store = store
        self._audience = audience
        self._keep_window = keep_window
        self._log = log
        self._say = say
        self._treat_portrait: TreatPortrait = untreated
        self._narrators = {machine.source_id: self._narrator(machine) for machine in roster}
        self._unsaved = Unsaved(store, log)
        self._between = BetweenEvents(store, log)
        self._inferring = Inferring(roster, log)
        self._clock = WallClock()
        self._signals: SignalBoard | None = None
        self._followers: tuple[Follow, ...] = ()

    def go_by(self, clock: WallClock) -> None:
        """Look at `clock` from now on, which knows whether the box knows the time."""
        self._clock = clock

    def ask_plant(self, signals: SignalBoard) -> None:
        """Ask `signals` from now on what the plant says of its machines; before, it says nothing."""
        self._signals = signals

    def have_followed(self, follow: Follow) -> None:
        """Hand every judged window to `follow`, too, which must not raise and takes microseconds."""
        self._followers = (*self._followers, follow)

    def treat_portraits(self, treat: TreatPortrait) -> None:
        """Have `treat` take out of portraits from now on what is not to be stored; before, nothing is."""
        self._treat_portrait = treat

    def _narrator(self, machine: Machine) -> Narrator:
        def treat(
            source_id: str, portrait: Mapping[str, object], since_s: float
        ) -> Mapping[str, object] | None:
            return self._treat_portrait(source_id, portrait, since_s)

        return Narrator(machine, self._store, self._audience, self._log, treat_portrait=treat)

    def hear(self, windows: Sequence[Window]) -> None:
        """Judge windows of any sources, all those of one bundle in one call of its engine.

        Where an engine fails its windows count as not judged, so that alarms say `uncertain`; the others'
        answers hold.

        Raises:
            EngineError: By now no engine of any machine answers; the windows have been settled all the same.
        """
        windows = [window for window in windows if self._is_known(window.span)]
        verdicts = deque(self._verdict(window.span) for window in windows)
        wanted = [
            w for w, verdict in zip(windows, verdicts, strict=True) if verdict.span.quality is Quality.OK
        ]
        answers: dict[Place, Answer] = {}
        for answered in self._inferring.answers(wanted):
            answers.update(answered)
            # before the next call, which takes out of the caches what this one has left there
            self._settle_windows(_ready(verdicts, answers), answers)
        self._settle_windows(verdicts, answers)
        if windows:
            self._audience.wake()
        self._inferring.check_any_answers()

    def give_up(self, spans: Sequence[Span]) -> None:
        """Settle dropped windows as not judged, without an engine: their alarms are uncertain."""
        dropped = [
            replace(span, quality=Quality.DROPPED) if span.quality is Quality.OK else span
            for span in spans
            if self._is_known(span)
        ]
        self._settle_windows([self._verdict(span) for span in dropped], {})
        if dropped:
            self._audience.wake()

    def _is_known(self, span: Span) -> bool:
        """Whether somebody is there to judge a window: one that has nobody must not cost its neighbours."""
        known = self._roster.knows(span)
        if not known:
            self._log.error("a window of a machine that has left is passed over", source=span.source_id)
        return known

    def _verdict(self, span: Span) -> Verdict:
        """Return whether the machine runs, and the span as it is to be judged."""
        said = None if self._signals is None else self._signals.said(span.source_id)
        machine = self._roster.judge_of(span)
        verdict = machine.off.hear(span, said, time.monotonic())
        if machine.engine is None and verdict.span.quality is Quality.OK:
            return replace(verdict, span=replace(verdict.span, quality=Quality.UNLEARNED))
        return verdict

    def cost_s(self, source_id: str) -> float:
        """Return what a window of a source lately cost, in seconds of the judging thread. From any thread."""
        return self._inferring.cost_s(source_id)

    def _settle_windows(self, verdicts: Iterable[Verdict], answers: dict[Place, Answer]) -> None:
        """Have alarms take windows, in the order of the verdicts; their answers are taken out."""
        for verdict in verdicts:
            span = verdict.span
            machine = self._roster.judge_of(span)
            if not self._roster.is_present(machine):
                self.take_over(machine)
            answer = answers.pop(place_of(span), None)
            score = (
                unjudged_score(span, machine.bundle_id)
                if answer is None or machine.scorer is None
                else machine.scorer.score_from_inference(answer[1])
            )
            before = machine.alarm.snapshot
            changes = machine.alarm.take_machine(verdict.machine.off, span.end_utc_s)
            changes += machine.alarm.judge(score)
            if verdict.is_news:
                self._audience.tell_machine(machine.source_id, verdict.machine)
            if span.quality not in NO_SOUND_OF_ITS:  # it is no dropout, and no normal sound
                self._narrators[machine.source_id].hear(span, answer)
            self.settle(machine, changes)
            if not changes:
                self._between.take(machine, before, steps_wait=bool(self._unsaved))
                self._narrators[machine.source_id].keep(store_takes=not self._unsaved)
            for follow in self._followers:
                follow(machine, score, answer)
            self._tell(machine, score, answer)

    def expire(self, now_utc_s: float) -> None:
        """End shelvings whose time is over, and try again what could not be stored."""
        self._follow_clock()
        for machine in self._roster:
            self.settle(machine, machine.alarm.expire(now_utc_s))
        self.save()
        self._between.save(self._roster, steps_wait=bool(self._unsaved))

    def settle(
        self,
        machine: Machine,
        changes: Sequence[AlarmChange],
        reply: Reply | None = None,
        *,
        stored: Callable[[], None] = say_nothing,
    ) -> None:
        """Store what changed, with what is known of the event, and the reply to whoever asked; then tell.

        `stored` is called when the store has it, which may be later, and must not raise.
        """
        if not changes and reply is None:
            return
        narrator = self._narrators[machine.source_id]
        changes = [narrator.explained(change) for change in changes]
        for change in changes:
            self._log_change(change)
        snapshot = machine.alarm.snapshot.to_tree()
        self._unsaved.add(Step(tuple(changes), snapshot, machine.bundle_id, reply, stored))
        self._audience.wake()
        if changes:
            self._audience.tell_alarm(machine, changes[-1])
            narrator.keep(store_takes=not self._unsaved, told=True)

    def answer(self, reply: Reply, *, stored: Callable[[], None] = say_nothing) -> None:
        """Have the reply to a command that changed no alarm stored by the next `save`, behind what waits.

        `stored` as in `settle`.
        """
        self._unsaved.put(Step((), None, "", reply, stored))

    def save(self) -> None:
        """Store what waits: all answers to commands in one step."""
        if self._unsaved:
            self._unsaved.save()
            self._audience.wake()

    def resume(self) -> None:
        """Go on with what the store knows of the events that were open when the process ended.

        Raises:
            StoreError: The store cannot be read.
        """
        for narrator in self._narrators.values():
            narrator.resume()
        for machine in self._roster:
            self._take_clock(machine)
        for machine in self._roster:  # it may have been away from the configuration
            self.settle(machine, machine.alarm.join_configuration(time.time()))
            self._take_bundle(machine)

    def join(self, machine: Machine) -> None:
        """Follow a source from now on, which goes on with the alarm that it had when it left."""
        self._roster.join(machine)
        self._audience.tell_joined(machine)
        narrator = self._narrator(machine)
        # replaced whole, as all that other threads loop over
        self._narrators = {**self._narrators, machine.source_id: narrator}
        guarded(self._log, "explanation of an open event not read", narrator.resume)
        self._take_clock(machine)
        self.settle(machine, machine.alarm.join_configuration(time.time()))
        self._take_bundle(machine)

    def take_over(self, successor: Machine) -> None:
        """Judge a source's windows by `successor` from here on: same alarm, same event, another model."""
        gone = self._roster.succeed(successor)
        narrator = self._narrators[successor.source_id]
        narrator.go_on_with(successor)
        self._audience.tell_succeeded(successor, narrator.explanation)
        for before in gone:
            self._inferring.let_go(before)
        self._log.info("judged by", source=successor.source_id, bundle=successor.bundle_id)
        self._take_bundle(successor)

    def take_over_unheard(self, successor: Machine) -> None:
        """The same for a source of which no sound comes any more, unless it has happened."""
        if not self._roster.is_present(successor):
            self.take_over(successor)

    def retire(self, machine: Machine, not_judged: Sequence[Span]) -> None:
        """End what is under way of a source that leaves, after settling its windows that were not judged."""
        self.give_up(not_judged)
        machine.clips.finish()
        self.settle(machine, machine.alarm.leave_configuration(time.time()))

    def leave(self, machine: Machine) -> None:
        """Follow a source no more; its history stays in the store."""
        self._narrators = {name: n for name, n in self._narrators.items() if name != machine.source_id}
        gone = self._roster.leave(machine.source_id)
        self._audience.tell_left(machine.source_id)
        for one in gone:
            self._inferring.let_go(one)

    def _take_bundle(self, machine: Machine) -> None:
        """Let a machine's alarm know whether anybody judges."""
        is_live = machine.engine is not None
        self.settle(machine, machine.alarm.take_bundle(is_live=is_live, at_utc_s=time.time()))

    def explanation_of(self, machine: Machine) -> Explanation | None:
        """Return what is known of a machine's open event; None: nothing, or none is open."""
        return self._narrators[machine.source_id].explanation

    @property
    def failed_describers(self) -> int:
        """How many sources have no explanations until the next start, because their describer failed."""
        return sum(narrator.failed for narrator in self._narrators.values())

    def waiting_reply(self, command_id: str) -> Mapping[str, object] | None:
        """Return the reply to a command that has been carried out, if it still waits for the store."""
        return self._unsaved.reply_to(command_id)

    @property
    def given_up_changes(self) -> int:
        """Changes lost because the store failed for too long."""
        return self._unsaved.given_up

    @property
    def store_error(self) -> str | None:
        """Why the store takes nothing at present."""
        return self._unsaved.error

    @property
    def unsaved(self) -> int:
        """How many steps wait for the store."""
        return len(self._unsaved)

    def _follow_clock(self) -> None:
        """Have alarms wait as long as before when the wall clock was set, and tell what is dated anew."""
        step = self._clock.look()
        if step is None:
            return
        for machine in self._roster:
            if self._take_clock(machine, was_set=step.was_set):
                self._audience.tell_present_alarm(machine, self.explanation_of(machine))

    def _take_clock(self, machine: Machine, *, was_set: bool = True) -> bool:
        reading = self._clock.reading
        return machine.alarm.follow_clock(reading.boot_id, reading.offset_s, was_set=was_set)

    def _tell(self, machine: Machine, score: Score, answer: Answer | None) -> None:
        self._audience.offer_score(score)
        self._audience.tell_window(score, lag_s=self._clock.age_s(score.span.end_utc_s))
        if answer is None:
            return
        logmel, inference = answer
        event_id = machine.alarm.snapshot.event_id
        flagged = event_id is not None and machine.alarm.snapshot.active
        self._audience.offer_map(inference, flagged=flagged)
        if flagged and event_id is not None:
            machine.clips.flag(event_id, score.span.start_s, score.span.end_s)
            self._keep_window(FlaggedWindow(event_id, score, logmel, inference))

    def _log_change(self, change: AlarmChange) -> None:
        tell = self._log.warning if change.new_state.value == "unacknowledged" else self._log.info
        tell(
            "alarm",
            source=change.source_id,
            state=change.new_state.value,
            reason=change.reason.value,
            event_id=change.event_id,
            peak=change.peak,
            actor=change.actor,
            explanation=None if change.explanation is None else self._say(change.explanation),
        )


def _ready(verdicts: deque[Verdict], answers: Mapping[Place, Answer]) -> Iterator[Verdict]:
    """Take out the verdicts that come next and wait for no engine; none is passed over."""
    while verdicts and awaits_nothing(verdicts[0].span, answers):
        yield verdicts.popleft()
