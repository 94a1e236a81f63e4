"""Steps of alarms that wait for the store, in order: a full or failing disk loses none, up to a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.errors import StoreError, StoreRefusedError
from monitor.logs import Log
from monitor.messages import AlarmChange
from monitor.store import Reply, Store

UNSAVED_MAX = 10_000
"""Steps that wait; beyond it the oldest are given up, counted and logged."""
ANSWERS_MAX = 1_000
"""Of them, answers that changed no alarm: a flood of commands must not push alarms out."""


def say_nothing() -> None:
    """Do nothing: nobody waits to hear that something was stored."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one alarm, as it was when it happened, or the answer to a command that changed none."""

    changes: tuple[AlarmChange, ...]
    """In the order in which they happened; all of one source."""
    snapshot: Mapping[str, object] | None
    """The alarm's facts after the last of the changes; None: an answer alone."""
    bundle_id: str
    """The bundle that judged."""
    reply: Reply | None
    """To the command behind this step; None when there was none."""
    stored: Callable[[], None]
    """To be called once, when the store has it. Must not raise."""

    def put(self, store: Store) -> None:
        """Store it, all or nothing.

        Raises:
            StoreError: The store cannot take it.
        """
        if self.snapshot is not None:
            store.apply(self.changes, snapshot=self.snapshot, bundle_id=self.bundle_id, reply=self.reply)
        elif self.reply is not None:
            store.save_reply(self.reply)


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
        if not step.changes and self._answers >= ANSWERS_MAX:
            self.given_up += 1
            return
        self._steps.append(step)
        self._answers += not step.changes
        self.save()

    def save(self) -> None:
        """Store what waits, as far as the store takes it."""
        while self._steps:
            step = self._steps[0]
            try:
                step.put(self._store)
            except StoreRefusedError as error:
                # trying again can never help: the next step must not wait behind it
                self._log.error("a change cannot be stored and is given up", reason=str(error))
                self.given_up += 1
                self._forget_oldest()
                continue
            except StoreError as error:
                self._hold(error)
                return
            self._forget_oldest()
            step.stored()
        if self.error is not None:
            self._log.info("store works again")
            self.error = None

    def _hold(self, error: StoreError) -> None:
        if self.error is None:
            self._log.error("store takes nothing; alarms wait in memory", reason=str(error), code=error.code)
        self.error = str(error)
        while len(self._steps) > UNSAVED_MAX:
            self._forget_oldest()
            self.given_up += 1

    def _forget_oldest(self) -> None:
        self._answers -= not self._steps.popleft().changes
