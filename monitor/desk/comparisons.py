"""Compares candidates with live bundles when an operator asks, in a thread of its own, one after the other.

A comparison takes a minute of a process beside the daemon, and a rollback must not wait behind it: so it is
no work for the thread of reloads. What was found is kept (promotion/document.py); the answer tells it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.config import Config
from monitor.desk.reload import Plan
from monitor.desk.reloads import Settle
from monitor.errands import Errands
from monitor.errors import CommandError, ComparisonError
from monitor.logs import Log
from monitor.prepared import nothing
from monitor.promotion.apart import Told, judged_apart
from monitor.promotion.gate import in_words, not_compared
from monitor.supervisor import guarded
from monitor.worded import worded

WAITING_MAX = 8
"""Comparisons that may wait; each may take COMPARED_WITHIN_S."""
PATIENCE_S = 60.0
"""So long kept sound is scored; whoever asks again goes on from there."""
COMPARED_WITHIN_S = 300.0
"""A comparison that takes longer is broken off."""
NICE = 5
"""Behind what judges and before what nobody waits for."""

BrokenOff = Callable[[], bool]
Judge = Callable[[Config, str, BrokenOff], Told]
"""Compares the candidate of a source until it is broken off; a ComparisonError says why it cannot."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    source_id: str
    since_utc_s: float
    settle: Settle


class Comparisons:
    """Any thread may put, and read `under_way`; one thread calls `run_once`."""

    def __init__(
        self, config_now: Callable[[], Config], errands: Errands, log: Log, *, judge: Judge | None = None
    ) -> None:
        """`errands` are run by the thread that judges; without `judge` a process of its own compares."""
        self._config_now = config_now
        self._errands = errands
        self._log = log
        self._judge = judge or _judged_beside
        self._waiting: queue.Queue[_Asked | None] = queue.Queue(WAITING_MAX)
        self._under_way: tuple[_Asked, ...] = ()
        self._changing = threading.Lock()
        self._closing = threading.Event()

    @property
    def under_way(self) -> Mapping[str, float]:
        """Sources whose candidate is being compared or waits for its turn: since when, as UTC."""
        return {one.source_id: one.since_utc_s for one in reversed(self._under_way)}

    def put(self, source_id: str, settle: Settle) -> None:
        """Have the candidate of a source compared; `settle` is told by the thread that judges.

        Raises:
            CommandError: Too many wait.
        """
        asked = _Asked(source_id, time.time(), settle)
        with self._changing:
            try:
                self._waiting.put_nowait(asked)
            except queue.Full:
                raise CommandError(
                    worded(
                        "comparisons-wait",
                        "{count} comparisons wait already; ask again when one is over",
                        count=WAITING_MAX,
                    )
                ) from None
            self._under_way = (*self._under_way, asked)

    def wake(self) -> None:
        """Break off what is being compared, and wait no more. From any thread."""
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then it does not wait
            self._waiting.put_nowait(None)

    def run_once(self, timeout_s: float) -> None:
        """Make the next comparison; waits at most `timeout_s` for one."""
        try:
            asked = self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return
        if asked is None:
            return
        outcome = self._compared(asked.source_id)
        with self._changing:
            self._under_way = tuple(one for one in self._under_way if one is not asked)
        self._errands.ask(lambda: asked.settle(outcome))

    def _compared(self, source_id: str) -> Plan | CommandError:
        found: list[Plan | CommandError] = []

        def comparing() -> None:
            try:
                told = self._judge(self._config_now(), source_id, self._closing.is_set)
            except ComparisonError as error:
                found.append(CommandError(not_compared(error)))
            else:
                found.append(Plan(in_words(told), apply=nothing))

        if guarded(self._log, "a comparison failed", comparing, source=source_id):
            return found[0]
        return CommandError(
            worded(
                "comparison-failed",
                "it could not be compared: the daemon failed over it, and its log says how",
            )
        )


def _judged_beside(config: Config, source_id: str, broken_off: BrokenOff) -> Told:
    """Compare in a process beside the daemon. Raises as judged_apart."""
    return judged_apart(
        config,
        source_id,
        patience_s=PATIENCE_S,
        within_s=COMPARED_WITHIN_S,
        nice=NICE,
        broken_off=broken_off,
    )
