"""One source's way from its blocks to the queue, without a hole, whatever changes on the way.

    block -> place in the stream -> clips, and windows for the machine of now -> queue

The input may be opened anew, at another rate or from another device: the stream goes on, with the time
between reported as lost. The machine may get a successor: from a given window on, windows are cut for that
one. Where its windows lie otherwise both cut for a while: the one before gives the windows that start before
a place, the successor those from there on, so that every sample is in a window of one of them at least, and
no start is missing or there twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from monitor.health import HealthBook
from monitor.listening import BlockWindows
from monitor.machine import Machine, runs_ahead
from monitor.messages import AudioBlock, CaptureHealth, Window
from monitor.window_queue import WindowQueue


@dataclass(slots=True)
class _Before:
    """The machine before, while its last windows are cut."""

    machine: Machine
    cutter: BlockWindows
    until_s: float
    """Windows that start from here on are the successor's."""
    held: list[Window]
    """The successor's, until the last of this one's is there."""


class Lane:
    """Belongs to the thread that captures, one at a time; `succeed` and `hurry` may be called from any."""

    def __init__(
        self,
        machine: Machine,
        queue: WindowQueue,
        book: HealthBook,
        *,
        tap: Callable[[AudioBlock], None] = lambda _block: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tap` is given every block too; it returns at once, and raises nothing."""
        self.machine = machine
        """The machine that windows are cut for now."""
        self._cutter = BlockWindows(machine.source_id, machine.ear, machine=machine.number)
        self._queue = queue
        self._book = book
        self._tap = tap
        self._monotonic = monotonic
        self._successors: deque[Machine] = deque()
        self._before: _Before | None = None
        self._end, self._ended_s = 0, 0.0
        self._offset = self._gap = 0
        self._is_anew = False
        self._earlier: CaptureHealth | None = None
        self._health: CaptureHealth | None = None
        self.finished = False
        """Whether the tail of the stream has been handed on."""
        self._clips_ended = False

    @property
    def source_id(self) -> str:
        """The source's id."""
        return self.machine.source_id

    def succeed(self, successor: Machine) -> None:
        """Cut windows for `successor` from the next block on."""
        self._successors.append(successor)

    def go_on(self) -> None:
        """Take it that the blocks to come are of an input that was opened anew, and count on from 0."""
        self._is_anew, self.finished, self._clips_ended = True, False, False
        self._earlier, self._gap = self._health, 0  # which has the gaps of before
        self._queue.be_patient(self.source_id)

    def hurry(self) -> None:
        """Let windows wait for room no more, until `go_on`: the input is to end."""
        self._queue.hurry(self.source_id)

    def add(self, block: AudioBlock) -> None:
        """Take the next block and hand on the windows that it completes."""
        block = self._placed(block)
        self._adopt()
        self.machine.clips.add_block(block)
        self._tap(block)
        self._enqueue(self._windows(block))

    def note(self, health: CaptureHealth) -> None:
        """Have the book know how the input is and where every sample went."""
        earlier = self._earlier
        if earlier is not None:
            health = replace(
                health,
                received_samples=health.received_samples + earlier.received_samples,
                lost_samples=health.lost_samples + earlier.lost_samples + self._gap,
                overflows=health.overflows + earlier.overflows,
                restarts=health.restarts + earlier.restarts,
            )
        self._health = health
        self._book.note_capture([health])
        cutter = self._cutter if self._before is None else self._before.cutter
        self._book.note_ledger(self.source_id, cutter.ledger)

    def finish(self) -> None:
        """Hand on the tail of the stream; a second call does nothing."""
        if self.finished:
            return
        before, self._before = self._before, None
        if before is not None:  # its windows reach the end, so that the successor's are not needed
            self._cutter, self.machine = before.cutter, before.machine
        self._enqueue(self._cutter.finish())
        self._book.note_ledger(self.source_id, self._cutter.ledger)
        self.finished = True

    def end_clips(self) -> None:
        """End the clips of a stream that has ended; to be called when all its windows are judged."""
        if self.finished and not self._clips_ended:
            self._clips_ended = True
            self.machine.clips.finish()

    def _placed(self, block: AudioBlock) -> AudioBlock:
        """Return the block with its place in the stream, of which its input may be but the latest part."""
        now_s = self._monotonic()
        if self._is_anew:
            self._is_anew = False
            silent_s = now_s - self._ended_s - len(block.samples) / block.sample_rate_hz
            self._gap = max(1, round(silent_s * block.sample_rate_hz)) if self._end else 0
            self._offset = self._end + self._gap
            block = replace(block, lost_samples=block.lost_samples + self._gap)
        if self._offset:
            block = replace(block, first_sample=block.first_sample + self._offset)
        self._end, self._ended_s = block.end_sample, now_s
        return block

    def _adopt(self) -> None:
        """Cut for the successor from here on, if there is one and the one before can hand over now."""
        if not self._successors or self._before is not None or not self._cutter.can_hand_over:
            return
        before = self.machine
        while self._successors:  # nothing was cut for those in between: they are passed over
            self.machine = self._successors.popleft()
        ear, number = self.machine.ear, self.machine.number
        if (before.ear.grid, before.ear.limits) == (ear.grid, ear.limits):
            self._cutter.cut_for(number)
            return
        cutter, self._cutter = self._cutter, self._cutter.handed_over(ear, number)
        self._before = _Before(before, cutter, self._cutter.next_s, [])

    def _windows(self, block: AudioBlock) -> Sequence[Window]:
        windows = self._cutter.add(block)
        before = self._before
        if before is None:
            return windows
        before.held += windows
        rate_hz = before.machine.ear.grid.sample_rate_hz
        last = [
            window
            for window in before.cutter.add(block)
            if window.span.first_sample < before.until_s * rate_hz
        ]
        if before.cutter.next_s < before.until_s or self._cutter.next_s <= before.until_s:
            return last
        self._before = None
        return [*last, *before.held]

    def _enqueue(self, windows: Sequence[Window]) -> None:
        for window in windows:
            # sound that can wait does: only a live source's windows are ever dropped
            if runs_ahead(self.machine.source):
                self._queue.put_waiting(window)
            else:
                self._queue.put(window)
