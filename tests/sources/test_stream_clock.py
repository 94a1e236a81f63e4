from __future__ import annotations

from itertools import pairwise

import pytest

from monitor.sources.clock import StreamClock

RATE = 1000


class Times:
    def __init__(self) -> None:
        self.monotonic_s = 50.0
        self.wall_s = 1.7e9


def clock_at(times: Times) -> StreamClock:
    return StreamClock(RATE, wall=lambda: times.wall_s, monotonic=lambda: times.monotonic_s)


def run(clock: StreamClock, times: Times, seconds: int, *, speed: float = 1.0, start: int = 0) -> list[float]:
    """Deliver blocks of 1 s; `speed` is how many samples the crystal counts in a true millisecond."""
    stamps = []
    for i in range(seconds):
        sample = start + i * RATE
        stamps.append(clock.utc_s(sample))
        times.monotonic_s += 1 / speed
        times.wall_s += 1 / speed
        clock.observe(sample + RATE, times.monotonic_s)
    return stamps


def test_stamps_advance_by_the_sample_count() -> None:
    times = Times()
    clock = clock_at(times)
    assert [1.7e9, 1.7e9 + 1, 1.7e9 + 2] == pytest.approx(run(clock, times, 3), abs=1e-6)


def test_late_delivery_hardly_moves_the_stamps() -> None:
    times = Times()
    clock = clock_at(times)
    run(clock, times, 10)
    clock.observe(10 * RATE, times.monotonic_s + 0.3)
    assert times.wall_s == pytest.approx(clock.utc_s(10 * RATE), abs=0.01)


@pytest.mark.parametrize("speed", [1.0001, 0.9999])
def test_a_crystals_drift_is_followed_within_ten_milliseconds_for_a_day(speed: float) -> None:
    times = Times()
    clock = clock_at(times)
    stamps = run(clock, times, 86_400, speed=speed)
    assert times.wall_s == pytest.approx(clock.utc_s(86_400 * RATE), abs=0.01)
    assert all(b > a for a, b in pairwise(stamps))


def test_ntp_setting_a_clock_from_1970_moves_the_stamps_at_once() -> None:
    times = Times()
    times.wall_s = 12.0
    clock = clock_at(times)
    run(clock, times, 5)
    times.wall_s += 1.7e9
    run(clock, times, 1, start=5 * RATE)
    assert times.wall_s == pytest.approx(clock.utc_s(6 * RATE), abs=1e-3)


def test_a_hole_of_more_than_half_a_second_moves_the_stamps_at_once() -> None:
    times = Times()
    clock = clock_at(times)
    run(clock, times, 5)
    clock.observe(5 * RATE, times.monotonic_s + 0.6)
    assert times.wall_s + 0.6 == pytest.approx(clock.utc_s(5 * RATE), abs=1e-3)


def test_a_burst_slows_the_stamps_but_never_turns_them_back() -> None:
    times = Times()
    clock = clock_at(times)
    run(clock, times, 2)
    stamps = []
    for i in range(2, 22):  # 20 s of sound at once, then in time
        stamps.append(clock.utc_s(i * RATE))
        clock.observe((i + 1) * RATE, times.monotonic_s)
    stamps += run(clock, times, 60, start=22 * RATE)
    assert all(b > a for a, b in pairwise(stamps))
    assert times.wall_s == pytest.approx(clock.utc_s(82 * RATE), abs=0.5)


def test_a_changed_rate_counts_from_there_on() -> None:
    times = Times()
    clock = clock_at(times)
    clock.change_rate(3 * RATE, 2 * RATE)
    assert 1.7e9 + 3 == pytest.approx(clock.utc_s(3 * RATE))
    assert 1.7e9 + 4 == pytest.approx(clock.utc_s(5 * RATE))
