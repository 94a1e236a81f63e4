"""The first stages at work: reads one input and hands its blocks to the lanes of its sources."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from monitor.lane import Lane
from monitor.sources import Source
from monitor.supervisor import Task

READ_TIMEOUT_S = 0.5
NOTE_EVERY_S = 0.5
"""As often as it is reported: a note costs as much as cutting a block into windows."""


class Capture:
    """The body of one capture task: source -> lanes -> queue. One input may feed several machines."""

    def __init__(self, source: Source, lanes: Mapping[str, Lane]) -> None:
        """`lanes` has those of the input's sources, at least."""
        self.source = source
        self._lanes = {source_id: lanes[source_id] for source_id in source.source_ids}
        self._noted_s = -NOTE_EVERY_S

    @property
    def name(self) -> str:
        """What its task is called."""
        return f"capture {self.source.source_ids[0]}"

    def task(self) -> Task:
        """Return the task that runs it: sound that says when it is due shares a thread with all that does."""
        due_s = None if self.source.due_s is None else self._due_s
        return Task(self.name, self.run_once, last=self.close, due_s=due_s)

    def _due_s(self) -> float:
        due_s = self.source.due_s
        return math.inf if due_s is None else due_s

    def run_once(self) -> None:
        """Read what is there and hand on the windows it completes."""
        shares_thread = self.source.due_s is not None
        for block in self.source.read(0.0 if shares_thread else READ_TIMEOUT_S):
            self._lanes[block.source_id].add(block)
        self._note()
        if self.source.finished:
            self.source.close()
            for lane in self._lanes.values():
                lane.finish()
            if not shares_thread:
                # nothing more will come: wait for the end of the daemon without asking again and again
                time.sleep(READ_TIMEOUT_S)

    def close(self) -> None:
        """Stop listening; the lanes may go on with another input, or be finished. May be called again."""
        self.source.close()
        self._note_now()  # the lanes of an input that is opened anew go on from what was noted last

    def _note(self) -> None:
        """Tell how the input is and what came of it, if it is time."""
        if time.monotonic() >= self._noted_s + NOTE_EVERY_S or self.source.finished:
            self._note_now()

    def _note_now(self) -> None:
        self._noted_s = time.monotonic()
        for health in self.source.health():
            self._lanes[health.source_id].note(health)
