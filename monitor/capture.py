"""The first stages at work: reads one source, keeps its sound for clips, and cuts it into windows."""

from __future__ import annotations

import time
from collections.abc import Mapping

from monitor.health import HealthBook
from monitor.listening import BlockWindows
from monitor.machine import Machine, runs_ahead
from monitor.messages import Window
from monitor.sources import Source
from monitor.window_queue import WindowQueue

READ_TIMEOUT_S = 0.5


class Capture:
    """The body of one capture thread: source -> window -> queue. One input may feed several machines."""

    def __init__(
        self, source: Source, machines: Mapping[str, Machine], queue: WindowQueue, book: HealthBook
    ) -> None:
        self.source = source
        self._machines = {source_id: machines[source_id] for source_id in source.source_ids}
        self._cutters = {name: BlockWindows(name, machine.ear) for name, machine in self._machines.items()}
        self._queue = queue
        self._book = book
        self._ended = False
        self._clips_ended = False

    @property
    def name(self) -> str:
        """What its thread is called."""
        return f"capture {self.source.source_ids[0]}"

    def run_once(self) -> None:
        """Read what is there and hand on the windows it completes."""
        for block in self.source.read(READ_TIMEOUT_S):
            self._machines[block.source_id].clips.add_block(block)
            self._enqueue(self._cutters[block.source_id].add(block))
        self._note()
        if self.source.finished:
            self.finish()
            # nothing more will come: wait for the end of the daemon without asking again and again
            time.sleep(READ_TIMEOUT_S)

    def finish(self) -> None:
        """Close the source and hand on the tails of its streams; a second call does nothing."""
        if self._ended:
            return
        self.source.close()
        for cutter in self._cutters.values():
            self._enqueue(cutter.finish())
        self._note()
        self._ended = True

    def end_clips(self) -> None:
        """End the clips of a source that has ended; call when all its windows are judged."""
        if self._ended and not self._clips_ended:
            self._clips_ended = True
            for machine in self._machines.values():
                machine.clips.finish()

    def _enqueue(self, windows: list[Window]) -> None:
        for window in windows:
            # sound that can wait does: only a live source's windows are ever dropped
            if runs_ahead(self._machines[window.span.source_id].source):
                self._queue.put_waiting(window)
            else:
                self._queue.put(window)

    def _note(self) -> None:
        self._book.note_capture(self.source.health())
        for source_id, cutter in self._cutters.items():
            self._book.note_ledger(source_id, cutter.ledger)
