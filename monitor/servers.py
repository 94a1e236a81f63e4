"""The two servers that say how the daemon is: the page's, at a socket, and the one that Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable

from monitor.config import Config
from monitor.control.answers import Answers
from monitor.control.protocol import socket_path
from monitor.control.server import ControlServer
from monitor.guests import GuestServer
from monitor.logs import Log
from monitor.metrics.scene import Painter
from monitor.metrics.server import open_metrics
from monitor.supervisor import Supervisor, Task, idle_task


class Servers:
    """Those that are switched on, each with a thread of its own."""

    def __init__(
        self, config: Config, make_answers: Callable[[], Answers], painter: Painter, log: Log
    ) -> None:
        """`make_answers` is called only if the page is to be answered; nobody is let in before `start`."""
        self._servers: dict[str, GuestServer] = {}
        self._tasks: list[Task] = []
        if config.replay.enabled:
            self._servers["control"] = ControlServer(socket_path(config.state_dir), make_answers(), log)
        if config.metrics.enabled:
            self._servers["metrics"] = open_metrics(config.metrics, painter, log)

    def start(self, supervisor: Supervisor, wait_s: float) -> None:
        """Let guests in; each thread waits `wait_s` at a time for one."""
        self._tasks = [
            supervisor.start(idle_task(name, server, wait_s, last=server.close))
            for name, server in self._servers.items()
        ]

    def stop(self, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """Let nobody in any more; return the names of those whose guests do not leave."""
        return supervisor.stop(self._tasks, timeout_s)
