"""A thread that does not come back is replaced, and changes nothing when it does."""

from __future__ import annotations

import threading

import pytest

from monitor.shadow.hangs import Hangs, ReplacedError


def test_what_comes_back_in_time_is_left_alone() -> None:
    hangs = Hangs(monotonic=lambda: 0.0)
    with hangs.during(["pump-1"], 30.0):
        assert not hangs.overdue()
    assert not hangs.overdue()
    assert (0, []) == (hangs.count, hangs.take_hung())


def test_what_takes_too_long_is_told_once_and_its_thread_learns_of_it() -> None:
    now_s = [0.0]
    hangs = Hangs(monotonic=lambda: now_s[0])
    is_inside, may_end = threading.Event(), threading.Event()
    outcome: list[str] = []

    def body() -> None:
        try:
            with hangs.during(["pump-1", "fan"], 30.0):
                is_inside.set()
                may_end.wait(60.0)
            outcome.append("went on")
        except ReplacedError:
            outcome.append("replaced")

    thread = threading.Thread(target=body)
    thread.start()
    assert is_inside.wait(60.0)
    now_s[0] = 31.0
    assert hangs.overdue()
    assert not hangs.overdue()
    assert (1, ["pump-1", "fan"]) == (hangs.count, hangs.take_hung())
    with hangs.during(["fan"], 30.0):  # whoever took over
        may_end.set()
        thread.join(60.0)
    assert ["replaced"] == outcome


def test_an_error_inside_passes_through() -> None:
    hangs = Hangs()
    with pytest.raises(ValueError, match="its own"), hangs.during(["pump-1"], 30.0):
        raise ValueError("its own")
    assert not hangs.overdue()
