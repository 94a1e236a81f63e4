"""Looks into reloads in a thread of its own, one after the other, while the sound is judged as before.

A bundle's engine may take minutes to open. What is found goes back to the judging thread, which answers the
command and applies the plan between two windows; then comes what follows of it, and then the next reload.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections.abc import Callable
from dataclasses import replace

from monitor.desk.reload import Plan, Reloader
from monitor.errands import Errands
from monitor.errors import CommandError
from monitor.logs import Log
from monitor.prepared import nothing
from monitor.supervisor import guarded
from monitor.worded import worded

WAITING_MAX = 8
"""Reloads that may wait: the file is read when their turn comes, so that more would find nothing new."""

Settle = Callable[[Plan | CommandError], None]
"""Answers whoever asked and applies the plan, unless it comes to nothing, by the judging thread."""


Look = Callable[[Reloader], Plan]
"""Finds out what would change; raises CommandError when nothing will."""


def plan_of_file(reloader: Reloader) -> Plan:
    """Have the configuration read again."""
    return reloader.plan()


class Reloads:
    """Any thread may put; one thread calls `run_once`."""

    def __init__(
        self, reloader: Reloader, errands: Errands, log: Log, *, end_daemon: Callable[[], None] = nothing
    ) -> None:
        """`end_daemon` is called when a plan failed half way: what is in force then, nobody knows."""
        self._reloader = reloader
        self._errands = errands
        self._log = log
        self._end_daemon = end_daemon
        self._waiting: queue.Queue[tuple[Look, Settle] | None] = queue.Queue(WAITING_MAX)

    def put(self, settle: Settle, look: Look = plan_of_file) -> None:
        """Have the configuration read again, or a swap looked into, behind the reloads that wait.

        Raises:
            CommandError: Too many wait.
        """
        try:
            self._waiting.put_nowait((look, settle))
        except queue.Full:
            raise CommandError(
                worded(
                    "reloads-wait",
                    "{count} reloads wait already; each reads the file anew when its turn comes",
                    count=WAITING_MAX,
                )
            ) from None

    @property
    def waiting(self) -> int:
        """How many wait behind the one that is carried out; at most WAITING_MAX."""
        return self._waiting.qsize()

    def wake(self) -> None:
        """Have `run_once` return if it waits. From any thread."""
        with contextlib.suppress(queue.Full):  # then it does not wait
            self._waiting.put_nowait(None)

    def run_once(self, timeout_s: float) -> None:
        """Carry out the next reload to its end; waits at most `timeout_s` for one."""
        try:
            next_one = self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return
        if next_one is None:
            return
        look, settle = next_one
        outcome = self._looked_into(look)
        if isinstance(outcome, Plan):
            self._carry_out(outcome, settle)
        else:
            self._errands.ask(lambda: settle(outcome))

    def _carry_out(self, plan: Plan, settle: Settle) -> None:
        came_to: list[str] = []

        def apply() -> None:
            came_to.append("begun")
            plan.apply()
            came_to.append("applied")

        self._errands.ask(lambda: settle(replace(plan, apply=apply)))
        if not came_to:
            plan.drop()
        elif "applied" not in came_to or not guarded(self._log, "reload failed", plan.follow):
            self._log.error("a reload failed half way; the daemon ends")
            self._end_daemon()

    def _looked_into(self, look: Look) -> Plan | CommandError:
        outcomes: list[Plan | CommandError] = []

        def looked() -> None:
            try:
                outcomes.append(look(self._reloader))
            except CommandError as error:
                outcomes.append(error)

        if guarded(self._log, "reload failed", looked):
            return outcomes[0]
        return CommandError(
            worded("daemon-failed", "nothing was changed: the daemon failed over it, and its log says how")
        )


def hangup_command() -> bytes:
    """Return what SIGHUP asks for, as whoever sends a command would."""
    now_ms = round(time.time() * 1000)
    return json.dumps({"id": f"sighup-{now_ms}", "action": "reload", "actor": "SIGHUP"}).encode()
