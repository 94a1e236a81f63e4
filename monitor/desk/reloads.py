"""Looks into reloads in a thread of its own, one after the other, while the sound is judged as before.

A bundle's engine may take minutes to open. What is found goes back to the judging thread, which answers the
command and applies the plan between two windows; then comes what follows of it, and then the next reload.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable

from monitor.desk.reload import Plan, Reloader
from monitor.errands import Errands
from monitor.errors import CommandError
from monitor.logs import Log
from monitor.supervisor import guarded

WAITING_MAX = 8
"""Reloads that may wait: the file is read when their turn comes, so that more would find nothing new."""

Settle = Callable[[Plan | CommandError], bool]
"""Answers whoever asked and applies the plan, by the judging thread; False: it was not applied."""


Look = Callable[[Reloader], Plan]
"""Finds out what would change; raises CommandError when nothing will."""


def plan_of_file(reloader: Reloader) -> Plan:
    """Have the configuration read again."""
    return reloader.plan()


class Reloads:
    """Any thread may put; one thread calls `run_once`."""

    def __init__(self, reloader: Reloader, errands: Errands, log: Log) -> None:
        self._reloader = reloader
        self._errands = errands
        self._log = log
        self._waiting: queue.Queue[tuple[Look, Settle]] = queue.Queue(WAITING_MAX)

    def put(self, settle: Settle, look: Look = plan_of_file) -> None:
        """Have the configuration read again, or a swap looked into, behind the reloads that wait.

        Raises:
            CommandError: Too many wait.
        """
        try:
            self._waiting.put_nowait((look, settle))
        except queue.Full:
            raise CommandError(
                f"{WAITING_MAX} reloads wait already; each reads the file anew when its turn comes"
            ) from None

    def run_once(self, timeout_s: float) -> None:
        """Carry out the next reload to its end; waits at most `timeout_s` for one."""
        try:
            look, settle = self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return
        outcome = self._looked_into(look)
        applied: list[bool] = []
        self._errands.ask(lambda: applied.append(settle(outcome)))
        if isinstance(outcome, Plan):
            (outcome.follow if any(applied) else outcome.drop)()

    def _looked_into(self, look: Look) -> Plan | CommandError:
        outcomes: list[Plan | CommandError] = []

        def looked() -> None:
            try:
                outcomes.append(look(self._reloader))
            except CommandError as error:
                outcomes.append(error)

        if guarded(self._log, "reload failed", looked):
            return outcomes[0]
        return CommandError("nothing was changed: the daemon failed over it, and its log says how")


def hangup_command() -> bytes:
    """Return what SIGHUP asks for, as whoever sends a command would."""
    now_ms = round(time.time() * 1000)
    return json.dumps({"id": f"sighup-{now_ms}", "action": "reload", "actor": "SIGHUP"}).encode()
