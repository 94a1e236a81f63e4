"""Lets sources join, leave and change while the daemon runs: all that a configuration asks for, or none.

    prepare  any thread     opens bundles, engines and inputs beside those in use, refuses what does not fit
    apply    judging thread one moment between two windows; if it fails the daemon ends
    follow   any thread     ends and begins captures, sees off, sees in

    see off  any thread     last windows judged, or told as dropped; retire; clips written; leave
    retire   judging thread the last word of a source: its clip ends, its alarm is out of service
    leave    judging thread it is no longer known, and its engine let go
    see in   any thread     until successors are present: by a first window, or without where none will come
    let go   judging thread an engine is closed, unless another machine has it, or `hold` keeps it (Roster)
    drop     any thread     instead of apply: what was opened is closed again

Judging goes on throughout. A bundle is swapped by giving its source a successor (`monitor.roster`): the
capture stays open, and from some window on each window is cut for, and judged by, the machine with the new
bundle.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.bundles.trail import note_bundles
from monitor.calibration import Calibration
from monitor.config import Config, SourceConfig
from monitor.errands import Errands
from monitor.errors import CommandError
from monitor.health import HealthBook
from monitor.inputs import InputChange, Inputs
from monitor.logs import Log
from monitor.machine import Machine, machine_of, successor_of
from monitor.models import Model, open_models
from monitor.pipeline import Pipeline
from monitor.prepared import Prepared
from monitor.roster import Roster
from monitor.store import Store
from monitor.supervisor import Supervisor
from monitor.window_queue import WindowQueue

END_WITHIN_S = 10.0
"""For so long a capture may take to end; one that takes longer cannot be replaced, and the daemon ends."""
SETTLE_WITHIN_S = 10.0
"""For so long what leaves may wait for its last windows to be judged and its clips to be written, and a
reload for its successors to judge. What takes longer goes on: windows are told as dropped, a successor takes
over with its first window."""
LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a daemon that a change of its sources goes through."""

    roster: Roster
    inputs: Inputs
    queue: WindowQueue
    pipeline: Pipeline
    book: HealthBook
    store: Store
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class _Change:
    """What a configuration makes of the sources."""

    joiners: Sequence[Machine]
    leavers: Sequence[str]
    successors: Sequence[Machine]
    inputs: InputChange
    order: Sequence[str]


