from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fcntl import F_GETPIPE_SZ, fcntl

import numpy as np
import pytest

from monitor.sources.microphone_child import Recorder, Teller
from monitor.sources.ring import Frames, Header, create_memory

CHANNELS = 2
CAPACITY = 1000


class Ends:
    """Both ends of a ring and of the pipe beside it, in one process."""

    def __init__(self) -> None:
        self.memory = create_memory()
        self.pipe_in, self.pipe_out = os.pipe()
        self.written, self.read = Header(self.memory), Header(self.memory)
        self.frames_in = Frames(self.memory, channels=CHANNELS, capacity=CAPACITY)
        self.frames_out = Frames(self.memory, channels=CHANNELS, capacity=CAPACITY)
        self.recorder = Recorder(self.written, self.frames_in, CAPACITY, Teller(self.pipe_out))

    def take(self, frames: np.ndarray, *, overflow: bool = False) -> None:
        self.recorder.take(memoryview(frames.astype(np.float32).tobytes()), len(frames), overflow=overflow)

    def told(self) -> list[list[float]]:
        os.set_blocking(self.pipe_in, False)
        try:
            lines = os.read(self.pipe_in, 1 << 20).splitlines()
        except BlockingIOError:
            return []
        return [json.loads(line)["block"] for line in lines]

    def close(self) -> None:
        for part in (self.written, self.read, self.frames_in, self.frames_out):
            part.close()
        for descriptor in (self.memory, self.pipe_in, self.pipe_out):
            os.close(descriptor)


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = Ends()
    yield both
    both.close()


def test_frames_arrive_as_they_were_written_however_the_ring_wraps(ends: Ends) -> None:
    rng = np.random.default_rng(0)
    position = 0
    for _ in range(200):
        count = int(rng.integers(1, 400))
        frames = rng.standard_normal((count, CHANNELS)).astype(np.float32)
        ends.take(frames)
        ((end, told_count, dropped, overflow, _at_s),) = ends.told()
        position += count
        assert [position, count, 0, 0] == [end, told_count, dropped, overflow]
        assert frames.tobytes() == ends.frames_out.read(position - count, count)
        ends.read.read_frames = position


def test_a_full_ring_drops_the_new_block_and_counts_it(ends: Ends) -> None:
    block = np.zeros((400, CHANNELS))
    for _ in range(5):
        ends.take(block)
    assert [[400, 400, 0], [800, 400, 0]] == [told[:3] for told in ends.told()]
    ends.read.read_frames = 800
    ends.take(block)
    assert [[1200, 400, 1200]] == [told[:3] for told in ends.told()]


def test_a_full_pipe_drops_the_new_block_and_counts_it(ends: Ends) -> None:
    free = fcntl(ends.pipe_out, F_GETPIPE_SZ)
    assert free == os.write(ends.pipe_out, b"\n" * free)
    ends.take(np.zeros((10, CHANNELS)))
    ends.take(np.zeros((20, CHANNELS)))
    os.read(ends.pipe_in, 1 << 20)
    ends.take(np.zeros((30, CHANNELS)))
    assert [[30, 30, 30]] == [told[:3] for told in ends.told()]


def test_an_overflow_flag_is_told_once_even_when_its_block_is_dropped(ends: Ends) -> None:
    ends.take(np.zeros((900, CHANNELS)))
    ends.take(np.zeros((900, CHANNELS)), overflow=True)
    ends.read.read_frames = 900
    ends.take(np.zeros((100, CHANNELS)))
    ends.take(np.zeros((100, CHANNELS)))
    assert [0, 1, 0] == [told[3] for told in ends.told()]


def test_both_ends_see_each_others_words(ends: Ends) -> None:
    ends.read.read_frames = 1 << 40
    ends.written.alive_s, ends.written.heard_s = 12.5, 13.5
    assert (1 << 40, 12.5, 13.5) == (ends.written.read_frames, ends.read.alive_s, ends.read.heard_s)
