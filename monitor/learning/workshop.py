"""The one child process that there is at a time: which source it works for, how far it is, when it dies."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from monitor.learning.apprentice import Apprentice, Ended
from monitor.learning.documents import WorkNow
from monitor.learning.plan import Step
from monitor.learning.pupil import Job
from monitor.logs import Log
from monitor.recording.learn_folder import BUNDLE, CHECKPOINTS
from monitor.worded import Worded, worded

DEATHS_MAX = 5
"""A process that dies so often in a row is not tried again."""
REST_S = 2.0
"""Before it is tried again, times how often it died."""
CHECKPOINT = "checkpoint.json"
"""Kept after each pass; `history` has an entry for each (training.state)."""


class Workshop:
    """Belongs to the learn thread."""

    def __init__(self, log: Log, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._at_work: Apprentice | None = None
        self._deaths: Counter[str] = Counter()
        self._rests_until_s: dict[str, float] = {}
        self._began_s = 0.0
        self._began_at = 0

    @property
    def source_id(self) -> str | None:
        """Whose job is being done; None: none is."""
        return None if self._at_work is None else self._at_work.job.config.sources[0].id

    def do(self, job: Job) -> Worded | None:
        """Have a job done, if nobody else's is; return why it waits, None: it does not."""
        source_id = job.config.sources[0].id
        if self.source_id not in {None, source_id}:
            return worded("learned-first", "{source} is learned first", source=str(self.source_id))
        if self._at_work is not None and _what(self._at_work.job) != _what(job):
            self.end()
        if self._at_work is None:
            if self._monotonic() < self._rests_until_s.get(source_id, 0.0):
                return worded("learner-rests", "the process died, and is started again in a moment")
            self._at_work = Apprentice(job)
            self._began_s, self._began_at = self._monotonic(), 0
            self._log.info("learning", source=source_id, step=job.step.value, pid=self._at_work.pid)
        return None

    def look(self, source_id: str) -> Ended | None:
        """Return how the job of a source ended; None: it goes on, waits, or will be tried again."""
        at_work = self._at_work
        ended = at_work.look() if at_work is not None and self.source_id == source_id else None
        if ended is None:
            return None
        self.end()
        if not ended.died:
            self._deaths.pop(source_id, None)
            return ended
        self._deaths[source_id] += 1
        deaths = self._deaths[source_id]
        self._log.warning("the process that learns died", source=source_id, deaths=deaths, reason=ended.why)
        if deaths < DEATHS_MAX:
            self._rests_until_s[source_id] = self._monotonic() + REST_S * deaths
            return None
        self._deaths.pop(source_id)
        return ended

    def hold(self, *, back: bool) -> None:
        """Let the process stand still, or go on."""
        if self._at_work is not None:
            self._at_work.hold(back=back)

    def now(self, place: Path) -> WorkNow | None:
        """Return how far the process is, for the source whose folder this is; None: not known."""
        at_work = self._at_work
        news = None if at_work is None else at_work.news
        if at_work is None or news is None or news.of is None:
            return None
        of, done = news.of, news.done or 0
        if at_work.job.step is Step.LEARN:
            done = _passes(place)
        if self._began_at == 0 and done:
            self._began_s, self._began_at = self._monotonic(), done
        made = done - self._began_at
        left_s = None
        if made > 0 and done < of:
            left_s = (self._monotonic() - self._began_s) / made * (of - done)
        return WorkNow(done=min(done, of), of=of, left_s=left_s)

    def end(self) -> None:
        """End the process, if there is one; what it finished stays."""
        if self._at_work is not None:
            self._at_work.end()
            self._at_work = None


def _what(job: Job) -> tuple[object, ...]:
    return job.step, job.kept


def _passes(place: Path) -> int:
    """Return how many passes are kept."""
    try:
        tree = json.loads((place / (BUNDLE + CHECKPOINTS) / CHECKPOINT).read_bytes())
        return len(tree["history"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
