"""The soak in its short form, and the measure by which its long form says that memory does not rise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixtures_mosquitto import MOSQUITTO
from slopes import Slope, slope_of
from soak import SOURCES, memory_rises, run_soak


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_minutes_of_sixteen_machines_leave_the_ledger_exact_and_nothing_open(tmp_path: Path) -> None:
    result = run_soak(tmp_path, 3 / 60, loop_s=45.0, every_s=0.25)
    assert [] == list(result.found)
    assert SOURCES == result.sources
    assert result.hours >= 3 / 60
    assert result.events >= 3 * SOURCES, "each loop of a recording squeals once"


def test_what_wanders_has_no_slope_and_what_leaks_has_one() -> None:
    hours = np.linspace(0.0, 24.0, 400)
    noise = 0.5 * np.random.default_rng(1).standard_normal(400)
    assert slope_of(list(hours), list(100.0 + noise)).zero_within_noise
    leak = slope_of(list(hours), list(100.0 + 0.1 * hours + noise))
    assert not leak.zero_within_noise
    assert leak.low < 0.1 < leak.high


def test_memory_that_rises_for_certain_by_more_than_a_little_is_found() -> None:
    flat, slow, leak = Slope(0.1, -2.0, 2.2), Slope(0.2, 0.15, 0.25), Slope(0.5, 0.3, 0.7)
    assert [] == memory_rises(4.0, flat, slow)
    assert ["anonymous memory rises by 0.50 MB an hour of sound (at least 0.30)"] == memory_rises(
        4.0, flat, leak
    )
    assert 2 == len(memory_rises(4.0, leak, leak))
    assert [] == memory_rises(0.05, leak, leak), "it warms up"


def test_two_measurements_say_nothing() -> None:
    assert slope_of([0.0, 1.0], [1.0, 2.0]).zero_within_noise
