"""A jump of the wall clock is noticed, drift is not, and what is on its way is not aged by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitor.clock import CLOCK_SET_UTC_S, WallClock, is_set, since_boot_s, this_boot

TRUE_S = 1_790_000_000.0


class Hands:
    """Two clocks that a test moves."""

    def __init__(self, offset_s: float, *, known: Callable[[float], bool] = is_set) -> None:
        self.up_s, self.offset_s = 100.0, offset_s
        self.clock = WallClock(
            wall=lambda: self.up_s + self.offset_s,
            since_boot=lambda: self.up_s,
            boot_id="boot-1",
            known=known,
        )


def test_a_jump_is_told_once_with_its_size_and_whether_the_time_is_known_since() -> None:
    hands = Hands(0.0)
    assert not hands.clock.reading.is_set
    assert hands.clock.look() is None
    hands.offset_s = TRUE_S
    step = hands.clock.look()
    assert step is not None
    assert (TRUE_S, True, "boot-1") == (step.by_s, step.reading.is_set, step.reading.boot_id)
    assert hands.clock.look() is None
    hands.offset_s -= 3600.0
    back = hands.clock.look()
    assert back is not None
    assert pytest.approx(-3600.0) == back.by_s


def test_a_clock_that_nobody_vouches_for_is_set_when_it_is_put_forward_or_somebody_vouches() -> None:
    vouched = False
    hands = Hands(TRUE_S - 86_400.0, known=lambda _utc_s: vouched)
    assert not hands.clock.reading.is_set
    hands.offset_s += 5.0
    hands.clock.look()
    assert not hands.clock.reading.is_set
    hands.offset_s = TRUE_S
    step = hands.clock.look()
    assert step is not None
    assert (False, True) == (step.was_set, step.reading.is_set)
    hands.clock.look()
    assert hands.clock.reading.is_set

    slewed = Hands(TRUE_S, known=lambda _utc_s: vouched)
    vouched = True
    assert slewed.clock.look() is None
    assert slewed.clock.reading.is_set


def test_a_clock_in_1970_is_not_set_though_it_was_put_forward() -> None:
    hands = Hands(0.0)
    hands.offset_s = 86_400.0
    step = hands.clock.look()
    assert step is not None
    assert not step.reading.is_set


@pytest.mark.parametrize("leap_s", [1.0, -1.0])
def test_a_leap_second_that_is_stepped_is_a_jump_and_one_that_is_smeared_is_none(leap_s: float) -> None:
    hands = Hands(TRUE_S)
    for _ in range(2000):
        hands.up_s += 0.5
        hands.offset_s += leap_s / 2000
        assert hands.clock.look() is None
    hands.offset_s += leap_s
    assert hands.clock.look() is not None


@pytest.mark.parametrize("by_s", [TRUE_S, 30.0, 3600.0])
def test_sound_that_was_dated_before_a_jump_is_as_old_as_it_is(by_s: float) -> None:
    hands = Hands(TRUE_S)
    before_s = hands.up_s + hands.offset_s
    hands.up_s += 2.0
    assert 2.0 == hands.clock.age_s(before_s)
    hands.offset_s += by_s
    hands.clock.look()
    assert pytest.approx(2.0, abs=1e-6) == hands.clock.age_s(before_s)
    assert pytest.approx(0.5, abs=1e-6) == hands.clock.age_s(hands.up_s + hands.offset_s - 0.5)
    hands.up_s += 100.0
    assert pytest.approx(90.0, abs=1e-6) == hands.clock.age_s(hands.up_s + hands.offset_s - 90.0)


def test_sound_that_was_dated_before_the_clock_was_set_back_is_as_old_as_it_is() -> None:
    hands = Hands(TRUE_S)
    before_s = hands.up_s + hands.offset_s
    hands.up_s += 2.0
    hands.offset_s -= 3600.0
    hands.clock.look()
    assert pytest.approx(2.0, abs=1e-6) == hands.clock.age_s(before_s)


def test_this_box_has_a_name_for_its_run_and_a_clock_that_counts_from_its_start() -> None:
    assert this_boot() == this_boot()
    assert 0 < since_boot_s() < CLOCK_SET_UTC_S
