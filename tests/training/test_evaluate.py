"""`wheeltapper evaluate` says what the benchmark's judge says, and its page holds nothing but itself."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engines.bundle import open_bundle
from monitor.__main__ import main
from monitor.calibration import load_calibration
from monitor.listening import DEMO_BUNDLE
from monitor.simulate import Fault, SimulatedMachine
from training.evaluation.drawings import timeline_picture
from training.evaluation.evaluate import window_of_line
from training.evaluation.false_alarms import false_alarms_of_values
from training.evaluation.figures import figures_of_windows
from training.evaluation.png import png_of_matrix, viridis
from training.evaluation.scored_windows import ScoredWindow
from training.evaluation.truth import Event, events_of_truth

ROOT = Path(__file__).resolve().parents[2]
JUDGE = ROOT.parent / "shared" / "bench" / "judge.py"
HOSTILE = "a<script>alert('&\")<b>.flac"
RATE_HZ = 48_000
VOID = {"meta", "img", "br"}


def sound(seed: int, seconds: int, *faults: Fault) -> np.ndarray[Any, Any]:
    return SimulatedMachine("pump", seed=seed, faults=list(faults)).next_samples(seconds * RATE_HZ)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two streams with a fault in one, and normal sound for the controls."""
    root = tmp_path_factory.mktemp("streams")
    for name in ("test", "train"):
        (root / name).mkdir()
    soundfile.write(root / "test" / "whole.flac", sound(78, 16), RATE_HZ)
    soundfile.write(root / "test" / HOSTILE, sound(77, 20, Fault("cavitation", 8.0, 5.0)), RATE_HZ)
    soundfile.write(root / "train" / "normal.flac", sound(79, 30), RATE_HZ)
    name = HOSTILE.replace('"', '""')
    (root / "truth.csv").write_text(
        f'file,onset_s,offset_s,kind,snr_db\n"test/{name}",8.0,13.0,fault:<i>cavitation</i>,\n'
    )
    return root


def words(root: Path, out: Path) -> list[str]:
    data = ["--data", str(root / "test"), "--truth", str(root / "truth.csv")]
    return ["evaluate", str(DEMO_BUNDLE), *data, "--normal", str(root / "train"), "--out", str(out)]


