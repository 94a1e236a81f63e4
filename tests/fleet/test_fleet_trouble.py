"""One machine's trouble is a row with its remedy; the rest is done, and a second run does what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_verbs import ran
from misbehaving import Misbehaving, task, terms
from plant_rig import EPOCH, TINY, fleet_environment, made_in, rows_of, write_plant, write_sound

from training.fleet.artefacts import Artefacts
from training.fleet.campaign import engine_for
from training.fleet.errors import FleetError
from training.fleet.guards import PREFIX, scratch_folder
from training.fleet.on_ray import Cluster
from training.fleet.serial import Serial
from training.fleet.tasks import Task, perform, reports_of


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("hang", "fleet-time", "took longer than 0.005 min (--limit-minutes)"),
        ("grow", "fleet-memory", "needed more memory than --memory-gb 3; give more"),
        ("raise", "fleet-unexpected", "ZeroDivisionError: by nothing; log.txt has where"),
    ],
)
def test_what_goes_wrong_in_a_task_is_its_report(tmp_path: Path, how: str, code: str, said: str) -> None:
    report = perform(task(how), terms(tmp_path, limit_s=0.3, memory_bytes=3_000_000_000))
    assert (False, code, said) == (report.done, report.code, report.error[: len(said)])
    assert (
        report.error == Artefacts(str(tmp_path)).trees([f"machines/{how}/failed.json"]).popitem()[1]["error"]
    )
    assert "Traceback" in (tmp_path / "machines" / how / "log.txt").read_text()
    assert {} == reports_of(Artefacts(str(tmp_path)), [task(how)])


def test_a_process_that_dies_is_tried_again_and_then_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    tasks = [task("die"), task("die once"), task("behave")]
    reports = {work.machine: report for work, report in Serial().perform(tasks, terms(tmp_path, retries=1))}
    assert {"die": False, "die once": True, "behave": True} == {k: v.done for k, v in reports.items()}
    assert ("fleet-died", "its process died 2 times (exit code -6)") == (
        reports["die"].code,
        reports["die"].error.partition(":")[0],
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_on_ray_a_task_that_dies_or_hangs_is_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    # in a process of its own: Ray leaves children unwaited for, which is an error in this one
    here = Path(__file__).parent
    run = subprocess.run(
        [sys.executable, here / "misbehaving.py", tmp_path],
        env={**fleet_environment(), "PYTHONPATH": str(here)},  # where Ray's workers find what misbehaves
        capture_output=True,
        check=False,
    )
    assert 0 == run.returncode, run.stderr.decode()
    reports = json.loads(run.stdout.splitlines()[-1])  # Ray, too, has something to say
    assert {"die": "fleet-died", "hang": "fleet-time", "behave": ""} == {
        k: v["code"] for k, v in reports.items()
    }
    assert "its process died 1 times" in reports["die"]["error"]
    assert reports["behave"]["done"]


def test_another_version_of_this_software_refuses(tmp_path: Path) -> None:
    report = perform(task("behave"), terms(tmp_path, version="0.0.0"))
    assert "install the same" in report.error
    assert not (tmp_path / "machines").exists()


def test_what_is_done_is_not_done_again_unless_something_else_was_asked(tmp_path: Path) -> None:
    first, again = (perform(task("behave"), terms(tmp_path)) for _ in range(2))
    assert [(True, True), (True, False)] == [(r.done, r.fresh) for r in (first, again)]
    other = Task("behave", "task", "machines/behave", "another key", Misbehaving("behave"))
    assert perform(other, terms(tmp_path)).fresh


def test_what_a_killed_task_left_on_the_disk_is_removed_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, fresh = tmp_path / f"{PREFIX}left", tmp_path / f"{PREFIX}fresh"
    for folder in (left, fresh):
        folder.mkdir()
    with scratch_folder() as mine:
        for folder in (left, mine):
            os.utime(folder, (0, 0))
        with scratch_folder():
            assert [True, True, False] == [folder.exists() for folder in (mine, fresh, left)]
    assert not mine.exists()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two machines that are well, and one of each that is not."""
    folder = tmp_path_factory.mktemp("trouble")
    data = write_plant(folder / "plant", ["well", "weary", "scratched"])
    (data / "scratched" / "9.wav").write_bytes(b"RIFF no sound")
    (data / "broken").mkdir()
    (data / "broken" / "1.flac").write_bytes(b"no sound at all")
    write_sound(data / "short" / "1.wav", 5.0, seed=1)
    (data / "lost").mkdir()
    (data / "lost" / "index.csv").write_text("name\n1.wav\n")
    (folder / "recipes.yaml").write_text(TINY)
    return folder


