"""The child process as its owner sees it: started, asked, held back, ended; never waited for."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

from pydantic import ValidationError

from monitor.learning.pupil import Job, News
from monitor.sources.child import Child
from monitor.sources.feed import FeedBrokenError
from monitor.worded import Worded, worded, worded_from

PUPIL = "monitor.learning.pupil"
LINE_BYTES = 65_536
"""What is longer is no line of ours."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended."""

    why: Worded | None
    """Why it was not done, with the remedy; None: it was."""
    died: bool = False
    """Nobody refused it: it may be tried again."""


class Apprentice:
    """One job in a process of its own. Belongs to the thread that made it, with whose end it ends."""

    def __init__(self, job: Job) -> None:
        """Start it."""
        self.job = job
        """What it does."""
        self.news: News | None = None
        """What it said last of how far it is."""
        self._refused: Worded | None = None
        self._is_done = False
        self._line = b""
        self._is_held = False
        command = Child.python(PUPIL, str(os.getpid()))
        self._child = Child(command, told=job.model_dump_json().encode() + b"\n")
        self.pid = self._child.pid
        """Of its process."""

    def look(self) -> Ended | None:
        """Take in what it said; None: it goes on."""
        try:
            while data := self._child.read(0.0):
                self._hear(data)
        except FeedBrokenError as error:
            if self._is_done or self._refused is not None:
                return Ended(self._refused)
            why = worded(
                "learner-died",
                "the process that learns died: {detail}; look at its memory, then resume",
                detail=str(error),
            )
            return Ended(why, died=True)
        return None

    def hold(self, *, back: bool) -> None:
        """Let it stand still, or go on: nothing is lost by it."""
        if back is not self._is_held:
            self._is_held = back
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGSTOP if back else signal.SIGCONT)

    def end(self) -> None:
        """End it at once; what it had finished stays. May be called again."""
        self._child.kill()

    def _hear(self, data: bytes) -> None:
        *lines, self._line = (self._line + data)[-LINE_BYTES:].split(b"\n")
        for line in lines:
            with contextlib.suppress(ValidationError):
                news = News.model_validate_json(line)
                self._refused, self._is_done = worded_from(news.refused), news.finished
                if news.of is not None:
                    self.news = news
