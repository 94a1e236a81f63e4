"""systemd is asked whether the clock is synchronised; nobody waits for its answer but the start."""

from __future__ import annotations

import time

import pytest
from fixtures_mosquitto import eventually

from monitor import timedated
from monitor.timedated import EVERY_S, PATIENCE_S, Timedated


class Watch:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def saying(words: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", words)


@pytest.mark.parametrize(
    ("words", "vouches"),
    [("echo yes", True), ("echo no", False), ("echo Unknown property >&2; exit 1", False), ("true", False)],
)
def test_the_first_answer_is_waited_for(
    words: str, monkeypatch: pytest.MonkeyPatch, *, vouches: bool
) -> None:
    monkeypatch.setattr(timedated, "FIRST_WAIT_S", 60.0)
    assert vouches is Timedated(saying(words))()


def test_where_there_is_no_systemd_nobody_vouches() -> None:
    assert not Timedated(("timedatectl-that-is-not-there",))()


def test_it_is_asked_again_each_minute_and_nobody_waits_then() -> None:
    watch = Watch()
    ask = Timedated(saying("echo no"), monotonic=watch)
    assert not ask()
    ask._command = saying("sleep 1; echo yes")
    watch.now_s += EVERY_S - 1
    assert not ask()
    assert ask._asked is None, "too early"
    watch.now_s += 1
    began_s = time.monotonic()
    assert not ask()
    assert time.monotonic() - began_s < 1.0
    eventually(ask, what="the answer")


def test_a_question_without_an_answer_is_given_up_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timedated, "FIRST_WAIT_S", 0.01)
    watch = Watch()
    ask = Timedated(saying("exec sleep 60"), monotonic=watch)
    assert not ask()
    asked = ask._asked
    assert asked is not None
    watch.now_s += PATIENCE_S - 1
    assert not ask()
    assert asked.poll() is None
    watch.now_s += 1
    with monkeypatch.context() as in_the_kernel:
        in_the_kernel.setattr(asked, "kill", lambda: None)
        began_s = time.monotonic()
        assert not ask(), "killed, and it does not end (state D)"
        assert time.monotonic() - began_s < 5.0
        assert asked is ask._asked, "none is asked beside it"
    ask._command = saying("echo yes")
    watch.now_s += EVERY_S
    eventually(ask, what="the next answer")
    assert -9 == asked.poll()
