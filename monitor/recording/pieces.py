"""Cuts a source's blocks into the pieces that become files: never across a gap, never too short to use.

Pure logic without a disk. A piece is a run of consecutive samples at one rate; where samples were lost, or
the device came back at another rate, one piece ends and the next begins. What is too short to hold a
window, mostly between two gaps, is counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.messages import AudioBlock, Float32, read_only


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive samples of one source: the content of one file."""

    samples: Float32
    """Shape (n,), mono, in [-1, 1], read-only."""
    sample_rate_hz: int
    """The device's own."""
    start_utc_s: float
    """When samples[0] reached the converter."""

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.sample_rate_hz


class PieceCutter:
    """The pieces of one source, in order. Every sample is in a piece, in `short`, or still `pending`."""

    def __init__(self, *, shortest_s: float, file_s: float) -> None:
        """Only pieces longer than `shortest_s` are kept; none is longer than `file_s`."""
        if file_s <= shortest_s:
            raise ValueError(f"pieces of {file_s} s can not be longer than {shortest_s} s")
        self._shortest_s = shortest_s
        self._file_s = file_s
        self._parts: list[Float32] = []
        self._rate_hz = 0
        self._start_utc_s = 0.0
        self.pending = 0
        """Samples that wait for their piece to be complete."""
        self.short = 0
        """Samples left out so far, because their run was too short."""

    def add(self, block: AudioBlock) -> list[Piece]:
        """Take the next block and return the pieces that it completes."""
        pieces = []
        if block.lost_samples or block.sample_rate_hz != self._rate_hz:
            pieces += self.finish()
            self._rate_hz = block.sample_rate_hz
        whole = round(self._file_s * self._rate_hz)
        at = 0
        while at < len(block.samples):
            if not self.pending:
                self._start_utc_s = block.captured_utc_s + at / self._rate_hz
            part = block.samples[at : at + whole - self.pending]
            self._parts.append(part)
            self.pending += len(part)
            at += len(part)
            if self.pending == whole:
                pieces += self.finish()
        return pieces

    def finish(self) -> list[Piece]:
        """End the piece that is growing, and return it if it is long enough."""
        count, parts = self.pending, self._parts
        self.pending, self._parts = 0, []
        if count <= self._shortest_s * self._rate_hz:
            self.short += count
            return []
        return [Piece(read_only(np.concatenate(parts)), self._rate_hz, self._start_utc_s)]
