"""Fifty machines on a Ray cluster of two workers, one of them killed in the middle: as if it had not been."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from plant_rig import COMMAND, TINY, fleet, fleet_environment, made_in, rows_of, without_cost, write_plant

pytest.importorskip("ray")
MACHINES = [f"pump-{number:02}" for number in range(50)]
IN_ONE_PROCESS = MACHINES[::5]
"""Which of them are made without Ray as well, to be held beside."""
PATIENCE_S = 300.0


def workers_at_work(driver: int) -> list[psutil.Process]:
    """Processes below the driver in which Ray does a task now; Ray names them for it."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if "ray::fleet " in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_a_worker(driver: subprocess.Popen[str], out: Path) -> int:
    """Kill -9 a worker that is in the middle of a task, when some machines are done; return its pid."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s and driver.poll() is None:
        if len(list(out.glob("machines/*/models/tiny/task.json"))) >= 5:
            for process in workers_at_work(driver.pid):
                os.kill(process.pid, signal.SIGKILL)
                return process.pid
        time.sleep(0.02)
    raise AssertionError("no worker was found at work")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_changes_nothing_in_what_fifty_machines_get(tmp_path: Path) -> None:
    data = write_plant(tmp_path / "plant", MACHINES)
    recipes = tmp_path / "recipes.yaml"
    recipes.write_text(TINY)
    few = tmp_path / "few"
    for machine in IN_ONE_PROCESS:
        shutil.copytree(data / machine, few / machine)
    words = ["--recipes", str(recipes)]
    serial, on_ray = tmp_path / "serial", tmp_path / "ray"
    clustered = [*COMMAND, "train", "--data", str(data), *words]
    clustered += ["--out", str(on_ray), "--ray", "local", "--workers", "2"]
    with subprocess.Popen(
        clustered, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=fleet_environment()
    ) as driver:
        killed = kill_a_worker(driver, on_ray)
        before = set(on_ray.glob("machines/*/models/tiny/task.json"))
        alone = fleet("train", "--data", few, *words, "--out", serial, "--ray", "none")
        said, complaints = driver.communicate(timeout=PATIENCE_S)
    assert 0 == driver.returncode, complaints
    assert 0 == alone.returncode, alone.stderr
    assert len(before) < len(MACHINES), "the kill came in the middle"
    assert not psutil.pid_exists(killed)
    assert "50 machines: 50 done, 0 partly, 0 failed" in said
    assert MACHINES == sorted(rows_of(on_ray, "train"))
    here, there = made_in(serial), made_in(on_ray)
    assert here == {place: there[place] for place in here}
    assert len(here) * len(MACHINES) == len(there) * len(IN_ONE_PROCESS), "of each machine as much"
    rows = {k: without_cost(v) for k, v in rows_of(on_ray, "train").items()}
    assert IN_ONE_PROCESS == sorted(rows_of(serial, "train"))
    assert all(without_cost(v) == rows[k] for k, v in rows_of(serial, "train").items())
    assert [] == [
        p for p in psutil.process_iter(["cmdline"]) if str(on_ray) in " ".join(p.info["cmdline"] or [])
    ]
