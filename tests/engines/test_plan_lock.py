"""Of two processes that want the same plan one builds and one waits; real processes, a faked compiler."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures_mosquitto import patience
from fixtures_tensorrt import Install

from engines.backend_tensorrt import find_box, open_engine, plan_key
from engines.bundle import Bundle
from engines.errors import PlanCacheError
from engines.plan_lock import build_lock
from engines.runtime import PlanSettings
from monitor.testing.tensorrt_fake import FakeTensorRT

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import json, sys
from pathlib import Path
from engines.bundle import open_bundle
from engines.golden import check_golden
from engines.runtime import PlanSettings, open_engine
from monitor.testing.tensorrt_fake import FakeTensorRT

bundle, folder, build_s = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
box = FakeTensorRT(build_s=build_s)
sys.modules.update(box.modules)
said = []

def say(words):
    said.append(words)
    print(words, file=sys.stderr, flush=True)

engine = open_engine(open_bundle(bundle), backend="tensorrt", plans=PlanSettings(folder, say=say))
check_golden(engine)
print(json.dumps({"builds": box.builds, "said": said, "backend": engine.backend}))
"""


@contextmanager
def worker(bundle: Bundle, folder: Path, build_s: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WORKER, str(bundle.folder), str(folder), str(build_s)]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_of_two_processes_one_builds_one_waits_and_both_load(plan_bundle: Bundle, plans_at: Path) -> None:
    build_s = 1.5 * patience()  # one must come while the other builds
    with worker(plan_bundle, plans_at, build_s) as one, worker(plan_bundle, plans_at, build_s) as other:
        answers = [json.loads(process.communicate(timeout=120)[0]) for process in (one, other)]
    assert [0, 1] == sorted(answer["builds"] for answer in answers)
    assert ["tensorrt 10.3.0 Orin fp32"] * 2 == [answer["backend"] for answer in answers]
    (waited,) = (answer["said"] for answer in answers if not answer["builds"])
    pids = {one.pid, other.pid}
    assert waited in [[f"waiting for process {pid}, which builds the same TensorRT plan"] for pid in pids]


def test_a_builder_that_is_killed_holds_nobody_up(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    box = install(FakeTensorRT())
    with worker(plan_bundle, plans_at, 100.0) as builder:
        assert builder.stderr is not None
        assert builder.stderr.readline().startswith("building the TensorRT plan"), "it holds the lock now"
    started_s = time.monotonic()
    open_engine(plan_bundle, plans=PlanSettings(plans_at)).close()
    assert 1 == box.builds
    assert time.monotonic() - started_s < 60.0


def test_waiting_ends_and_names_the_process_that_builds(
    install: Install, plan_bundle: Bundle, plans_at: Path
) -> None:
    install(FakeTensorRT())
    stem = plan_key(plan_bundle, "fp32", PlanSettings(plans_at), find_box()).stem
    said: list[str] = []
    with worker(plan_bundle, plans_at, 100.0) as builder:
        assert builder.stderr is not None
        builder.stderr.readline()
        lock = build_lock(plans_at / f"{stem}.lock", say=said.append, wait_s=0.3)
        with pytest.raises(PlanCacheError, match=rf"process {builder.pid} has been building .* \d+ s"), lock:
            pytest.fail("two hold the lock")
    assert [f"waiting for process {builder.pid}, which builds the same TensorRT plan"] == said


def test_a_lock_that_was_left_behind_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("99999999")
    said: list[str] = []
    with build_lock(path, say=said.append, wait_s=0.0):
        assert str(os.getpid()) == path.read_text()
    assert [] == said


def refused(path: Path) -> bool:
    """Whether nobody else gets the lock now."""
    try:
        with build_lock(path, say=print, wait_s=0.0):
            return False
    except PlanCacheError:
        return True


def test_a_lock_names_nobody_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with build_lock(path, say=print):
        pass
    assert "" == path.read_text(), "or the next one to wait is told of a process that is long gone"


def test_who_waited_for_a_lock_that_was_pruned_holds_the_one_that_others_find(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    waiting, taken, over = (threading.Event() for _ in range(3))

    def wait_for_it() -> None:
        with build_lock(path, say=lambda _words: waiting.set(), wait_s=60.0):
            taken.set()
            over.wait(60.0)

    waiter = threading.Thread(target=wait_for_it)
    with build_lock(path, say=print):
        waiter.start()
        assert waiting.wait(60.0)
        path.unlink()
    assert taken.wait(60.0)
    assert refused(path)
    over.set()
    waiter.join(60.0)
    assert not refused(path)


def test_a_lock_that_is_pruned_just_before_it_is_taken_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock, tries = tmp_path / "x.lock", fcntl.flock, []

    def flock_after_prune(lock: int, how: int) -> None:
        tries.append(lock)
        if len(tries) == 1:
            path.unlink()
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", flock_after_prune)
    with build_lock(path, say=print, wait_s=60.0):
        assert 2 == len(tries)
        assert refused(path)


def test_a_lock_that_is_always_pruned_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "x.lock", fcntl.flock

    def flock_after_prune(lock: int, how: int) -> None:
        path.unlink()
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", flock_after_prune)
    lock = build_lock(path, say=print, wait_s=0.3)
    with pytest.raises(PlanCacheError, match="another process has been building"), lock:
        pytest.fail("there is no such lock")


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    lock = build_lock(tmp_path / "gone" / "x.lock", say=print)
    with pytest.raises(PlanCacheError, match=r"x\.lock: No such file or directory"), lock:
        pytest.fail("there is no such folder")
