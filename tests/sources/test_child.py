from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from monitor.sources.child import Child
from monitor.sources.feed import FeedBrokenError

LONG_S = 20.0
"""A child that is waited for takes a minute."""


def tied(*command: str) -> list[str]:
    return Child.python("monitor.sources.tied", str(os.getpid()), *command)


def read_to_end(child: Child) -> bytes:
    data = b""
    with pytest.raises(FeedBrokenError) as ended:  # noqa: PT012 - how many reads it takes is not known
        while True:
            data += child.read(1.0)
    return data + b"|" + str(ended.value).encode()


def gone(pid: int, within_s: float = 30.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_output_is_read_to_its_end_and_the_last_words_are_the_reason() -> None:
    script = "echo sound; for i in 1 2 3 4 5; do echo complaint $i >&2; done; exit 3"
    child = Child(tied("sh", "-c", script))
    assert b"sound\n|complaint 3; complaint 4; complaint 5" == read_to_end(child)


def test_what_is_told_reaches_its_standard_input() -> None:
    assert read_to_end(Child(tied("cat"), told=b"secret")).startswith(b"secret|")


def test_reading_waits_no_longer_than_it_was_told() -> None:
    child = Child(tied("sleep", "60"))
    before_s = time.monotonic()
    assert b"" == child.read(0.2)
    assert time.monotonic() - before_s < LONG_S
    child.kill()


def test_endless_complaints_neither_block_it_nor_fill_the_memory() -> None:
    child = Child(tied("sh", "-c", "while :; do echo complaint >&2; done"))
    for _ in range(20):
        child.read(0.05)
    assert len(child.last_words()) < 100
    child.kill()


def test_killing_is_quick_and_may_be_repeated() -> None:
    child = Child(tied("sleep", "60"))
    before_s = time.monotonic()
    child.kill()
    child.kill()
    assert time.monotonic() - before_s < LONG_S
    assert gone(child.pid)


def test_a_program_that_is_not_installed_is_told_as_such() -> None:
    assert read_to_end(Child(tied("no-such-program"))).endswith(b"|no-such-program is not installed")


def test_a_child_dies_when_its_parent_is_killed() -> None:
    script = (
        "import os, sys, time\n"
        "from monitor.sources.child import Child\n"
        "command = Child.python('monitor.sources.tied', str(os.getpid()), 'sleep', '60')\n"
        "print(Child(command).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.5)
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)
