"""Clocks that move when a test says so."""

from __future__ import annotations

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


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()