def test_bad_machines_are_rows_with_remedies_and_the_rest_is_done_once(
    plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = plant / "out"
    words = (
        "train",
        "--data",
        plant / "plant",
        "--recipes",
        plant / "recipes.yaml",
        "--out",
        out,
        "--ray",
        "none",
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    run = ran("fleet", *words)
    rows = rows_of(out, "train")
    assert 1 == run.code, run.err
    assert {"well": "done", "weary": "done", "scratched": "partly", "broken": "failed", "short": "failed"} | {
        "lost": "failed"
    } == {name: row["state"] for name, row in rows.items()}
    assert {"broken", "lost", "short"} == set(list(rows)[:3]), "trouble stands first"
    assert "lost/index.csv: lacks the columns file, role; add them" == rows["lost"]["remark"]
    assert "give others, each at least" in rows["broken"]["remark"]
    assert "too little sound" in rows["short"]["remark"] or "too few" in rows["short"]["remark"]
    assert rows["scratched"]["remark"].startswith("scratched/9.wav: is not sound that libsndfile can read")
    assert "6 machines: 2 done, 1 partly, 3 failed" in run.out
    before = {path: path.stat().st_mtime_ns for path in out.glob("machines/*/models/tiny/task.json")}
    digests = made_in(out)
    write_plant(plant / "plant", ["short"])
    again = ran("fleet", *words, "--machine", "short", "--machine", "well")
    assert 0 == again.code, again.err
    assert {"short": "done", "well": "done"} == {k: v["state"] for k, v in rows_of(out, "train").items()}
    assert before == {path: path.stat().st_mtime_ns for path in before}, "what was done is not done again"
    assert (
        digests.items()
        <= {**made_in(out), **{k: v for k, v in digests.items() if "failed.json" in k}}.items()
    )
    assert not (out / "machines" / "short" / "models" / "tiny" / "failed.json").exists()


def test_a_plant_that_cannot_be_read_is_refused_before_anything_begins(tmp_path: Path) -> None:
    run = ran("fleet", "train", "--data", tmp_path / "nowhere", "--out", tmp_path / "out", "--ray", "none")
    assert (2, False) == (run.code, (tmp_path / "out").exists())
    assert "holds no machine" in run.err


def test_without_ray_the_tasks_are_done_here_and_who_asked_for_ray_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.fleet.campaign.is_installed", lambda: False)
    assert isinstance(engine_for(None, None), Serial)
    assert "Ray is not installed, so the tasks are done one after the other here" in capsys.readouterr().err
    with pytest.raises(FleetError, match="--ray local: Ray is not installed; pip install"):
        engine_for("local", None)
    assert isinstance(engine_for("none", None), Serial)
    assert "" == capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="nobody listens there"):
        list(Cluster("127.0.0.1:1").perform([task("behave")], terms(tmp_path)))


def test_a_place_that_only_one_process_sees_is_refused(tmp_path: Path) -> None:
    write_sound(tmp_path / "fan" / "1.wav", 1.0, seed=1)
    run = ran("fleet", "train", "--data", tmp_path, "--out", "memory://x", "--ray", "none")
    assert (2, True) == (run.code, "no other process sees it" in run.err)