@pytest.fixture(scope="module")
def report(streams: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    assert 0 == main(words(streams, out))
    return out


def random_windows(seed: int) -> tuple[list[dict[str, Any]], list[list[object]]]:
    """Draw scores of 4 files with ties, profiles of odd lengths and unjudged windows, and events."""
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    truth: list[list[object]] = []
    for number in range(4):
        file = f"test/{number}.flac"
        at_s = 6.0
        for kind in ("fault:x", "dog", "bell"):
            truth.append(
                [file, at_s, at_s + float(rng.uniform(0.3, 4)), kind, "" if kind == "fault:x" else 6]
            )
            at_s += 12.0
        for start_s in np.arange(0.016, 44, 1.024):
            profile = [round(x, 2) for x in rng.exponential(size=int(rng.integers(3, 70)))]
            value = None if rng.random() < 0.1 else round(float(rng.normal()), 1)
            place = {"file": file, "start_s": float(start_s), "end_s": float(start_s) + 2.048}
            lines.append(place | {"value": value, "profile": None if value is None else profile})
    return lines, truth


def judged_by_bench(root: Path, scores: Path) -> dict[str, Any]:
    if not JUDGE.is_file():
        pytest.skip("../shared/bench is not here")
    code = (
        "import json, pathlib, sys; sys.path.insert(0, sys.argv[1]); import judge; "
        "print(json.dumps(judge.judge(pathlib.Path(sys.argv[2]), sys.argv[3])))"
    )
    command = [sys.executable, "-B", "-c", code, str(JUDGE.parent), str(root), str(scores)]
    row: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return row


def assert_equal_figures(row: dict[str, Any], figures: dict[str, Any]) -> None:
    names = {
        "window_auc": "window_auc",
        "recall_at_limit": "recall_at_limit",
        "false_share_at_limit": "clear_share_at_limit",
        "recall_at_1pc": "recall_at_1pc",
        "frame_auc": "frame_auc",
        "inside_auc": "inside_auc",
    }
    assert {name: pytest.approx(row[name], abs=1e-12) for name in names} == {
        name: figures[ours] for name, ours in names.items()
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_figures_are_those_of_the_benchmarks_judge(tmp_path: Path, seed: int) -> None:
    lines, truth = random_windows(seed)
    scores = tmp_path / "scores.jsonl"
    scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = ["file,onset_s,offset_s,kind,snr_db", *(",".join(map(str, row)) for row in truth)]
    (tmp_path / "truth.csv").write_text("\n".join(rows) + "\n")
    row = judged_by_bench(tmp_path, scores)
    ours = figures_of_windows(
        [window_of_line(line) for line in lines], events_of_truth(tmp_path / "truth.csv")
    )
    assert_equal_figures(row, {name: getattr(ours, name) for name in ours.__slots__})
    counts = {"fault" if g.name == "-" else g.name.replace(" ", ""): g for g in ours.by_snr}
    assert row["groups"] == {name: f"{g.found_at_1pc}/{g.events}" for name, g in counts.items()}


def test_the_written_scores_give_the_written_figures_by_the_benchmarks_judge(
    streams: Path, report: Path
) -> None:
    row = judged_by_bench(streams, report / "scores.jsonl")
    assert_equal_figures(row, json.loads((report / "report.json").read_text())["detectors"]["bundle"])


def test_figures_of_a_case_that_can_be_done_by_hand() -> None:
    values = [0.0, 0.5, 2.0, 3.0, 0.1, 1.5, None]
    windows = [ScoredWindow("a", 2.0 * i, 2.0 * i + 2.0, value) for i, value in enumerate(values)]
    figures = figures_of_windows(windows, {"a": [Event(4.0, 8.0, "knock", 6.0)]})
    # hits: 2 and 3. Clear: 0 and 1.5. What ends or begins at the event's edge is neither.
    assert 1.0 == figures.window_auc
    assert 0.5 == figures.clear_share_at_limit
    assert 1.0 == figures.recall_at_limit
    assert 0.75 == figures.recall_at_limit_chance, (
        "two windows touch the event, half of the clear are flagged"
    )
    assert (1, 1, 1) == (
        figures.by_snr[0].events,
        figures.by_snr[0].found_at_limit,
        figures.by_snr[0].found_at_1pc,
    )
    assert "+6 dB" == figures.by_snr[0].name
    assert figures.file_auc is None


def test_an_event_that_scores_as_clear_sound_does_is_not_found_at_one_percent() -> None:
    windows = [ScoredWindow("a", 2.0 * i, 2.0 * i + 2.0, 0.3) for i in range(9)]
    figures = figures_of_windows(windows, {"a": [Event(4.0, 8.0, "knock", None)]}, has_limit=False)
    assert 0.0 == figures.recall_at_1pc
    assert 0.0 == figures.recall_at_1pc_chance
    assert figures.recall_at_limit is None


def test_high_windows_near_each_other_are_one_false_alarm_and_gaps_end_it() -> None:
    bundle = open_bundle(DEMO_BUNDLE)
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    values = np.zeros(100)
    values[[10, 12, 30, 50, 52]] = 1.0
    values[51] = np.nan
    found = false_alarms_of_values({"a": values, "b": values}, calibration, hop_s=1.024, budget_per_week=1.0)
    assert found is not None
    assert 2 * 4 == found.alarms
    assert 2 * 99 * 1.024 / 3600 == pytest.approx(found.hours)
    assert found.per_week_interval[0] < found.per_week < found.per_week_interval[1]
    assert not found.kept, "8 alarms in minutes are not one a week"


def test_a_fault_is_found_beside_chance_and_controls(report: Path) -> None:
    tree = json.loads((report / "report.json").read_text())
    assert {"bundle", "level", "gaussian"} == set(tree["detectors"])
    assert 1.0 == tree["detectors"]["bundle"]["recall_at_limit"]
    assert 0.95 < tree["detectors"]["bundle"]["window_auc"]
    assert 1.0 == tree["detectors"]["bundle"]["file_auc"]
    assert 0.5 == tree["chance"]["window_auc"]
    assert 1.0 > tree["chance"]["recall_at_1pc"]
    assert 1 == tree["data"]["events"]
    assert tree["false_alarms"]["kept"]
    assert {"fault:<i>cavitation</i>": 1} == tree["data"]["events_by_kind"]


class Page(HTMLParser):
    """Reads a page strictly: every tag is closed in order, and what it refers to is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_and_holds_all_it_shows(report: Path) -> None:
    text = (report / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert [] == page.open
    assert {"svg", "polyline", "table", "img"} <= set(page.tags)
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "url(" not in text
    numbers = re.findall(r"[^\s,]+", " ".join(re.findall(r'(?:points|x|y|width|height)="([^"]*)"', text)))
    assert numbers
    assert all(math.isfinite(float(number)) for number in numbers)


def test_hostile_names_are_text_and_not_markup(report: Path) -> None:
    page = Page()
    page.feed((report / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "i", "b"} & set(page.tags)
    assert HOSTILE in page.text
    assert "fault:<i>cavitation</i>" in page.text
    picture = timeline_picture("<b>", [ScoredWindow("<b>", 0, 2, 1.0)], [Event(0, 1, "<u>", None)])
    assert "<b>" not in picture
    assert "<u>" not in picture


def test_the_same_sound_gives_the_same_bytes(streams: Path, report: Path, tmp_path: Path) -> None:
    assert 0 == main(words(streams, tmp_path))
    for name in ("report.html", "report.json", "scores.jsonl"):
        assert (report / name).read_bytes() == (tmp_path / name).read_bytes()
    assert {"report.html", "report.json", "scores.jsonl"} == {path.name for path in tmp_path.iterdir()}


def test_windows_are_heard_as_the_score_verb_hears_them(streams: Path, report: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    paths = [str(path) for path in sorted((streams / "test").iterdir())]
    assert 0 == main(["score", str(DEMO_BUNDLE), *paths, "--root", str(streams), "--out", str(out)])
    assert out.read_text() == (report / "scores.jsonl").read_text()


def test_an_index_gives_labels_and_what_is_broken_or_missing_is_told(
    streams: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(streams / "test" / "whole.flac", tmp_path / "good.flac")
    shutil.copy(streams / "test" / HOSTILE, tmp_path / "bad.flac")
    (tmp_path / "torn.flac").write_bytes(b"not sound")
    (tmp_path / "index.csv").write_text(
        "file,label,kind,role\ngood.flac,normal,normal,test\nbad.flac,anomaly,cavitation,test\n"
        "torn.flac,anomaly,torn,test\nnever.flac,normal,normal,train\nbell.flac,event,bell,test\n"
    )
    code = main(["evaluate", str(DEMO_BUNDLE), "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert 1 == code
    assert "torn.flac" in capsys.readouterr().err
    tree = json.loads((tmp_path / "out" / "report.json").read_text())
    assert ["torn.flac"] == list(tree["data"]["unreadable"])
    assert {"cavitation": 1} == tree["data"]["events_by_kind"]
    assert 1.0 == tree["detectors"]["bundle"]["file_peak_auc"]
    assert {"bundle", "level"} == set(tree["detectors"])
    assert tree["detectors"]["level"]["recall_at_limit"] is None
    assert any("--normal" in note for note in tree["notes"])
    assert any("no times are known" in note for note in tree["notes"])


def test_what_was_heard_before_a_damage_counts_and_bad_input_is_in_no_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sound" / "torn.flac"
    path.parent.mkdir()
    silence = np.zeros(6 * RATE_HZ, np.float32)
    soundfile.write(path, np.concatenate([silence, sound(77, 14)]), RATE_HZ)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    words = ["--data", str(path.parent), "--out", str(tmp_path / "out")]
    assert 1 == main(["evaluate", str(DEMO_BUNDLE), *words])
    assert "torn.flac" in capsys.readouterr().err
    tree = json.loads((tmp_path / "out" / "report.json").read_text())
    assert 0 < tree["data"]["judged_windows"] < tree["data"]["windows"] < 18
    assert any("could not be judged" in note for note in tree["notes"])
    assert any("only false alarms" in note for note in tree["notes"])
    assert tree["detectors"]["bundle"]["window_auc"] is None


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ("file,onset_s\n", "lacks the columns kind"),
        ("file,onset_s,offset_s,kind,snr_db\na,5,4,x,\n", "line 2: an event from 5.0 to 4.0 s"),
        ("file,onset_s,offset_s,kind,snr_db\na,now,4,x,\n", "line 2: could not convert"),
        ("file,onset_s,offset_s,kind,snr_db\nother.flac,1,4,x,\n", "names 'other.flac'"),
    ],
)
def test_a_truth_that_cannot_be_meant_is_refused(
    streams: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], truth: str, words: str
) -> None:
    (tmp_path / "truth.csv").write_text(truth)
    data = ["--data", str(streams / "test"), "--truth", str(tmp_path / "truth.csv")]
    assert 2 == main(["evaluate", str(DEMO_BUNDLE), *data, "--out", str(tmp_path / "out")])
    assert words in capsys.readouterr().err


def test_controls_fitted_on_the_sound_they_are_judged_on_are_refused(
    streams: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = str(streams / "test")
    assert 2 == main(
        ["evaluate", str(DEMO_BUNDLE), "--data", same, "--normal", same, "--out", str(tmp_path / "out")]
    )
    assert "share 2 files" in capsys.readouterr().err


def test_a_picture_is_a_png_with_low_rows_at_the_bottom(report: Path) -> None:
    values = np.array([[0.0, 0.5, 1.0], [9.0, 9.0, -9.0]], dtype=np.float32)
    png = png_of_matrix(values, low=0.0, high=1.0)
    assert (3, 2) == struct.unpack(">II", png[16:24])
    at = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    assert bytes([0, 255, 255, 0, 0, 0, 128, 255]) == zlib.decompress(png[at + 4 : at + 4 + length])
    assert [68, 1, 84] == viridis()[0].tolist()
    assert [253, 231, 37] == viridis()[-1].tolist()
    text = (report / "report.html").read_text()
    for found in re.findall(r"base64,([^\"]+)", text):
        assert base64.b64decode(found, validate=True).startswith(b"\x89PNG")


def test_torch_is_not_needed(streams: Path) -> None:
    code = "import sys, training.evaluation.command; sys.exit('torch' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, cwd=streams).returncode
