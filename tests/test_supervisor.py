"""A thread that fails is started again; one that goes on failing ends the daemon."""

from __future__ import annotations

import threading
import time

import structlog.testing
from fixtures_mosquitto import eventually

from monitor.logs import Log
from monitor.supervisor import RestartPolicy, Supervisor, Task, idle_task

LONG_S = 60.0
"""What is merely to happen may take so long."""


def log() -> Log:
    bound: Log = structlog.get_logger()
    return bound


def wait_for(event: threading.Event) -> None:
    assert event.wait(LONG_S)


def test_a_body_that_raises_is_called_again_and_counted() -> None:
    supervisor = Supervisor(log(), RestartPolicy(pause_s=0.0))
    recovered = threading.Event()
    calls = []

    def body() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("once")
        if len(calls) > 3:
            recovered.set()
            time.sleep(0.01)

    with structlog.testing.capture_logs() as entries:
        task = supervisor.start(Task("t", body))
        wait_for(recovered)
        assert [] == supervisor.stop([task], LONG_S)
    assert 1 == supervisor.restarted
    assert not supervisor.gave_up.is_set()
    assert ["thread failed"] == [entry["event"] for entry in entries]


def test_a_body_that_goes_on_raising_ends_the_daemon_but_its_last_words_are_heard() -> None:
    supervisor = Supervisor(log(), RestartPolicy(pause_s=0.0, failures=3))
    last = threading.Event()

    def body() -> None:
        raise RuntimeError("always")

    with structlog.testing.capture_logs():
        supervisor.start(Task("t", body, last=last.set))
        wait_for(supervisor.gave_up)
        wait_for(last)
    assert 2 == supervisor.restarted


def test_a_thread_that_hangs_is_named_and_does_not_hold_up_the_end() -> None:
    supervisor = Supervisor(log())
    release = threading.Event()
    task = supervisor.start(Task("stuck", lambda: wait_for(release)))
    started_s = time.monotonic()
    assert ["stuck"] == supervisor.stop([task], 0.1)
    assert time.monotonic() - started_s < LONG_S / 2
    release.set()
    assert [] == supervisor.stop([task], LONG_S)


def test_tasks_that_know_when_they_are_due_share_a_thread_and_one_that_fails_holds_up_no_other() -> None:
    supervisor = Supervisor(log(), RestartPolicy(pause_s=0.1, failures=3))
    ran: list[str] = []
    threads: set[int] = set()
    ended: list[str] = []

    def task(name: str, *, fails: bool) -> Task:
        def body() -> None:
            ran.append(name)
            threads.add(threading.get_ident())
            if fails:
                raise RuntimeError("always")

        due_s = [time.monotonic()]

        def due() -> float:
            due_s[0] += 0.02
            return due_s[0]

        return supervisor.start(Task(name, body, last=lambda: ended.append(name), due_s=due))

    with structlog.testing.capture_logs():
        bad, good = task("bad", fails=True), task("good", fails=False)
        wait_for(supervisor.gave_up)
        wait_for(bad.ended)
        before = supervisor.turns("good")
        eventually(lambda: supervisor.turns("good") > before, what="another turn of the good one")
    meanwhile = ran[ran.index("bad") : len(ran) - ran[::-1].index("bad")]
    assert "good" in meanwhile, "it runs while the other is left alone"
    assert [] == supervisor.stop([good, bad], LONG_S)
    assert (1, ["bad", "good"], 3, 0) == (len(threads), ended, ran.count("bad"), supervisor.turns("bad"))


def test_a_shared_task_that_hangs_is_named_with_those_that_wait_behind_it() -> None:
    supervisor = Supervisor(log())
    release, hangs = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        wait_for(release)

    stuck = supervisor.start(Task("stuck", hang, due_s=lambda: 0.0))
    behind = supervisor.start(Task("behind", lambda: None, due_s=lambda: float("inf")))
    wait_for(hangs)
    assert ["stuck", "behind"] == supervisor.stop([stuck, behind], 0.1)
    release.set()
    assert [] == supervisor.stop([stuck, behind], LONG_S)


def test_a_task_that_waits_long_is_woken_when_it_is_to_end() -> None:
    class Waiting:
        def __init__(self) -> None:
            self.waits, self.woken = threading.Event(), threading.Event()

        def run_once(self, timeout_s: float, /) -> None:
            self.waits.set()
            self.woken.wait(timeout_s)

        def wake(self) -> None:
            self.woken.set()

    supervisor, waiting = Supervisor(log()), Waiting()
    task = supervisor.start(idle_task("waits", waiting, 60.0))
    wait_for(waiting.waits)
    assert [] == supervisor.stop([task], LONG_S)
