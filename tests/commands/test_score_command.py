"""`wheeltapper score` hears files as the daemon would and writes what the benchmark's judge reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from monitor.__main__ import main
from monitor.listening import DEMO_BUNDLE
from monitor.simulate import Fault, SimulatedMachine

ROOT = Path(__file__).resolve().parents[2]
JUDGE = ROOT.parent / "shared" / "bench" / "judge.py"
FAULT = Fault("cavitation", 8.0, 5.0)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "test").mkdir()
    samples = SimulatedMachine("pump", seed=77, faults=[FAULT]).next_samples(20 * 48_000)
    soundfile.write(folder / "test" / "pump.flac", samples, 48_000)
    (folder / "truth.csv").write_text(
        "file,onset_s,offset_s,kind,snr_db\ntest/pump.flac,8.0,13.0,fault:cavitation,\n"
    )
    return folder


def scored(folder: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    out = folder / "scores.jsonl"
    files = [str(folder / "test" / "pump.flac"), *more]
    code = main(["score", str(DEMO_BUNDLE), *files, "--root", str(folder), "--out", str(out)])
    return code, [json.loads(line) for line in out.read_text().splitlines()]


def test_windows_of_a_fault_score_above_the_limit_and_others_below(recordings: Path) -> None:
    code, lines = scored(recordings)
    assert 0 == code
    assert {"test/pump.flac"} == {line["file"] for line in lines}
    inside = [line["value"] for line in lines if line["start_s"] >= 8.0 and line["end_s"] <= 13.0]
    outside = [line["value"] for line in lines if line["end_s"] <= 8.0 or line["start_s"] >= 13.5]
    assert min(inside) >= 1.0
    assert max(outside) < 1.0
    assert all(64 == len(line["profile"]) for line in lines)
    assert lines[-1]["end_s"] == pytest.approx(20.0, abs=0.05), "the tail of the file is heard"


def test_the_benchmarks_judge_reads_it(recordings: Path) -> None:
    if not JUDGE.is_file():
        pytest.skip("../shared/bench is not here")
    scored(recordings)
    command = [sys.executable, str(JUDGE), str(recordings), str(recordings / "scores.jsonl")]
    judged = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1/1" in judged


def test_a_file_that_cannot_be_read_is_named_and_does_not_stop_the_rest(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = recordings / "test" / "broken.flac"
    broken.write_bytes(b"not sound")
    code, lines = scored(recordings, str(broken))
    assert 1 == code
    assert lines
    assert "broken.flac" in capsys.readouterr().err


def test_bad_stretches_are_null_and_not_left_out(tmp_path: Path) -> None:
    samples = SimulatedMachine("pump", seed=77).next_samples(8 * 48_000)
    samples = np.concatenate([samples, np.zeros(4 * 48_000, np.float32)])
    (tmp_path / "test").mkdir()
    soundfile.write(tmp_path / "test" / "pump.flac", samples, 48_000)
    _, lines = scored(tmp_path)
    assert {"ok", "flat", "silent"} >= {line["quality"] for line in lines}
    assert all((line["value"] is None) == (line["quality"] != "ok") for line in lines)
    assert lines[-1]["value"] is None


def test_a_bundle_without_a_calibration_is_refused(
    tmp_path: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(recordings / "test" / "pump.flac")
    assert 2 == main(["score", str(DEMO_BUNDLE), path, "--calibration", str(tmp_path / "none.json")])
    assert "wheeltapper calibrate" in capsys.readouterr().err


def test_a_root_or_a_place_that_does_not_fit_is_told(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", str(DEMO_BUNDLE), str(recordings / "test" / "pump.flac")]
    assert 1 == main([*words, "--root", str(tmp_path), "--out", str(tmp_path / "x.jsonl")])
    assert "does not lie in --root" in capsys.readouterr().err
    assert 2 == main([*words, "--out", str(tmp_path / "nowhere" / "x.jsonl")])
    assert "--out" in capsys.readouterr().err
