"""Steps of alarms that wait for the store, in order: a full or failing disk loses none, up to a bound."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.errors import StoreError, StoreFullError, StoreRefusedError
from monitor.logs import Log
from monitor.messages import AlarmChange
from monitor.store import Reply, Store
from monitor.worded import wording_of

UNSAVED_MAX = 10_000
"""Steps that wait; beyond it the oldest are given up, counted and logged."""
ANSWERS_MAX = 1_000
"""Of them, answers that changed no alarm: a flood of commands must not push alarms out."""


TOGETHER_MAX = 100
"""Answers that are stored in one step."""


def say_nothing() -> None:
    """Do nothing: nobody waits to hear that something was stored."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one alarm, as it was when it happened, or the answer to a command that changed none."""

    changes: tuple[AlarmChange, ...]
    """In the order in which they happened; all of one source."""
    snapshot: Mapping[str, object] | None
    """The alarm's facts after the last of the changes; None: an answer alone."""
    bundle_id: str | None
    """The bundle that judged."""
    reply: Reply | None
    """To the command behind this step; None when there was none."""
    stored: Callable[[], None]
    """To be called once, when the store has it. Must not raise."""


class Unsaved:
    """The steps that wait. Belongs to one thread."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._steps: deque[Step] = deque()
        self._answers = 0
        self.given_up = 0
        """Steps lost because the store failed for too long, or can never take them."""
        self.error: str | None = None
        """Why the store takes nothing at present."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._steps)

    def reply_to(self, command_id: str) -> Mapping[str, object] | None:
        """Return the reply to a command that is among them; None: there is none."""
        replies = (step.reply for step in self._steps if step.reply is not None)
        return next((reply.body for reply in replies if reply.command_id == command_id), None)

    def add(self, step: Step) -> None:
        """Store a step behind those that wait, now or later."""
        self.put(step)
        self.save()

    def put(self, step: Step) -> None:
        """Have a step wait behind the others, for `save`."""
        if not step.changes and self._answers >= ANSWERS_MAX:
            self.given_up += 1
            return
        self._steps.append(step)
        self._answers += not step.changes

    def save(self) -> None:
        """Store what waits, as far as the store takes it; answers that follow each other in one step."""
        together = TOGETHER_MAX
        while self._steps:
            steps = self._first(together)
            try:
                _store(self._store, steps)
            except StoreRefusedError as error:
                if len(steps) > 1:
                    together = 1  # one of them: find it
                    continue
                # trying again can never help: the next step must not wait behind it
                self._log.error("a change cannot be stored and is given up", reason=str(error))
                self.given_up += 1
                self._forget_oldest()
                continue
            except StoreError as error:
                if isinstance(error, StoreFullError) and self._store.reserve.give_up():
                    self._log.warning("the disk is full; alarms have the room that was held back for them")
                    continue
                self._hold(error)
                return
            for step in steps:
                self._forget_oldest()
                step.stored()
        if self.error is not None:
            self._log.info("store works again")
            self.error = None

    def _first(self, at_most: int) -> list[Step]:
        """Return the answers that changed no alarm with which the steps begin; else the first step."""
        first = list(itertools.islice(self._steps, at_most))
        return list(itertools.takewhile(lambda step: step.snapshot is None, first)) or first[:1]

    def _hold(self, error: StoreError) -> None:
        if self.error is None:
            self._log.error("store takes nothing; alarms wait in memory", reason=str(error), code=error.code)
        self.error = wording_of(error)
        while len(self._steps) > UNSAVED_MAX:
            self._forget_oldest()
            self.given_up += 1

    def _forget_oldest(self) -> None:
        self._answers -= not self._steps.popleft().changes


def _store(store: Store, steps: Sequence[Step]) -> None:
    """Store one step, or several answers, all or nothing."""
    first = steps[0]
    if first.snapshot is None:
        store.save_replies([step.reply for step in steps if step.reply is not None])
    else:
        store.apply(first.changes, snapshot=first.snapshot, bundle_id=first.bundle_id, reply=first.reply)
