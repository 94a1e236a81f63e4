"""A ring of audio frames in shared memory: one process writes, one reads, neither waits for the other.

    header   word 0: frames read (written by the reader), word 1: when the writer last showed life,
             word 2: when sound last came (both monotonic seconds, written by the writer)
    frames   interleaved float32, at a place that wraps around

How far the writer has come is told through a pipe, not here: the kernel then orders the two memories, on
ARM as well. The memory is anonymous (memfd): it is gone when both processes are. When the ring is full the
writer drops what is new and counts it. No NumPy, so that the writing process stays small.
"""

from __future__ import annotations

import mmap
import os

HEADER_BYTES = mmap.ALLOCATIONGRANULARITY
SAMPLE_BYTES = 4
READ, ALIVE, HEARD = 0, 1, 2


def create_memory() -> int:
    """Return the descriptor of a fresh shared memory that holds a header of zeros; close it after use."""
    descriptor = os.memfd_create("wheeltapper-microphone")
    os.ftruncate(descriptor, HEADER_BYTES)
    return descriptor


class Header:
    """The words that both processes see; each is written by one of them only, and never torn."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, HEADER_BYTES)
        self._whole = memoryview(self._map)
        self._counts, self._times = self._whole.cast("Q"), self._whole.cast("d")

    @property
    def read_frames(self) -> int:
        """Frames that the reader has taken, since the start."""
        return int(self._counts[READ])

    @read_frames.setter
    def read_frames(self, frames: int) -> None:
        self._counts[READ] = frames

    @property
    def alive_s(self) -> float:
        """When the writer's main loop last went round, monotonic; 0 if never."""
        return float(self._times[ALIVE])

    @alive_s.setter
    def alive_s(self, at_s: float) -> None:
        self._times[ALIVE] = at_s

    @property
    def heard_s(self) -> float:
        """When the writer last got sound from the device, monotonic; 0 if never."""
        return float(self._times[HEARD])

    @heard_s.setter
    def heard_s(self, at_s: float) -> None:
        self._times[HEARD] = at_s

    def close(self) -> None:
        """Release the mapping; may be called again."""
        self._counts.release()
        self._times.release()
        self._whole.release()
        self._map.close()


class Frames:
    """The frames' part of the ring, `capacity` frames of `channels` samples."""

    def __init__(self, descriptor: int, *, channels: int, capacity: int) -> None:
        self._frame_bytes = channels * SAMPLE_BYTES
        self._capacity = capacity
        size = capacity * self._frame_bytes
        if os.fstat(descriptor).st_size < HEADER_BYTES + size:
            os.ftruncate(descriptor, HEADER_BYTES + size)
        self._map = mmap.mmap(descriptor, size, offset=HEADER_BYTES)

    def write(self, at: int, frames: bytes | memoryview) -> None:
        """Put `frames` at frame number `at` since the start; the caller has checked that there is room."""
        start = at % self._capacity * self._frame_bytes
        first = min(len(frames), len(self._map) - start)
        self._map[start : start + first] = frames[:first]
        self._map[: len(frames) - first] = frames[first:]

    def read(self, at: int, count: int) -> bytes:
        """Return a copy of `count` frames from frame number `at` on."""
        start, size = at % self._capacity * self._frame_bytes, count * self._frame_bytes
        first = min(size, len(self._map) - start)
        return self._map[start : start + first] + self._map[: size - first]

    def close(self) -> None:
        """Release the mapping; may be called again."""
        self._map.close()
