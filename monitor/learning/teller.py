"""Writes down how far each source is, about once a second, for whoever reads the progress file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from monitor.learning.documents import Progress, WorkNow, read_progress, write_progress
from monitor.learning.plan import Plan
from monitor.learning.plan_book import PlanBook
from monitor.learning.session import Checking, Recording
from monitor.worded import Worded

TELL_EVERY_S = 1.0


class Teller:
    """Belongs to the learn thread."""

    def __init__(self, book: PlanBook, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._monotonic = monotonic
        self._told: dict[str, tuple[Progress, float]] = {}

    def tell(
        self,
        plan: Plan,
        session: Checking | Recording | None = None,
        *,
        work: WorkNow | None = None,
        waits: Worded | None = None,
        at_once: bool = False,
    ) -> None:
        """Replace the progress file; what is not told anew of check and recording stays as it was."""
        now_s = self._monotonic()
        before, told_at_s = self._told.get(plan.source, (None, -TELL_EVERY_S))
        if now_s - told_at_s < TELL_EVERY_S and not at_once:
            return
        place = self._book.place(plan.source)
        if before is None:
            before = read_progress(place) or Progress(step=plan.step, at_utc_s=0.0)
        changes: dict[str, object] = {
            "step": plan.step,
            "work": work,
            "waits": "" if waits is None else str(waits),
            "waits_said": None if waits is None else waits.tree,
        }
        if isinstance(session, Checking):
            changes["check"] = session.result() if at_once else session.now()
        elif isinstance(session, Recording):
            changes["recording"] = session.now()
        progress = before.model_copy(update={**changes, "at_utc_s": time.time()})
        self._told[plan.source] = (progress, now_s)
        with contextlib.suppress(OSError):  # nothing depends on it, and the next may be written again
            write_progress(place, progress)

    def forget(self, source_id: str) -> None:
        """Tell nothing of before any more."""
        self._told.pop(source_id, None)
