"""Turns share one thread, each runs when it is due, and none waits for the others to end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from fixtures_mosquitto import eventually
from fixtures_time import stalls

from monitor.rota import GRID_S, Rota, Turn

SLACK_S = 0.3
"""What a busy machine may add before a thread comes to its turn, beside what it adds to any thread."""


class Beat:
    """Due every so often, as a source's blocks are; notes when and where it ran."""

    def __init__(self, every_s: float, *, answer: Callable[[], float | None] = lambda: 0.0) -> None:
        self.began_s = time.monotonic()
        self.due: list[float] = []
        self.ran: list[float] = []
        self.threads: set[int] = set()
        self.ends = 0
        self._every_s = every_s
        self._answer = answer
        self.turn = Turn(self.due_s, self._run, self._end)

    def due_s(self) -> float:
        return self.began_s + self._every_s * (len(self.ran) + 1)

    def _run(self) -> float | None:
        self.due.append(self.due_s())
        self.ran.append(time.monotonic())
        self.threads.add(threading.get_ident())
        return self._answer()

    def _end(self) -> None:
        self.ends += 1


def ended(*beats: Beat) -> Callable[[], bool]:
    return lambda: all(beat.ends for beat in beats)


def test_turns_run_when_they_are_due_never_before_and_in_one_thread() -> None:
    rota = Rota("test")
    beats = [Beat(0.05), Beat(0.031), Beat(0.2)]
    with stalls() as worst_s:
        for beat in beats:
            rota.add(beat.turn)
        eventually(lambda: len(beats[2].ran) >= 3, 5.0, "three turns of the slowest")
        for beat in beats:
            rota.stop(beat.turn)
        eventually(ended(*beats), 5.0, "the end of all")
        box_s = 2 * worst_s()
    assert 1 == len(set.union(*(beat.threads for beat in beats)))
    late = [ran - due for beat in beats for ran, due in zip(beat.ran, beat.due, strict=True)]
    assert min(late) >= 0.0
    assert max(late) <= GRID_S + SLACK_S + box_s
    assert sorted(late)[len(late) // 2] <= GRID_S + 0.05 + box_s


def test_a_turn_that_is_never_due_again_ends_at_once_when_it_is_stopped() -> None:
    rota, done, other = Rota("test"), Beat(math.inf), Beat(0.01)
    rota.add(done.turn)
    rota.add(other.turn)
    eventually(lambda: len(other.ran) > 3, 5.0, "others run on")
    rota.stop(done.turn)
    eventually(ended(done), 1.0, "its end")
    count = len(other.ran)
    eventually(lambda: len(other.ran) > count, 5.0, "others run on")
    rota.stop(other.turn)
    eventually(ended(other), 1.0, "their end")
    assert (0, 1, 1) == (len(done.ran), done.ends, other.ends)


def test_one_that_is_to_be_left_alone_is_and_holds_up_no_other() -> None:
    rota, other = Rota("test"), Beat(0.01)
    alone = Beat(0.01, answer=lambda: 0.5)
    rota.add(alone.turn)
    rota.add(other.turn)
    eventually(lambda: len(alone.ran) == 2, 5.0, "its second turn")
    assert alone.ran[1] - alone.ran[0] >= 0.5
    assert any(alone.ran[0] < ran < alone.ran[1] for ran in other.ran)
    for beat in (alone, other):
        rota.stop(beat.turn)
    eventually(ended(alone, other), 1.0, "the end of both")


def test_one_that_answers_never_again_ends_by_itself_and_the_thread_with_the_last_one() -> None:
    rota, once = Rota("test of its end"), Beat(0.01, answer=lambda: None)
    rota.add(once.turn)

    def threads() -> int:
        return sum(thread.name == "test of its end" for thread in threading.enumerate())

    eventually(lambda: not threads(), 5.0, "the thread's end")
    assert (1, 1) == (len(once.ran), once.ends)
    again = Beat(0.01)
    rota.add(again.turn)
    eventually(lambda: len(again.ran) > 1, 5.0, "another thread")
    rota.stop(again.turn)
    eventually(ended(again), 1.0, "its end")


def test_those_that_are_due_close_together_are_run_at_one_waking() -> None:
    rota = Rota("test")
    beats = [Beat(0.4) for _ in range(10)]
    at_s = math.ceil(time.monotonic() / GRID_S) * GRID_S
    for number, beat in enumerate(beats):
        beat.began_s = at_s + (number + 1) * GRID_S / 20
        rota.add(beat.turn)
    eventually(lambda: all(len(beat.ran) == 1 for beat in beats), 5.0, "the first turn of all")
    for beat in beats:
        rota.stop(beat.turn)
    eventually(ended(*beats), 1.0, "the end of all")
    assert min(beat.ran[0] for beat in beats) >= max(beat.due[0] for beat in beats), "none had its own"
