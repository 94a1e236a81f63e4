"""The bench of scale in its short form, so that it does not rot; how fast things are is no claim of CI's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import crowd
import pytest
from bench_report import lines_of, write_page
from crowd import Crowd, Trial, most_carried
from scale import PEERS, SMOKE, run


@pytest.mark.slow
def test_the_bench_measures_one_core_and_writes_its_page(tmp_path: Path) -> None:
    result = run(SMOKE, tmp_path, sys.executable)
    for measured in (result["crowd"]["ae"], result["short_blocks"]):
        assert 0 == measured["dropped_windows"] == measured["lost_samples"]
        assert 0 < measured["windows"]
        assert 0 < measured["cpu_s_per_hour"][0]
    assert 0 < min(result["bare"]["ae"])
    assert 0 < result["microphone"]["ready_s"]
    assert 0 < result["microphone"]["windows"]
    assert json.dumps(result)
    page = tmp_path / "bench.md"
    write_page(page, {**result, "peers": {name: {"left_out": "not installed"} for name in PEERS}})
    assert set(lines_of(result)) <= set(page.read_text(encoding="utf-8").splitlines())
    assert "left out: not installed" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("guess", [60, 137, 300])
def test_the_search_finds_the_largest_crowd_that_loses_nothing(
    guess: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_crowd(asked: Crowd, _folder: Path, **_how: float) -> Trial:
        lost = int(asked.sources > 137)
        return Trial(asked.sources, 10.24, 10 * asked.sources, lost, 0, 0.3, (5.0,), 50.0)

    monkeypatch.setattr(crowd, "run_crowd", run_crowd)
    first = Crowd("ae", tmp_path, guess, 250.0, 0, 0.0)
    found, tried = most_carried(first, tmp_path, trials=9, stretch_s=1.0)
    assert 130 <= found <= 137
    assert found == max(trial.sources for trial in tried if trial.carried)


@pytest.mark.parametrize(
    ("windows", "dropped", "lost", "lag_s", "carried"),
    [
        (20, 0, 0, 0.3, True),
        (20, 1, 0, 0.3, False),
        (20, 0, 1, 0.3, False),
        (20, 0, 0, 1.1, False),
        (15, 0, 0, 0.3, False),
    ],
)
def test_a_crowd_is_carried_when_every_window_was_judged_in_time(
    windows: int, dropped: int, lost: int, lag_s: float, *, carried: bool
) -> None:
    assert carried is Trial(2, 10.24, windows, dropped, lost, lag_s, (5.0,), 50.0).carried
