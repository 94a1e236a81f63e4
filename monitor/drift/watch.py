"""Follows the normal sound of every source while the daemon listens; changes no limit.

The judging thread hands in windows. A thread of its own writes the counts every few minutes, so that a kill
takes no more than those, and looks into each source once a day, when a day is over.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from monitor.config import Config
from monitor.drift.counting import Answer, Counting, basis_of
from monitor.drift.examiner import Examiner
from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.drift.likeness import DAY_S
from monitor.drift.period import merged_bodies
from monitor.errors import CalibrationError, StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import Score
from monitor.roster import Roster
from monitor.store import Store
from monitor.store.drift import PIECE_ROWS, PeriodRow, add_periods, prune_periods

WRITE_EVERY_S = 300.0
"""A kill takes at most the counts of so long."""
AGAIN_S = 3600.0
"""A source of which too little is known, or to which nothing can be proposed yet, is looked into so often."""
PAUSE_S = 5.0
"""Between two sources: a look takes some tenths of a second, a proposal a second."""
IDLE_S = 2.0
"""Between two looks whether any source is due."""
WAITING_ROWS = 50_000
"""Rows that wait for a store that takes nothing; the oldest go then, and it is logged."""

Tell = Callable[[str, DriftFacts], None]


class DriftWatch:
    """The judging thread calls `note`, any `look_again` and `wake`, and the drift thread the rest."""

    def __init__(
        self,
        roster: Roster,
        store: Store,
        config: Callable[[], Config],
        log: Log,
        *,
        tell: Tell,
        is_dated: Callable[[], bool],
    ) -> None:
        """`config` returns the one in force; `tell` is given what is found.

        `is_dated` says whether the box knows the time.
        """
        self._roster = roster
        self._store = store
        self._config = config
        self._log = log
        self._tell = tell
        self._is_dated = is_dated
        self._counting = Counting(is_dated)
        self._examiner = Examiner(store, config)
        self._waiting: list[PeriodRow] = []
        self._write_at_s = time.monotonic() + WRITE_EVERY_S
        self._look_at_s = time.monotonic()
        self._looked: dict[str, tuple[str, int, float]] = {}
        self._bases: dict[str, tuple[int, str]] = {}
        self._told: dict[str, str] = {}
        self._again: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pruned_day = 0
        self._is_failing = False
        self._woken = threading.Event()

    def note(self, machine: Machine, score: Score, answer: Answer | None) -> None:
        """Take a window that the alarm has judged."""
        self._counting.note(machine, score, answer)

    def run_once(self, timeout_s: float) -> None:
        """Write if it is time, and look into the next source that is due; waits at most `timeout_s`."""
        self._woken.wait(timeout_s)
        if not self._config().drift.enabled:
            return
        now_s = time.monotonic()
        if now_s >= self._write_at_s:
            self._write_at_s = now_s + WRITE_EVERY_S
            self._write()
        if now_s >= self._look_at_s and self._is_dated():
            self._look_at_s = now_s + (PAUSE_S if self._look_at_next(time.time()) else IDLE_S)

    def look_again(self, source_id: str) -> None:
        """Have a source looked into soon, though it was today: its proposal was declined. From any thread."""
        self._again.put(source_id)

    def wake(self) -> None:
        """Have `run_once` wait no more: it is to end. From any thread."""
        self._woken.set()

    def finish(self) -> None:
        """Write what has been counted."""
        self._write()

    def _write(self) -> None:
        self._counting.forget(set(self._counting.source_ids) - set(self._roster.source_ids))
        self._waiting += self._counting.take()
        if len(self._waiting) > WAITING_ROWS:
            self._log.warning("counts of normal sound are given up", rows=len(self._waiting) - WAITING_ROWS)
            self._waiting = self._waiting[-WAITING_ROWS:]
        try:
            while self._waiting:  # what one step has taken is not given again, whatever becomes of the next
                add_periods(self._store.database, self._waiting[:PIECE_ROWS], merged_bodies)
                del self._waiting[:PIECE_ROWS]
        except StoreError as error:
            self._complain("counts of normal sound wait for the store", error)
            return
        self._is_failing = False

    def _look_at_next(self, now_utc_s: float) -> bool:
        """Look into one source that is due; False: none is."""
        today = int(now_utc_s // DAY_S)
        while not self._again.empty():
            self._looked.pop(self._again.get(), None)
        for machine in self._roster:
            if machine.scorer is None:  # it has no scores yet
                continue
            basis = self._basis_of(machine)
            looked = self._looked.get(machine.source_id)
            if looked is not None and looked[0] == basis and looked[1] == today and self._waits(looked[2]):
                continue
            self._looked[machine.source_id] = (basis, today, time.monotonic() + AGAIN_S)
            self._look(machine, basis, now_utc_s)
            return True
        self._prune(today)
        return False

    def _basis_of(self, machine: Machine) -> str:
        known = self._bases.get(machine.source_id)
        if known is None or known[0] != machine.number:
            known = self._bases[machine.source_id] = (machine.number, basis_of(machine))
        return known[1]

    def _waits(self, until_s: float) -> bool:
        return time.monotonic() < until_s

    def _look(self, machine: Machine, basis: str, now_utc_s: float) -> None:
        source_id = machine.source_id
        try:
            looked = self._examiner.look(machine, now_utc_s)
        except (StoreError, CalibrationError) as error:
            self._complain("normal sound was not looked into", error)
            return
        self._counting.cut_at(source_id, basis, looked.recent)
        facts = looked.facts
        self._tell(source_id, facts)
        answered = facts.proposal is not None or facts.declined_by is not None
        settled = facts.state is DriftState.STABLE or answered
        if settled and source_id in self._looked:  # the next day says more, no hour of this one
            self._looked[source_id] = (basis, self._looked[source_id][1], float("inf"))
        news = f"{facts.state.value} {facts.proposal}"
        if self._told.get(source_id) != news:
            self._told[source_id] = news
            say = self._log.warning if facts.state is DriftState.DRIFTING else self._log.info
            say("normal sound", source=source_id, state=facts.state.value, what=facts.words,
                proposal=facts.proposal, withheld=facts.withheld)  # fmt: skip

    def _prune(self, today: int) -> None:
        if self._pruned_day == today:
            return
        self._pruned_day = today
        try:
            prune_periods(self._store.database, before_utc_s=(today - self._config().drift.keep_days) * DAY_S)
        except StoreError as error:
            self._complain("old counts of normal sound stay", error)

    def _complain(self, what: str, error: Exception) -> None:
        """Log it, once for each outage."""
        if not self._is_failing:
            self._log.warning(what, reason=str(error))
        self._is_failing = True
