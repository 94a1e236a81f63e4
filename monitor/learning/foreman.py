"""Has done what the plans want: has sources listened to and the child process work, step after step.

Runs in a thread of its own. Whatever goes wrong with learning is a trouble of its plan; the daemon goes on.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial

from engines.errors import CodedError
from monitor.config import SourceConfig
from monitor.errors import RecordFullError
from monitor.health import HealthBook
from monitor.learning.attendance import Attendance
from monitor.learning.documents import Found, read_found
from monitor.learning.plan import RECORDING, WORKING, Plan, Step
from monitor.learning.plan_book import PlanBook
from monitor.learning.pupil import Job
from monitor.learning.session import Checking
from monitor.learning.tap import Taps
from monitor.learning.teller import Teller
from monitor.learning.workshop import Workshop
from monitor.logs import Log
from monitor.operators import Origin
from monitor.publish.commands import Command
from monitor.roster import Roster
from monitor.supervisor import guarded
from monitor.worded import Worded, worded, wording_of

OVERLOADED = worded("overloaded", "the box cannot keep up with its sources, which come first")
LOOK_EVERY_S = 0.25
"""Between two looks at what plans have under way."""
NOT_HERE = worded("not-configured", "the source is not in the configuration any more")
FAILED = worded("learning-failed", "the daemon failed over it, and its log says how; resume tries again")


def following_look(plan: Plan, found: Found | None) -> Step:
    """Return whether it learns now or waits for a person; a plan that is unattended waits for nobody."""
    needs_person = found is None or found.needs_person
    return Step.LISTEN if needs_person and not plan.unattended else Step.LEARN


class Foreman:
    """Called by one thread, but for `wake`."""

    def __init__(self, book: PlanBook, taps: Taps, roster: Roster, health: HealthBook, log: Log) -> None:
        self._book, self._roster, self._health, self._log = book, roster, health, log
        self._attendance = Attendance(book, taps, health)
        self._workshop = Workshop(log)
        self._teller = Teller(book)
        self._wake = threading.Event()

    def obey(self, source: SourceConfig, origin: Origin, command: Command, now_utc_s: float) -> str:
        """Change a plan as a command asks, and have the plans looked at; see `PlanBook.obey`. Any thread."""
        told = self._book.obey(source, origin, command, now_utc_s)
        self.wake()
        return told

    def wake(self) -> None:
        """Have the plans looked at now: one has changed. From any thread."""
        self._wake.set()

    def run_once(self, timeout_s: float) -> None:
        """Do what each plan wants now, then wait at most `timeout_s`."""
        self._book.write_what_is_left()
        plans = {plan.source: plan for plan in self._book.plans}
        for source_id in self._attendance.source_ids:
            if source_id not in plans:
                with contextlib.suppress(CodedError):  # nobody wants it any more
                    self._attendance.dismiss(source_id)
        if self._workshop.source_id not in {None, *plans}:
            self._workshop.end()
        for plan in plans.values():
            advance = partial(self._advance, plan)
            if not guarded(self._log, "learning failed", advance, source=plan.source):
                self._stop_over(plan, FAILED)
        goes_on = any(plan.is_active for plan in plans.values())  # the others wait for a command, which wakes
        if self._wake.wait(min(timeout_s, LOOK_EVERY_S) if goes_on else timeout_s):
            self._wake.clear()

    def close(self) -> None:
        """Write what is pending, and end the child process: both go on at the next start."""
        for source_id in self._attendance.source_ids:
            with contextlib.suppress(CodedError):  # the next start finds what there is
                self._attendance.dismiss(source_id)
        self._workshop.end()

    def _advance(self, plan: Plan) -> None:
        machine = self._roster.get(plan.source)
        source = None if machine is None else machine.source
        try:
            if plan.discarded:
                if plan.trouble is None:
                    self._remove(plan)
                return
            if not (plan.is_active and plan.step in RECORDING and source is not None):
                self._attendance.dismiss(plan.source)
            if not (plan.is_active and plan.step in WORKING and source is not None):
                self._let_go(plan)
            if not plan.is_active:
                return
            if source is None:
                self._teller.tell(plan, waits=NOT_HERE)
            elif plan.step in RECORDING:
                self._attend(plan, source)
            else:
                self._work(plan, source)
        except CodedError as error:
            self._stop_over(plan, wording_of(error))

    def _attend(self, plan: Plan, source: SourceConfig) -> None:
        """Feed what checks or records, and take the next step when it is over.

        Raises:
            CodedError: It cannot go on.
        """
        if (why := self._book.refusal(source)) is not None:
            self._stop_over(plan, why)
            return
        session, is_over = self._attendance.feed(plan, source)
        self._teller.tell(plan, session, at_once=is_over)
        if not is_over:
            return
        self._attendance.dismiss(plan.source)
        if isinstance(session, Checking) and session.result().forbids and not plan.anyway:
            self._stop_over(plan, session.objection())
        else:
            self._move(plan, Step.RECORD if plan.step is Step.CHECK else Step.LOOK)

    def _work(self, plan: Plan, source: SourceConfig) -> None:
        """Have the child process do a step, and take the next one when it is done.

        Raises:
            CodedError: It cannot go on.
        """
        if plan.step is Step.LEARN and not self._book.learns_here():
            self._move(plan, Step.PACK)
            return
        if (why := self._book.lack_of_room()) is not None:
            raise RecordFullError(why)
        job = Job(
            config=self._book.config_of(source),
            step=plan.step,
            kept=plan.kept,
            by=plan.by,
            command_id=f"learn-{plan.source}-{plan.started_utc_s:.0f}",
        )
        waits = self._workshop.do(job)
        if waits is None:
            is_overloaded = any(not one.keeps_up for one in self._health.sources())
            self._workshop.hold(back=is_overloaded)
            waits = OVERLOADED if is_overloaded else None
        self._teller.tell(plan, work=self._workshop.now(self._book.place(plan.source)), waits=waits)
        ended = self._workshop.look(plan.source)
        if ended is not None and ended.why is not None:
            self._stop_over(plan, ended.why)
        elif ended is not None:
            self._move(plan, self._following(plan))

    def _following(self, plan: Plan) -> Step:
        """Return the step after one that the child process has done."""
        if plan.step is not Step.LOOK:
            return Step.DONE if plan.step is Step.LEARN else Step.PACKED
        found = read_found(self._book.place(plan.source))
        return following_look(plan, found)

    def _move(self, plan: Plan, step: Step) -> None:
        if self._book.move(plan, step=step):
            self._log.info("learning", source=plan.source, step=step.value)
            self._wake.set()

    def _stop_over(self, plan: Plan, trouble: Worded) -> None:
        with contextlib.suppress(CodedError):  # that is the trouble
            self._attendance.dismiss(plan.source)
        self._let_go(plan)
        if self._book.move(plan, trouble=str(trouble), trouble_said=trouble.tree):
            told = {"source": plan.source, "step": plan.step.value, "reason": str(trouble)}
            self._log.warning("learning cannot go on", **told)

    def _remove(self, plan: Plan) -> None:
        """Remove the sound and the plan.

        Raises:
            CodedError: Some of it is left; so is the plan.
        """
        self._attendance.drop(plan.source)
        self._let_go(plan)
        self._book.remove_sound(plan.source)
        self._teller.forget(plan.source)
        self._book.forget(plan.source)
        self._log.info("what was recorded to learn from was removed", source=plan.source)

    def _let_go(self, plan: Plan) -> None:
        if self._workshop.source_id == plan.source:
            self._workshop.end()
