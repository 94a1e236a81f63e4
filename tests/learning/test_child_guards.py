"""Learning gives way to judging: its child stands still, stays small and low, gives up; `never` means now."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures_mosquitto import eventually
from machine_rig import machine

from monitor.config import Config, parse_config
from monitor.health import HealthBook
from monitor.learning import apprentice
from monitor.learning.apprentice import Ended
from monitor.learning.foreman import OVERLOADED, Foreman
from monitor.learning.plan import Plan, Step, learn_place, read_plan, write_plan
from monitor.learning.plan_book import PlanBook
from monitor.learning.pupil import Job
from monitor.learning.tap import Taps
from monitor.learning.workshop import DEATHS_MAX, Workshop
from monitor.machine import facts_at_start
from monitor.messages import AudioBlock, read_only
from monitor.roster import Roster
from monitor.testing import CapturedLog

Stand = Callable[[str], None]


@pytest.fixture
def in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """A function that puts a few lines of Python in the place of what the child process does."""

    def put(lines: str) -> None:
        (tmp_path / "stand_in.py").write_text(textwrap.dedent(lines))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(apprentice, "PUPIL", "stand_in")

    return put


def configured(state_dir: Path, learn: str = "{}") -> Config:
    text = f"state_dir: {state_dir}\nlearn: {learn}\nsources: [{{id: pump, kind: simulated}}]\n"
    return parse_config(text, name="the test's configuration")


def job_of(config: Config) -> Job:
    return Job(config=config, step=Step.LOOK, kept=(), by="ada", command_id="learn-1")


class Rig:
    """A foreman with a plan at a step; `audio` is the rule of the source."""

    def __init__(self, state_dir: Path, step: Step) -> None:
        self.config = configured(state_dir)
        self.store = self.config.store
        plan = Plan(source="pump", step=step, hours=1.0, by="ada", started_utc_s=1.7e9)
        self.place = learn_place(state_dir, "pump")
        self.place.mkdir(parents=True)
        write_plan(self.place, plan)
        pump = machine("pump", [0.2])
        self.health = HealthBook([facts_at_start(pump)])
        self.taps, book = Taps(), PlanBook(self.config, lambda _: self.store)
        self.foreman = Foreman(book, self.taps, Roster([pump]), self.health, CapturedLog())

    def heard_s(self) -> float:
        return sum(path.stat().st_size for path in (self.place / "recordings").glob("*.flac"))


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Callable[[Step], Rig]]:
    """A function that makes a rig, which is closed with the test."""
    rigs: list[Rig] = []

    def make(step: Step) -> Rig:
        rigs.append(Rig(tmp_path / "state", step))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.foreman.close()


def state_of(pid: int) -> str:
    """A process's state as the kernel has it: T while it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_child_stands_still_while_the_box_cannot_keep_up(
    in_its_place: Stand, at_work: Callable[[Step], Rig]
) -> None:
    in_its_place("import time\ntime.sleep(60)\n")
    rig = at_work(Step.LOOK)
    rig.foreman.run_once(0.0)
    child = rig.foreman._workshop._at_work
    assert child is not None
    assert state_of(child.pid) != "T"
    rig.health.note_standstill(stands_still=True)
    rig.foreman._teller.forget("pump")
    rig.foreman.run_once(0.0)
    eventually(lambda: state_of(child.pid) == "T", 5.0, "the child to stand still")
    assert OVERLOADED in (rig.place / "progress.json").read_text()
    rig.health.note_standstill(stands_still=False)
    rig.foreman.run_once(0.0)
    eventually(lambda: state_of(child.pid) != "T", 5.0, "the child to go on")


def test_a_child_that_dies_five_times_in_a_row_is_not_tried_again(
    in_its_place: Stand, tmp_path: Path
) -> None:
    in_its_place("import sys\nsys.stdin.readline()\nsys.exit('no such thing')\n")
    now_s, log = [0.0], CapturedLog()
    workshop, job = Workshop(log, monotonic=lambda: now_s[0]), job_of(configured(tmp_path))
    for death in range(1, DEATHS_MAX + 1):
        assert workshop.do(job) is None
        found: list[Ended | None] = []

        def has_ended(found: list[Ended | None] = found) -> bool:
            found.append(workshop.look("pump"))
            return workshop.source_id is None

        eventually(has_ended, 10.0, "its end")
        if death < DEATHS_MAX:
            assert found[-1] is None
            assert "started again in a moment" in workshop.do(job), "it rests first"
            now_s[0] += 60.0
    assert found[-1] is not None
    assert (True, True) == (found[-1].died, "no such thing" in str(found[-1].why))


def test_the_child_is_of_the_lowest_priority_and_bounded_in_memory(tmp_path: Path) -> None:
    lower = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 2)
    job = job_of(configured(tmp_path, learn=f"{{nice: {lower}, max_memory_bytes: 1000000000}}"))
    said = """
        import os, resource, sys
        from monitor.learning import pupil
        def do(job, work, say):
            limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
            first = open("/proc/self/oom_score_adj").read().strip()
            print(os.getpriority(os.PRIO_PROCESS, 0), limit, first, flush=True)
            bytearray(2_000_000_000)
        pupil._do = do
        sys.exit(pupil.main([str(os.getppid())]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(said)],
        input=job.model_dump_json() + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    facts, news = done.stdout.splitlines()
    assert [lower, 1_000_000_000, 1000] == [int(one) for one in facts.split()]
    assert (2, True) == (done.returncode, "learn.max_memory_bytes" in news), done.stderr


def test_a_recording_ends_at_once_when_the_sound_is_never_to_be_stored(
    at_work: Callable[[Step], Rig],
) -> None:
    rig = at_work(Step.RECORD)
    rig.foreman.run_once(0.0)
    hiss = read_only(np.random.default_rng(0).normal(0.0, 0.05, 32_000).astype(np.float32))
    rig.taps.hear(AudioBlock("pump", hiss, 16_000, 0, 0, 1.7e9))
    rig.foreman.run_once(0.0)
    rig.store = rig.store.model_copy(update={"audio": "never"})
    rig.foreman.run_once(0.0)
    plan = read_plan(rig.place)
    assert plan is not None
    assert "never stored" in str(plan.trouble)
    assert [] == rig.foreman._attendance.source_ids
    before = rig.heard_s()
    rig.taps.hear(AudioBlock("pump", hiss, 16_000, 32_000, 0, 1.7e9 + 2.0))
    rig.foreman.run_once(0.0)
    assert before == rig.heard_s()


@pytest.mark.parametrize(("step", "waits_s"), [(Step.LOOK, 0.25), (Step.LISTEN, 9.0), (Step.DONE, 9.0)])
def test_where_a_person_is_waited_for_nobody_looks_round_four_times_a_second(
    in_its_place: Stand,
    at_work: Callable[[Step], Rig],
    monkeypatch: pytest.MonkeyPatch,
    *,
    step: Step,
    waits_s: float,
) -> None:
    in_its_place("import time\ntime.sleep(60)\n")
    rig, waited = at_work(step), list[float]()

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(rig.foreman._wake, "wait", wait)
    rig.foreman.run_once(9.0)
    assert [waits_s] == waited