class Turnover:
    """One change after the other: `follow` of one ends before the next is prepared."""

    def __init__(self, parts: Parts, errands: Errands, log: Log) -> None:
        self._parts = parts
        self._errands = errands
        self._log = log

    def prepare(
        self,
        config: Config,
        instead: Mapping[str, Path] | None = None,
        limits: Mapping[str, Calibration] | None = None,
    ) -> Prepared:
        """Open what the configuration asks for beside what is in use, and return what puts it into force.

        `instead` names another bundle's folder for some sources, `limits` has another calibration for some.

        Raises:
            CodedError: Something does not fit; what was opened is closed again, and nothing has changed.
        """
        roster, inputs = self._parts.roster, self._parts.inputs
        wanted = {source.id: source for source in config.sources}
        leavers = [name for name in roster.source_ids if name not in wanted]
        new = [source for name, source in wanted.items() if roster.get(name) is None]
        _check_names(new, leavers)
        with contextlib.ExitStack() as undo:
            open_already = roster.hold()
            undo.callback(roster.release)
            models = open_models(config, instead=instead, open_already=open_already, say=self._say)
            for engine in {id(model.engine): model.engine for model in models.values()}.values():
                undo.callback(roster.close_unused, engine)
            change = _Change(
                joiners=self._joiners(new, config, models),
                leavers=leavers,
                successors=self._successors(config, models, limits or {}),
                inputs=inputs.prepare(config),
                order=tuple(wanted),
            )
            undo.callback(change.inputs.drop)
            drop = undo.pop_all().close
        return Prepared(
            lambda: self._apply(change),
            follow=lambda: self._follow(change),
            drop=drop,
            news=tuple(_told(successor, roster) for successor in change.successors),
        )

    def _say(self, words: str) -> None:
        self._log.info("reloading", what=words)

    def _joiners(
        self, sources: Sequence[SourceConfig], config: Config, models: Mapping[str, Model]
    ) -> Sequence[Machine]:
        if not sources:
            return []
        if self._parts.pipeline.store_error is not None:
            raise CommandError(
                "the store takes nothing at present, so that it is not known how the alarm of a source that "
                "comes stood last; reload again when `wheeltapper status` shows no store error"
            )
        known = self._parts.store.alarm_snapshots()
        return [machine_of(source, config, models.get(source.id), known.get(source.id)) for source in sources]

    def _successors(
        self, config: Config, models: Mapping[str, Model], limits: Mapping[str, Calibration]
    ) -> Sequence[Machine]:
        """Return a successor for each machine, be it present or still to come, that would be another now."""
        successors = []
        for source in config.sources:
            machine = self._parts.roster.newest(source.id)
            if machine is None:
                continue
            limit = limits.get(source.id)
            successor = successor_of(machine, source, config, models.get(source.id), limit)
            if _differs(machine, successor):
                successors.append(successor)
        return successors

    def _apply(self, change: _Change) -> None:
        parts = self._parts
        for machine in change.joiners:
            parts.pipeline.join(machine)
            parts.inputs.join(machine)
        for successor in change.successors:
            parts.roster.expect(successor)
        parts.roster.arrange(change.order)
        parts.book.arrange(change.order)
        parts.roster.release()

    def _follow(self, change: _Change) -> None:
        parts = self._parts
        busy = parts.inputs.end(change.inputs, parts.supervisor, END_WITHIN_S)
        if busy:
            self._log.error("a capture cannot be replaced, for it does not end; the daemon ends", busy=busy)
            parts.supervisor.gave_up.set()
            return
        for successor in change.successors:
            parts.inputs.lane_of(successor.source_id).succeed(successor)
        parts.inputs.begin(change.inputs, parts.supervisor)  # first of all: until then they are deaf
        note_bundles(parts.store, change.joiners, self._log, why="joined")
        self._see_off(change.leavers)
        self._see_in(change.successors)
        note_bundles(parts.store, change.successors, self._log, why="took over")

    def _see_off(self, source_ids: Sequence[str]) -> None:
        """Let sources leave when their last windows are judged and their last clips on the way to disk."""
        if not source_ids:
            return
        parts = self._parts
        for source_id in source_ids:
            lane = parts.inputs.lane_of(source_id)
            lane.hurry()  # its tail must not wait for room
            lane.finish()
        self._wait(lambda: not any(parts.queue.holds(source_id) for source_id in source_ids))
        going = [machine for machine in parts.roster if machine.source_id in source_ids]
        self._ask(going, lambda one: parts.pipeline.retire(one, parts.queue.forget(one.source_id)))
        self._wait(lambda: not any(machine.clips.waiting for machine in going))
        self._ask(going, parts.pipeline.leave)
        parts.inputs.leave(source_ids)

    def _ask(self, machines: Sequence[Machine], errand: Callable[[Machine], None]) -> None:
        """Have something done with each machine by the judging thread, in one turn."""

        def all_of_them() -> None:
            for machine in machines:
                errand(machine)

        if machines:
            self._errands.ask(all_of_them)

    def _see_in(self, successors: Sequence[Machine]) -> None:
        """Wait until successors judge; where no sound comes any more they take over without."""
        self._wait(lambda: all(self._judges(one) or self._is_unheard(one) for one in successors))
        # one of an earlier reload may have been left to its first window, which will not come
        unheard = [one for one in self._parts.roster.awaited if self._is_unheard(one)]
        holds = self._parts.queue.holds
        self._wait(lambda: not any(holds(one.source_id) for one in unheard))
        done = [one for one in unheard if not holds(one.source_id)]
        self._ask(done, self._parts.pipeline.take_over_unheard)

    def _judges(self, machine: Machine) -> bool:
        return self._parts.roster.is_present(machine)

    def _is_unheard(self, machine: Machine) -> bool:
        return self._parts.inputs.lane_of(machine.source_id).finished

    def _wait(self, until: Callable[[], bool]) -> None:
        end_s = time.monotonic() + SETTLE_WITHIN_S
        while not until() and time.monotonic() < end_s:
            time.sleep(LOOK_EVERY_S)


def _check_names(new: Sequence[SourceConfig], leavers: Sequence[str]) -> None:
    """Refuse what no host or file system tells apart while one goes and the other comes."""
    going = {name.lower(): name for name in leavers}
    for source in new:
        if source.id.lower() in going:
            raise CommandError(
                f"sources.{source.id}: differs from {going[source.id.lower()]}, which leaves, by letter case "
                "alone; take that one out first, reload, and then put this one in"
            )


def _differs(machine: Machine, successor: Machine) -> bool:
    return (
        machine.engine is not successor.engine
        or _limit_differs(machine, successor)
        or _essence(machine.source) != _essence(successor.source)
    )


def _limit_differs(machine: Machine, successor: Machine) -> bool:
    if machine.scorer is None or successor.scorer is None:
        return machine.scorer is not successor.scorer
    return machine.scorer.calibration != successor.scorer.calibration


def _essence(source: SourceConfig) -> SourceConfig:
    """Return a source's section without what others apply to the machine as it is."""
    return source.model_copy(update={"alarm": None, "off": None, "audio": None, "speech": None})


def _told(successor: Machine, roster: Roster) -> str:
    machine = roster.newest(successor.source_id)
    before, after = None if machine is None else machine.bundle_id, successor.bundle_id
    if after is None and before is not None:
        return (
            f"{successor.source_id} is judged by nothing from its next window on, until its first bundle is "
            f"promoted: wheeltapper promote {successor.source_id}; its alarm is suppressed until then"
        )
    if before != after:
        up_to_there = "not at all" if before is None else f"by {before}"
        return (
            f"{successor.source_id} is judged by bundle {after}, opened and warmed up, from its next window "
            f"on, and {up_to_there} up to there"
        )
    if machine is not None and _limit_differs(machine, successor):
        return f"{successor.source_id} has another calibration"
    return ""
