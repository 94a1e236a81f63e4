"""Does the limit keep its promise? Judged by distributions whose tail is known."""

from __future__ import annotations

import os

import numpy as np
import pytest
from normal_scores import HOP_S, WINDOWS_PER_HOUR, normal_scores, true_alarms_per_week

from monitor.calibration import Calibration, fit_calibration
from monitor.errors import ContaminatedScoresError


def fit(name: str, correlation: float, hours: float, seed: int) -> Calibration:
    scores = normal_scores(name, int(hours * WINDOWS_PER_HOUR), correlation=correlation, seed=seed)
    return fit_calibration(scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=0.0)


def outcomes(name: str, correlation: float, hours: float, count: int) -> tuple[list[float], float, int]:
    """Return true alarms a week at the promised 1, how often the interval held, and how many were refused."""
    rates, held, refused = [], 0, 0
    for seed in range(count):
        try:
            calibration = fit(name, correlation, hours, seed)
        except ContaminatedScoresError:
            refused += 1
            continue
        true = true_alarms_per_week(
            name, calibration.limit_raw(1.0), correlation=correlation, gap_windows=5, seed=seed
        )
        low, high = calibration.false_alarms_interval(1.0)
        rates.append(true)
        held += low <= true <= high
    return rates, held / len(rates), refused


@pytest.mark.parametrize(
    ("name", "correlation"), [("exponential", 0.0), ("gamma", 0.0), ("lognormal", 0.7), ("lognormal", 0.9)]
)
def test_one_alarm_a_week_is_promised_and_about_one_is_raised(name: str, correlation: float) -> None:
    rates, held, refused = outcomes(name, correlation, 2.0, 15)
    assert 1 / 5 <= float(np.median(rates)) <= 3.0
    assert 0.75 <= held
    assert 1 >= refused


def test_a_light_tail_errs_on_the_quiet_side() -> None:
    rates, held, refused = outcomes("beta", 0.0, 2.0, 10)
    assert 3.0 >= float(np.median(rates))
    assert 0.75 <= held
    assert 0 == refused


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["exponential", "gamma", "lognormal", "beta"])
@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("hours", [1.0, 8.0])
def test_the_promise_holds_over_many_machines(name: str, correlation: float, hours: float) -> None:
    # `make test-long` judges a hundred machines each, which takes a quarter of an hour
    machines = int(os.environ.get("WHEELTAPPER_MACHINES", "6"))
    rates, held, refused = outcomes(name, correlation, hours, machines)
    assert 4.0 >= float(np.median(rates))
    assert 0.75 <= held
    assert 2 >= refused


def test_more_sound_narrows_the_interval() -> None:
    short, long = (fit("gamma", 0.0, hours, 1).limit_interval(1.0) for hours in (0.2, 8.0))
    assert long[1] - long[0] < (short[1] - short[0]) / 2


def test_a_few_minutes_do_not_pretend_to_know_a_week() -> None:
    low, high = fit("gamma", 0.0, 0.1, 1).false_alarms_interval(1.0)
    assert low < 0.01
    assert high > 50.0
