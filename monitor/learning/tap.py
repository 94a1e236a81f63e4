"""Hands the blocks that a lane hears on to whoever records them, without ever holding the lane up."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from monitor.messages import AudioBlock

HELD_S = 30.0
"""So much sound waits for the recorder: a slow disk is waited for that long. More is dropped, and counted."""


class Tap:
    """Blocks of one source: put by its capture thread, taken by one other thread."""

    def __init__(self) -> None:
        self._waiting: deque[AudioBlock] = deque()
        self._put_s = self._taken_s = 0.0
        self._dropped = 0

    def put(self, block: AudioBlock) -> None:
        """Take a block, or count it as lost where too much waits; returns at once."""
        samples = len(block.samples)
        if self._put_s - self._taken_s > HELD_S:
            self._dropped += block.lost_samples + samples
            return
        if self._dropped:
            block = replace(block, lost_samples=block.lost_samples + self._dropped)
            self._dropped = 0
        self._put_s += samples / block.sample_rate_hz
        self._waiting.append(block)

    def take(self) -> list[AudioBlock]:
        """Return what waits, in order."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._taken_s += sum(len(block.samples) / block.sample_rate_hz for block in taken)
        return taken


class Taps:
    """Those that are open. Any capture thread may hear; one thread opens and closes."""

    def __init__(self) -> None:
        self._open: Mapping[str, Tap] = {}

    def hear(self, block: AudioBlock) -> None:
        """Hand a block on if somebody wants it: a look into a table, otherwise."""
        tap = self._open.get(block.source_id)
        if tap is not None:
            tap.put(block)

    def open(self, source_id: str) -> Tap:
        """Return a new tap of a source, in place of the one before."""
        tap = Tap()
        self._open = {**self._open, source_id: tap}
        return tap

    def close(self, source_id: str) -> None:
        """Hand on nothing of this source any more."""
        self._open = {name: tap for name, tap in self._open.items() if name != source_id}
