from __future__ import annotations

import numpy as np
import pytest

from monitor.simulate.drift import Drift, gain_from_db


def test_a_drift_stays_within_its_bound_and_uses_it() -> None:
    drift = Drift("load", seed=1, bound=1.5, correlation_s=30.0)
    values = np.asarray([drift.step()[1] for _ in range(20_000)])
    assert np.abs(values).max() <= 1.5
    assert np.abs(values).max() > 1.3
    assert abs(float(values.mean())) < 0.3


def test_each_step_begins_where_the_last_one_ended() -> None:
    drift = Drift("load", seed=1, bound=1.0, correlation_s=5.0)
    ends = [drift.step() for _ in range(50)]
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]


def test_the_start_is_spread_like_any_later_time() -> None:
    starts = [Drift("load", seed=seed, bound=1.0, correlation_s=600.0).value for seed in range(400)]
    later = []
    for seed in range(400):
        drift = Drift("load", seed=seed, bound=1.0, correlation_s=1.0)
        later.append([drift.step()[1] for _ in range(20)][-1])
    assert float(np.std(starts)) == pytest.approx(float(np.std(later)), rel=0.15)


def test_a_long_correlation_changes_slowly() -> None:
    spread = {}
    for correlation_s in (2.0, 60.0):
        drift = Drift("load", seed=1, bound=1.0, correlation_s=correlation_s)
        steps = [drift.step() for _ in range(2000)]
        spread[correlation_s] = float(np.std([end - start for start, end in steps]))
    assert spread[60.0] < 0.3 * spread[2.0]


def test_six_decibels_double_the_amplitude() -> None:
    assert pytest.approx(2.0, rel=0.01) == gain_from_db(6.0)
