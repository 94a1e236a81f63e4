"""What systemd does for wheeltapper.service, done to a daemon of a test: start, watch, end, start again.

It keeps to the unit's own times: RestartSec, WatchdogSec, TimeoutStartSec, and SIGABRT before SIGKILL. A
daemon that says READY=1 is watched from then on; one that ends, however, is started again after RestartSec.
"""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from fixtures_daemon import ROOT, DaemonProcess

UNIT = ROOT / "systemd" / "wheeltapper.service"


@dataclass(frozen=True, slots=True)
class UnitTimes:
    """The times of a unit that decide how long a fault lasts."""

    watchdog_s: float
    """WatchdogSec."""
    restart_s: float
    """RestartSec."""
    start_s: float
    """TimeoutStartSec."""
    stop_s: float
    """TimeoutStopSec, which is also what SIGABRT gets before SIGKILL."""

    @classmethod
    def of_unit(cls) -> UnitTimes:
        """Return those of the unit that is installed on boxes."""
        found = dict(re.findall(r"^(\w+Sec)=(\d+)$", UNIT.read_text(), re.MULTILINE))
        names = ("WatchdogSec", "RestartSec", "TimeoutStartSec", "TimeoutStopSec")
        return cls(*(float(found[name]) for name in names))


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the daemon."""

    started_s: float
    ended_s: float
    code: int
    """Its exit code, below 0 the signal."""
    by_watchdog: bool
    """Whether it was ended because it gave no sign of work."""


class StandInSystemd:
    """Keeps one daemon alive, in a thread of its own. Times are monotonic seconds."""

    def __init__(self, daemon: DaemonProcess, folder: Path, times: UnitTimes) -> None:
        self.daemon = daemon
        self.times = times
        self.lives: list[Life] = []
        """Those that are over, oldest first."""
        self.status = ""
        """The last STATUS= that came."""
        self.ready_s: float | None = None
        """When the present life said READY=1; None: it has not."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = str(folder / "systemd")
        self._socket.bind(address)
        self._socket.settimeout(0.05)
        daemon.environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(round(times.watchdog_s * 1e6))}
        self._started_s = 0.0
        self._sign_s = 0.0
        self._start_until_s = 0.0
        self._killed_s: float | None = None
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="stand-in systemd", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        process = self.daemon.process
        return process is not None and process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether the present life has said READY=1."""
        return self.runs and self.ready_s is not None

    def start(self) -> None:
        """Start the daemon, and keep it alive from now on."""
        with self._lock:
            self._wanted.set()
            self._start()

    def kill(self) -> None:
        """End it as a power cut of its own would; it is started again after RestartSec."""
        if self.daemon.process is not None:
            self.daemon.process.kill()

    def kill_and_hold(self) -> None:
        """End it as a power cut of the box would: it stays down until `start`."""
        with self._lock:
            self._wanted.clear()
            self.kill()
            if self.daemon.process is not None:
                self.daemon.process.wait(60)
            self._note_end()

    def stop(self) -> int:
        """End it as `systemctl stop` does, and return its exit code."""
        with self._lock:
            self._wanted.clear()
            code = self.daemon.stop(self.times.stop_s) if self.runs else 0
            self._note_end()
        return code

    def close(self) -> None:
        """Let go of the daemon, which is killed if it still runs."""
        self._closing.set()
        self._thread.join(60)
        self.daemon.kill()
        self._socket.close()

    def _start(self) -> None:
        self.ready_s, self._killed_s = None, None
        self._started_s = time.monotonic()
        self._start_until_s = self._started_s + self.times.start_s
        self.daemon.start()

    def _watch(self) -> None:
        while not self._closing.is_set():
            self._hear()
            with self._lock:
                self._judge(time.monotonic())

    def _hear(self) -> None:
        try:
            message = self._socket.recv(65_536).decode()
        except TimeoutError:
            return
        for line in message.splitlines():
            word, _, value = line.partition("=")
            if word == "STATUS":
                self.status = value
            elif word == "READY":
                self.ready_s = self._sign_s = time.monotonic()
            elif word == "WATCHDOG":
                self._sign_s = time.monotonic()
            elif word == "EXTEND_TIMEOUT_USEC":
                self._start_until_s = max(self._start_until_s, time.monotonic() + int(value) / 1e6)

    def _judge(self, now_s: float) -> None:
        process = self.daemon.process
        if process is None:
            return
        if process.poll() is not None:
            self._note_end()
            if self._wanted.is_set() and now_s >= self.lives[-1].ended_s + self.times.restart_s:
                self._start()
        elif self._killed_s is not None:
            if now_s > self._killed_s + self.times.stop_s:
                process.kill()
        elif now_s > (self._start_until_s if self.ready_s is None else self._sign_s + self.times.watchdog_s):
            self._killed_s = now_s
            process.send_signal(signal.SIGABRT)

    def _note_end(self) -> None:
        process = self.daemon.process
        if process is None or process.returncode is None:
            return
        if not self.lives or self.lives[-1].started_s != self._started_s:
            by_watchdog = self._killed_s is not None
            life = Life(self._started_s, time.monotonic(), process.returncode, by_watchdog)
            self.lives.append(life)
            self.ready_s = None
