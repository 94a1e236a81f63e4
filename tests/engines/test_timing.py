"""Figures of a bench follow from its slices, and rivals are treated alike."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engines.runtime import Float32
from engines.timing import ROUNDS, WARM_UP_CALLS, Slice, Timing, peak_gflops_of_core, time_in_turns

ONE_WINDOW = np.zeros((1, 2, 3), np.float32)


def test_windows_per_second_is_the_batch_over_the_time_of_a_call_in_the_median_slice() -> None:
    timing = Timing(8, (Slice((0.2, 0.2), 0.1), Slice((0.1,), 0.1), Slice((9.0,), 9.0)))
    assert 8 / 0.2 == pytest.approx(timing.windows_per_s)
    assert 4 == timing.calls


def test_percentiles_are_of_all_calls() -> None:
    timing = Timing(1, (Slice((0.1, 0.2), 0.0), Slice((0.3, 0.4), 0.0), Slice((0.5,), 0.0)))
    assert (0.3, 0.5) == pytest.approx((timing.latency_s(50), timing.latency_s(100)))


def test_cpu_time_is_that_of_a_window_not_of_a_call() -> None:
    assert pytest.approx(0.025) == Timing(4, (Slice((9.0, 9.0), 0.2),)).cpu_s_per_window


def test_a_disturbance_that_meets_both_rivals_leaves_their_ratio() -> None:
    fast = Timing(1, tuple(Slice((0.1 * load,), 0.1) for load in (1, 7, 3)))
    slow = Timing(1, tuple(Slice((0.2 * load,), 0.2) for load in (1, 7, 3)))
    assert (2.0, 0.5) == pytest.approx((fast.times_as_fast_as(slow), slow.times_as_fast_as(fast)))


def test_every_rival_gets_as_many_turns_and_nobody_is_always_first() -> None:
    called: list[str] = []

    def rival(name: str) -> None:
        called.append(name)
        time.sleep(0.001)

    rivals = {"a": lambda _: rival("a"), "b": lambda _: rival("b")}
    timings = time_in_turns(rivals, ONE_WINDOW, seconds=1e-9)
    assert ["a"] * WARM_UP_CALLS + ["b"] * WARM_UP_CALLS + ["a", "b", "b", "a"] * (ROUNDS // 2) == called
    assert {"a": ROUNDS, "b": ROUNDS} == {name: timing.calls for name, timing in timings.items()}


def test_who_sleeps_takes_time_but_no_core_and_who_computes_takes_both() -> None:
    def sleeps(_batch: Float32) -> None:
        time.sleep(0.01)

    def computes(_batch: Float32) -> None:
        end_s = time.process_time() + 0.01
        while time.process_time() < end_s:
            pass

    timings = time_in_turns({"sleeps": sleeps, "computes": computes}, ONE_WINDOW, seconds=0.2)
    assert timings["sleeps"].latency_s(50) >= 0.01
    assert timings["sleeps"].cpu_s_per_window < 0.003
    assert 0.01 <= timings["computes"].cpu_s_per_window < 0.013


def test_the_rivals_get_the_batch_itself_for_about_the_time_that_was_asked_for() -> None:
    seen: list[Float32] = []
    started_s = time.monotonic()
    time_in_turns({"a": seen.append}, ONE_WINDOW, seconds=0.2)
    assert 0.2 <= time.monotonic() - started_s < 20.0
    assert all(batch is ONE_WINDOW for batch in seen)


def test_the_peak_is_above_what_numpy_reaches_on_small_matrices() -> None:
    small = np.ones((16, 16), np.float32)
    before_s = time.process_time()
    for _ in range(2_000):
        small @ small
    of_small = 2e-9 * 2_000 * 16**3 / (time.process_time() - before_s)
    assert peak_gflops_of_core() > of_small
