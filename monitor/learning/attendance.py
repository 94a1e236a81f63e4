"""Who is being listened to for learning: opens and closes what checks or records, and feeds it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.config import SourceConfig
from monitor.errors import RecordFullError
from monitor.health import HealthBook
from monitor.learning.plan import Plan, Step
from monitor.learning.plan_book import PlanBook
from monitor.learning.session import Checking, Recording
from monitor.learning.tap import Tap, Taps
from monitor.listening import Ear, ear_without_bundle
from monitor.messages import AlarmState
from monitor.recording.learn_folder import LearnFolder

ROOM_EVERY_S = 10.0
Session = Checking | Recording


@dataclass(slots=True)
class _Attended:
    step: Step
    tap: Tap
    session: Session
    look_for_room_at_s: float = 0.0


class Attendance:
    """Belongs to the learn thread."""

    def __init__(
        self,
        book: PlanBook,
        taps: Taps,
        health: HealthBook,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book, self._taps, self._health = book, taps, health
        self._monotonic = monotonic
        self._attended: dict[str, _Attended] = {}
        self._ear: Ear | None = None

    @property
    def source_ids(self) -> Sequence[str]:
        """Who is listened to."""
        return list(self._attended)

    def feed(self, plan: Plan, source: SourceConfig) -> tuple[Session, bool]:
        """Give what was heard of a source to what its plan wants, and say whether that is over.

        Raises:
            CodedError: It cannot go on: a file cannot be written, or the disk is nearly full.
        """
        attended = self._attended.get(plan.source)
        if attended is None or attended.step is not plan.step:
            self.dismiss(plan.source)
            attended = self._begin(plan, source)
        now_s = self._monotonic()
        if attended.look_for_room_at_s <= now_s:
            attended.look_for_room_at_s = now_s + ROOM_EVERY_S
            if plan.step is Step.RECORD and (why := self._book.lack_of_room()) is not None:
                raise RecordFullError(why)
        is_off = self._is_left_out(plan.source)
        for block in attended.tap.take():
            attended.session.add(block, is_off=is_off)
        return attended.session, attended.session.is_over(now_s)

    def dismiss(self, source_id: str) -> None:
        """Listen to a source no more; what is pending is written.

        Raises:
            RecordError, StoreError: It could not be.
        """
        attended = self._attended.pop(source_id, None)
        if attended is None:
            return
        self._taps.close(source_id)
        if isinstance(attended.session, Recording):
            attended.session.finish()

    def drop(self, source_id: str) -> None:
        """Listen to a source no more, and write nothing."""
        attended = self._attended.pop(source_id, None)
        if attended is not None:
            self._taps.close(source_id)
            attended.session.close()

    def _begin(self, plan: Plan, source: SourceConfig) -> _Attended:
        if self._ear is None:
            self._ear = ear_without_bundle(self._book.input_quality)
        session: Session
        if plan.step is Step.CHECK:
            session = Checking(self._ear, self._book.settings.check_s, self._monotonic())
        else:
            work = LearnFolder(self._book.place(plan.source))
            session = Recording(source, self._ear, work, plan.hours * 3600)
        attended = _Attended(plan.step, self._taps.open(plan.source), session)
        self._attended[plan.source] = attended
        return attended

    def _is_left_out(self, source_id: str) -> bool:
        """Whether the machine is off, or out of service: what is done to it then is not its normal work.

        Alarms are recorded: a machine that is commissioned is judged by a limit that is not its own yet.
        """
        facts = (one for one in self._health.sources() if one.capture.source_id == source_id)
        return any(one.machine.off is not None or one.alarm is AlarmState.OUT_OF_SERVICE for one in facts)
