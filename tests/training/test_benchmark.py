"""The benchmark's report says what the shared judge says, and nothing is measured twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from engines.bundle import open_bundle
from monitor.__main__ import main as wheeltapper
from training.benchmark import command
from training.benchmark.cells import groups, spread
from training.benchmark.plan import METHODS, RECIPE, SETS, Job, Method, Plan
from training.benchmark.quoted import quoted_line, quoted_rows
from training.benchmark.rows import Row, read_row, row_path, write_row
from training.benchmark.work import Workplace, measure
from training.errors import TrainingError

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "bench").is_dir(), reason="../shared is not there")
WORDS = ("--smoke", "--shared", str(SHARED))
ROW = Row(method="ae", kind="ae", set="uav", seed=0, figures={"window_auc": 0.5}, groups={"+6dB": "3/4"})


@dataclass(frozen=True)
class Smoke:
    work: Path
    report: str

    def cells(self, section: str, detector: str) -> list[str]:
        """The cells of the first row of this detector in the section whose heading begins so."""
        part = self.report.split(f"\n## {section}", 1)[1].split("\n## ", 1)[0]
        lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
        return next(cells for cells in lines if cells[0].startswith(detector))

    def row_file(self, method: str, name: str = "uav") -> Path:
        (found,) = (self.work / "rows").glob(f"{name}--{method}--*.json")
        return found


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    work = tmp_path_factory.mktemp("benchmark")
    threads = torch.get_num_threads()
    assert 0 == command.run([*WORDS, "--work", str(work)])
    torch.set_num_threads(threads)
    return Smoke(work, (work / "benchmark.md").read_text(encoding="utf-8"))


def judged(work: Path, scores: Path) -> list[str]:
    """What the judge prints of a file of scores, as the report writes numbers."""
    judge = [sys.executable, str(SHARED / "bench" / "judge.py"), str(work / "streams" / "uav"), str(scores)]
    line = subprocess.run(judge, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    numbers, _, by_group = line.removeprefix(scores.stem).partition("{")
    auc, at_limit, false, at_1pc, frames, inside = (f" {part}" for part in numbers.split())
    found = json.loads("{" + by_group.replace("'", '"'))
    ordered = [found[name] for name in ("+6dB", "+0dB", "-6dB", "fault") if name in found]
    own = f"{at_limit} / {float(false.strip(' %')):.1f} %"
    cells = [auc, at_1pc, own, frames, "-" if inside == " nan" else inside, " ".join(ordered)]
    return [cell.replace(" 0.", " .").strip() for cell in cells]


@needs_shared
@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("method", ["level", "gaussian", "dense"])
def test_the_report_has_the_numbers_that_the_judge_prints(smoke: Smoke, method: str) -> None:
    (scores,) = (smoke.work / "scores").glob(f"uav--{method}--*.jsonl")
    assert judged(smoke.work, scores) == smoke.cells("uav", method)[3:]


@needs_shared
@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.usefixtures("one_thread")
def test_a_row_is_what_the_commands_of_the_report_give(smoke: Smoke, tmp_path: Path) -> None:
    streams = smoke.work / "streams" / "uav"
    sound = ["--data", str(streams / "train"), "--calibrate", str(streams / "calibrate")]
    bundle, scores = tmp_path / "bundle", tmp_path / "scores.jsonl"
    words = smoke.report.split("WORDS:\n", 1)[1].split()[1:]
    assert ["dense", "--epochs", "2"] == words
    files = [str(path) for path in sorted((streams / "test").glob("*.flac"))]
    assert 0 == wheeltapper(["train", *words, *sound, "--seed", "0", "--threads", "1", "--out", str(bundle)])
    assert 0 == wheeltapper(["score", str(bundle), *files, "--root", str(streams), "--out", str(scores)])
    name = smoke.row_file("dense").stem
    assert open_bundle(smoke.work / "bundles" / name).bundle_id == open_bundle(bundle).bundle_id
    assert (smoke.work / "scores" / f"{name}.jsonl").read_text() == scores.read_text()


@needs_shared
@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.usefixtures("one_thread")
def test_a_second_run_measures_nothing_and_one_with_a_row_gone_only_that(
    smoke: Smoke, capsys: pytest.CaptureFixture[str]
) -> None:
    again = [*WORDS, "--work", str(smoke.work)]
    before = {path: path.stat().st_mtime_ns for path in smoke.work.rglob("*") if path.suffix != ".md"}
    assert 0 == command.run(again)
    assert "0 rows measured, 0 failed" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in smoke.work.rglob("*") if path.suffix != ".md"}
    assert smoke.report == (smoke.work / "benchmark.md").read_text(encoding="utf-8")
    gone = smoke.row_file("level")
    gone.unlink()
    assert 0 == command.run([*again, "--report-only"])
    assert (
        "**Not measured yet** (how many seeds): level: uav (1)." in (smoke.work / "benchmark.md").read_text()
    )
    assert 0 == command.run(again)
    assert "1 rows measured, 0 failed" in capsys.readouterr().out
    assert gone.is_file()


@needs_shared
@pytest.mark.slow
@pytest.mark.shared_data
def test_the_row_tells_cost_limit_and_promises(smoke: Smoke) -> None:
    row = read_row(smoke.row_file("dense"))
    assert row is not None
    assert row.limit is not None
    assert row.limit["low"] <= row.limit["raw"] <= row.limit["high"]
    assert [1.0, 168.0, 3360.0] == [promise["budget_per_week"] for promise in row.promises]
    for promise in row.promises:
        assert 0.0 <= promise["expected_low"] <= promise["expected_high"]
        assert promise["hours"] < (row.figures["hours"] or 0.0)
    assert {"train_s", "train_cpu_s", "epochs", "bundle_bytes", "parity", "score_cpu_s_per_hour"} == set(
        row.costs
    )
    assert (row.costs["parity"] or 1.0) < 1e-4
    clips = read_row(smoke.row_file("dense", "toycar_id_02"))
    assert clips is not None
    assert ".741" == spread([clips.controls["gaussian"]["auc"]], 3)


@needs_shared
@pytest.mark.shared_data
def test_the_tables_of_the_notes_are_found() -> None:
    notes = SHARED / "bench" / "NUMBERS.md"
    uav = {row.detector: row.cells for row in quoted_rows(notes, "uav")}
    assert ".34 / 0.6 %" == uav["level (control)"]["at_limit"]
    assert ".815" == next(cells for name, cells in uav.items() if "pyod" in name)["window_auc"]
    assert ".29" == quoted_rows(notes, "dcase_id00")[0].cells["recall_at_1pc"]
    assert quoted_line(notes, "CPU").startswith("level 0.0")


def test_without_the_shared_folder_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"--shared .*nowhere: lacks data/index.csv, bench/make_streams.py"
    ):
        command.run(["--shared", str(tmp_path / "nowhere"), "--work", str(tmp_path / "work")])
    assert [] == list(tmp_path.iterdir())


def test_a_method_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"--only mea: not known; known are .*mae"):
        command.run(["--shared", str(tmp_path), "--only", "mae,mea"])


def test_every_method_is_understood_by_the_verb_and_has_a_name_of_its_own() -> None:
    names = [method.name for method in METHODS]
    assert len(set(names)) == len(names)
    assert RECIPE in names
    assert "dense" in names
    for method in METHODS:
        if not method.is_control:
            assert method.kind == method.arguments().kind


def test_a_row_is_kept_under_all_that_decides_it() -> None:
    job = Job(Method("mae", ("mae",)), 0, "uav")
    others = [
        replace(job, seed=1),
        replace(job, set="dcase_id00"),
        replace(job, method=Method("mae", ("mae", "--epochs", "2"))),
        replace(job, method=Method("mae", ("mae", "--loss", "lamp"))),
        replace(job, method=Method("mae", ("mae", "--scored", "unmasked"))),
        replace(job, method=Method("mae", ("mae", "--widths", "8,16"))),
    ]
    names = [job.name("data"), job.name("other data"), *(other.name("data") for other in others)]
    assert len(names) == len(set(names))
    assert job.name("data") == replace(job, method=Method("mae", ("mae", "--loss", "squared"))).name("data")


def test_all_methods_come_with_the_first_seed_before_any_with_the_second() -> None:
    plan = Plan((Method("level"), Method("ae", ("ae",)), Method("mae", ("mae",))), 2, SETS[:1] + SETS[-1:])
    jobs = [(job.seed, job.method.name, job.set) for job in plan.jobs()]
    first = [(0, "level", SETS[0]), *((0, name, where) for name in ("ae", "mae") for where in plan.sets)]
    assert [*first, *((1, name, where) for name in ("ae", "mae") for where in plan.sets)] == jobs
    assert [(0, SETS[0]), (0, SETS[-1])] == [(j.seed, j.set) for j in plan.jobs(["mae"])][:2]


def test_a_row_that_cannot_be_measured_is_named_and_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "data" / "toycar").mkdir(parents=True)
    (tmp_path / "data" / "toycar" / "id_04.npz").write_bytes(b"not an archive")
    place = Workplace(tmp_path, tmp_path / "work", tmp_path / "work" / "streams")
    plan = Plan((Method("ae", ("ae",)), Method("dense", ("dense",))), 1, ("toycar_id_04",))
    done = measure(place, plan)
    assert 0 == done.measured
    assert ["ae", "dense"] == [sentence.split("--")[1] for sentence in done.failed]
    assert "id_04.npz: cannot be read as .npz" in done.failed[0]
    assert ([], list(plan.jobs())) == place.rows(plan)


def test_a_row_comes_back_as_it_was_written_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = row_path(tmp_path, "uav--ae")
    assert read_row(path) is None
    write_row(path, ROW)
    assert ROW == read_row(path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(TrainingError, match=r"uav--ae.json: is damaged .* delete it"):
        read_row(path)


def test_cells_tell_the_mean_with_the_lowest_and_the_highest_seed() -> None:
    assert ".600 (.500 to .700)" == spread([0.5, None, 0.7], 3)
    assert ".500" == spread([0.5], 3)
    assert "-" == spread([None], 3)
    assert "1.0" == spread([1.0], 1)
    assert "10.5 (.5 to 20.5)" == spread([0.005, 0.205], 1, factor=100.0)
    assert "2/4 1.5/2" == groups([replace(ROW, groups={"fault": f"{n}/2", "+6dB": "2/4"}) for n in (1, 2)])
