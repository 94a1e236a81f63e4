"""The bench's figures agree with each other, and who cannot take part is named with the reason."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_detector import FRAMES, MEL, tiny_bundle

from engines.errors import EngineParityError
from engines.runtime import BACKENDS, Engine
from monitor import rivals
from monitor.__main__ import main
from monitor.commands import engine_bench
from monitor.errors import ConfigError
from monitor.listening import DEMO_BUNDLE

WITHOUT = """
import argparse, sys
sys.modules["torch"] = sys.modules["onnx"] = None
from monitor.commands import engine_bench
parser = argparse.ArgumentParser()
engine_bench.add_arguments(parser)
sys.exit(engine_bench.run(parser.parse_args(sys.argv[1:])))
"""


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    engine_bench.add_arguments(parser)
    return engine_bench.run(parser.parse_args(words))


def last_line(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    text = capsys.readouterr().out
    return json.loads(text.splitlines()[-1]), text


def row_of(report: dict[str, Any], engine: str, batch: int) -> dict[str, Any]:
    wanted = (engine, "fp32", batch)
    (row,) = (row for row in report["rows"] if wanted == (row["engine"], row["precision"], row["batch"]))
    return dict(row)


def test_the_demo_bundle_is_timed_beside_torch_and_the_figures_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 0 == bench(str(DEMO_BUNDLE), "--batch", "1,2", "--seconds", "0.2")
    report, text = last_line(capsys)
    assert 4 * 128 * 64 == report["bytes_in_per_window"]
    assert 4 * (1 + 2 * 128 * 64) == report["bytes_out_per_window"]
    for engine in ("onnxruntime", "torch"):
        for batch in (1, 2):
            row = row_of(report, engine, batch)
            latency = row["latency_ms"]
            assert 0 < latency["p50"] <= latency["p99"]
            # a busy machine slows a slice and speeds nothing up
            assert 0.9 < row["windows_per_s"] * latency["p99"] / (1e3 * batch)
            assert row["windows_per_s"] * latency["p50"] / (1e3 * batch) < 2.5
            done = 2e-9 * report["multiply_adds_per_window"] / (1e-3 * row["cpu_ms_per_window"])
            assert pytest.approx(done, rel=0.01) == row["gflops_per_core"]
            share = row["gflops_per_core"] / report["peak_gflops_per_core"]
            assert pytest.approx(share, rel=0.01) == row["share_of_peak"]
    assert 1.0 == row_of(report, "torch", 2)["times_torch"]
    shown = [line.split()[0] for line in text.splitlines()]
    assert ["engine", *(row["engine"] for row in report["rows"])] == shown[2 : 3 + len(report["rows"])]


def test_json_alone_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    words = ["engine", "bench", str(bundle.folder), "--batch", "3", "--seconds", "0.01", "--json"]
    assert 0 == main(words)
    report, text = last_line(capsys)
    assert 1 == len(text.splitlines())
    assert bundle.bundle_id == report["bundle"]
    assert 4 * MEL * FRAMES == report["bytes_in_per_window"]
    assert 3 == row_of(report, "onnxruntime", 3)["batch"]


def test_a_torch_module_that_does_other_work_than_the_graph_is_no_rival(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")  # its manifest does not note its widths
    assert 0 == bench(str(bundle.folder), "--batch", "1", "--seconds", "0.01")
    report, text = last_line(capsys)
    assert {"onnxruntime"} == {row["engine"] for row in report["rows"]}
    assert "it would be no comparison" in report["missing"]["torch"]
    assert None is row_of(report, "onnxruntime", 1)["times_torch"]
    assert "not here: torch: " in text


def test_a_backend_that_is_not_installed_is_listed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKENDS, "abacus", "engines.backend_abacus")
    bundle = tiny_bundle(tmp_path / "bundle")
    assert 0 == bench(str(bundle.folder), "--batch", "1", "--seconds", "0.01")
    report, text = last_line(capsys)
    assert "engines.backend_abacus" in report["missing"]["abacus"]
    assert "not here: abacus: " in text


def test_an_engine_that_strays_is_not_timed_and_without_any_engine_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def strays(engine: Engine) -> None:
        raise EngineParityError(f"{engine.backend} strays from what training saw")

    monkeypatch.setattr(rivals, "check_golden", strays)
    bundle = tiny_bundle(tmp_path / "bundle")
    assert 1 == bench(str(bundle.folder), "--batch", "1", "--seconds", "0.01")
    report, _ = last_line(capsys)
    assert [] == report["rows"]
    assert "strays from what training saw" in report["missing"]["onnxruntime fp32"]


def test_on_a_box_without_torch_and_onnx_the_engines_are_timed_and_the_rest_says_what_is_missing() -> None:
    words = [
        sys.executable,
        "-W",
        "error",
        "-c",
        WITHOUT,
        str(DEMO_BUNDLE),
        "--batch",
        "1",
        "--seconds",
        "0.05",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert {"onnxruntime"} == {row["engine"] for row in report["rows"]}
    assert "package 'torch' is missing" in report["missing"]["torch"]
    assert "package 'onnx' is missing" in report["missing"]["share of peak"]
    row = row_of(report, "onnxruntime", 1)
    assert (None, None, None) == (row["gflops_per_core"], row["share_of_peak"], row["times_torch"])
    assert row["cpu_ms_per_window"] > 0


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--threads", "0"]])
def test_nonsense_is_refused_before_anything_opens(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=words[0]):
        bench("/nowhere", *words)


@pytest.mark.parametrize("text", ["0", "1,,2", "-1", "four"])
def test_batch_sizes_that_are_none_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench("/nowhere", f"--batch={text}")
    assert f"invalid list of numbers from 1 with commas between value: {text!r}" in capsys.readouterr().err
