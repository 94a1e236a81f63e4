"""Asks systemd whether the clock is synchronised, where the service itself may not ask the kernel.

The unit's fence hides adjtimex; systemd-timedated reads it for whoever asks over D-Bus
(org.freedesktop.timedate1, NTPSynchronized), whatever serves the time: chronyd, ntpd, timesyncd or PTP.
timedatectl(1) asks it, from systemd 239 on. Where that is not there, or does not answer, nobody vouches.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

COMMAND = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
FIRST_WAIT_S = 2.0
"""At the start, when nobody waits for sound yet; an answer takes some 50 ms, with timedated's start."""
EVERY_S = 60.0
PATIENCE_S = 10.0
"""A question that is older is given up, and none is asked beside it while it does not end."""


class Timedated:
    """Belongs to one thread, which never waits for it but the first time."""

    def __init__(
        self, command: Sequence[str] = COMMAND, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`command` prints yes or no."""
        self._command = tuple(command)
        self._monotonic = monotonic
        self._asked: subprocess.Popen[bytes] | None = None
        self._asked_at_s: float | None = None

    def __call__(self) -> bool:
        """Say whether the answer that has just come is yes; it is asked again every EVERY_S."""
        now_s, first = self._monotonic(), self._asked_at_s is None
        if self._asked is None:
            if self._asked_at_s is not None and now_s - self._asked_at_s < EVERY_S:
                return False
            self._asked_at_s = now_s
            self._asked = self._ask()
        return self._asked is not None and self._answer(self._asked, now_s, FIRST_WAIT_S if first else 0.0)

    def _ask(self) -> subprocess.Popen[bytes] | None:
        try:
            return subprocess.Popen(  # noqa: S603 - a program of the system's
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:  # no systemd, or no room for a process
            return None

    def _answer(self, asked: subprocess.Popen[bytes], now_s: float, wait_s: float) -> bool:
        try:
            asked.wait(wait_s)
        except subprocess.TimeoutExpired:
            if self._asked_at_s is not None and now_s - self._asked_at_s >= PATIENCE_S:
                asked.kill()  # not waited for: in the kernel's hands (state D) it ends when it likes
            return False
        with asked:  # it has ended; its pipe is closed
            said = b"" if asked.stdout is None else asked.stdout.read()
        self._asked = None
        return asked.returncode == 0 and said.strip() == b"yes"
