"""A thread that fails is started again; one that goes on failing ends the daemon."""

from __future__ import annotations

import threading
import time

import structlog.testing

from monitor.logs import Log
from monitor.supervisor import RestartPolicy, Supervisor, Task


def log() -> Log:
    bound: Log = structlog.get_logger()
    return bound


def wait_for(event: threading.Event) -> None:
    assert event.wait(5.0)


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
        assert [] == supervisor.stop([task], 5.0)
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
    assert time.monotonic() - started_s < 2.0
    release.set()
    assert [] == supervisor.stop([task], 5.0)
