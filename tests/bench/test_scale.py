"""The bench of scale in its short form, so that it does not rot; how fast things are is no claim of CI's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench_report import lines_of, write_page
from scale import PEERS, SMOKE, run


def test_the_bench_measures_one_core_and_writes_its_page(tmp_path: Path) -> None:
    result = run(SMOKE, tmp_path, sys.executable)
    (trial,) = result["carried"]["ae"]["trials"]
    assert 0 == trial["dropped_windows"] == trial["lost_samples"]
    assert 0 < trial["windows"]
    assert 0 < min(result["bare"]["ae"]) <= max(result["crowd"]["ae"]["cpu_s_per_hour"])
    assert 0 < result["microphone"]["ready_s"]
    assert 0 < result["microphone"]["windows"]
    assert json.dumps(result)
    page = tmp_path / "bench.md"
    write_page(page, {**result, "peers": {name: {"left_out": "not installed"} for name in PEERS}})
    assert set(lines_of(result)) <= set(page.read_text(encoding="utf-8").splitlines())
    assert "left out: not installed" in page.read_text(encoding="utf-8")
