"""A child process whose output is read without ever blocking, and that cannot outlive its owner."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
from collections.abc import Sequence
from fcntl import F_SETPIPE_SZ, fcntl

from monitor.sources.feed import FeedBrokenError

KILL_WAIT_S = 2.0
"""A killed process is gone in milliseconds unless a driver holds it; it is waited for no longer."""
LAST_WORDS = 2000
"""How many characters of what it complained about are kept."""
CHUNK = 1 << 16
_ADDRESS = re.compile(r"\[[^]\s]* @ 0x[0-9a-f]+\] ")
"""Which object of ffmpeg's complained: noise, and different each time."""


class Child:
    """A running process: its standard output is a pipe, its standard error is kept as last words.

    The process must tie itself to `os.getpid()` (see tied.py); it is in a session of its own, so that
    Ctrl-C reaches the daemon alone.
    """

    def __init__(
        self, argv: Sequence[str], *, pass_fds: Sequence[int] = (), told: bytes = b"", pipe_bytes: int = CHUNK
    ) -> None:
        """Start it; `told` is what it reads from standard input, less than a pipe holds."""
        self._process = subprocess.Popen(  # noqa: S603 - our own command, without a shell
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,
            bufsize=0,
        )
        self.pid = self._process.pid
        if self._process.stdin is not None:
            with self._process.stdin as pipe, contextlib.suppress(BrokenPipeError):
                pipe.write(told)
        self._words = b""
        self._pipes = [pipe for pipe in (self._process.stdout, self._process.stderr) if pipe is not None]
        self._output, self._complaints = (pipe.fileno() for pipe in self._pipes)
        self._complaining = True
        os.set_blocking(self._output, False)
        os.set_blocking(self._complaints, False)
        with contextlib.suppress(PermissionError):  # over this user's quota: the default size works too
            fcntl(self._output, F_SETPIPE_SZ, pipe_bytes)

    @staticmethod
    def python(module: str, *arguments: str) -> list[str]:
        """Return the command that runs one of our modules with this interpreter."""
        return [sys.executable, "-m", module, *arguments]

    def read(self, timeout_s: float) -> bytes:
        """Return what it has put out, waiting at most `timeout_s`; empty if nothing.

        Raises:
            FeedBrokenError: It has ended; the text holds its last words.
        """
        watched = [self._output, self._complaints] if self._complaining else [self._output]
        ready, _, _ = select.select(watched, [], [], timeout_s)
        if self._complaints in ready:
            self._listen_to_complaints()
        if self._output not in ready:
            return b""
        data = os.read(self._output, CHUNK)
        if not data:
            self.kill()
            words = self.last_words() or f"its process ended with {self._process.returncode}"
            raise FeedBrokenError(words)
        return data

    def last_words(self) -> str:
        """Return the last lines that it wrote to standard error, joined by `; `."""
        words = _ADDRESS.sub("", self._words.decode(errors="replace"))
        lines = [line.strip() for line in words.splitlines()]
        return "; ".join([line for line in lines if line][-3:])

    def kill(self) -> None:
        """End it at once and close its pipes; may be called again."""
        if not self._pipes:
            return
        self._listen_to_complaints()
        # its output has ended when this is its natural end: give it a moment to say with which status
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.0)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a driver holds it: it ends when that lets go
            self._process.wait(KILL_WAIT_S)
        for pipe in self._pipes:
            pipe.close()
        self._pipes.clear()

    def _listen_to_complaints(self) -> None:
        with contextlib.suppress(BlockingIOError):
            words = os.read(self._complaints, CHUNK)
            self._complaining = bool(words)
            self._words = (self._words + words)[-LAST_WORDS:]
