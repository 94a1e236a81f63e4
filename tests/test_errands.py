"""What another thread asks of the judging thread is done between two windows, or, at the end, surely not."""

from __future__ import annotations

import threading

import pytest
from fixtures_mosquitto import eventually

from monitor.errands import Errands


def asked(errands: Errands, done: list[str], word: str) -> tuple[threading.Thread, list[bool]]:
    """Ask from a thread of its own; wait until it has."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(errands.ask(lambda: done.append(word))))
    before = len(errands._waiting)
    thread.start()
    eventually(lambda: len(errands._waiting) > before or not thread.is_alive())
    return thread, answers


def test_errands_are_run_in_order_and_whoever_asked_waits_until_then() -> None:
    errands, done = Errands(), list[str]()
    threads = [asked(errands, done, word) for word in ("a", "b")]
    assert [[], []] == [answers for _, answers in threads]
    errands.run()
    for thread, _ in threads:
        thread.join(60.0)
    assert (["a", "b"], [[True], [True]]) == (done, [answers for _, answers in threads])
    errands.run()
    assert ["a", "b"] == done


def test_whoever_runs_errands_is_woken_when_one_waits() -> None:
    """By whoever asks: the errand is there already, and what is woken may run it at once."""
    done: list[str] = []
    woken: list[int] = []
    errands = Errands(lambda: woken.append(len(errands._waiting)))
    thread, answers = asked(errands, done, "a")
    eventually(lambda: woken)
    errands.run()
    thread.join(60.0)
    assert ([1], ["a"], [True]) == (woken, done, answers)


def test_what_was_refused_at_the_end_is_never_run() -> None:
    errands, done = Errands(), list[str]()
    thread, answers = asked(errands, done, "late")
    errands.close()
    thread.join(60.0)
    errands.run()
    assert ([False], []) == (answers, done)
    assert not errands.ask(lambda: done.append("later still"))
    assert [] == done


def test_what_is_being_run_at_the_end_is_waited_for() -> None:
    errands, begun, goes_on = Errands(), threading.Event(), threading.Event()
    answers: list[bool] = []

    def slow() -> None:
        begun.set()
        assert goes_on.wait(60.0)

    asking = threading.Thread(target=lambda: answers.append(errands.ask(slow)))
    asking.start()
    eventually(lambda: errands._waiting)
    running = threading.Thread(target=errands.run)
    running.start()
    assert begun.wait(60.0)
    errands.close()
    asking.join(0.1)
    assert asking.is_alive(), "it may still be applied: nobody may believe that it is not"
    goes_on.set()
    for thread in (asking, running):
        thread.join(60.0)
    assert [True] == answers


def test_an_errand_that_fails_lets_go_of_whoever_asked_and_says_so() -> None:
    errands = Errands()
    answers: list[bool] = []

    def fails() -> None:
        raise ValueError("no")

    asking = threading.Thread(target=lambda: answers.append(errands.ask(fails)))
    asking.start()
    eventually(lambda: errands._waiting)
    with pytest.raises(ValueError, match="no"):
        errands.run()
    asking.join(60.0)
    assert [False] == answers, "nobody may believe that it was done"
