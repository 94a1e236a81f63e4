"""Clocks that move when a test says so."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from monitor.sources.paced import Clocks


class FakeTime:
    """A monotonic and a wall clock that move when they are waited for, or told to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.wall_offset_s = 1.7e9

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def wall(self) -> float:
        return self.now_s + self.wall_offset_s

    @property
    def clocks(self) -> Clocks:
        return Clocks(monotonic=lambda: self.now_s, wall=self.wall, wait=self.wait)


@contextlib.contextmanager
def stalls() -> Iterator[Callable[[], float]]:
    """Watch how late this box lets a thread run that has slept; the function returns the worst, in seconds.

    A control for claims on real time: a box that lets everybody wait says nothing of the code.
    """
    ended, worst_s = threading.Event(), [0.0]

    def watch() -> None:
        due_s = time.monotonic() + 0.01
        while not ended.wait(0.01):
            worst_s.append(max(worst_s.pop(), time.monotonic() - due_s))
            due_s = time.monotonic() + 0.01

    thread = threading.Thread(target=watch, name="stalls")
    thread.start()
    try:
        yield lambda: max(worst_s, default=0.0)
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()
