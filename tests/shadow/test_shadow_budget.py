"""Candidates work in stretches, and over time never more than their share."""

from __future__ import annotations

from monitor.shadow.budget import STRETCH_S, CpuBudget


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_work_below_the_share_never_rests() -> None:
    clock = Clock()
    budget = CpuBudget(0.1, monotonic=clock)
    for _ in range(1000):
        clock.now_s += 1.0
        budget.spend(0.09)
        assert not budget.rests
    assert abs(budget.spent_s - 90.0) < 1e-6


def test_work_beyond_it_comes_in_stretches_that_add_up_to_the_share() -> None:
    clock = Clock()
    budget = CpuBudget(0.1, monotonic=clock)
    spells: list[bool] = []
    for _ in range(20_000):
        clock.now_s += 1.0
        rests = budget.rests
        if not spells or spells[-1] != rests:
            spells.append(rests)
        if not rests:
            budget.spend(0.3)
    assert 0.09 < budget.spent_s / 20_000 <= 0.1 + 0.1 * STRETCH_S / 20_000
    assert len(spells) < 20_000 / STRETCH_S * 2, "each rest lasts until the credit is full"


def test_a_call_that_overdraws_is_earned_before_the_next() -> None:
    clock = Clock()
    budget = CpuBudget(0.5, monotonic=clock)
    budget.spend(2 * STRETCH_S)
    clock.now_s += 2 * STRETCH_S
    assert budget.rests
    clock.now_s += 4 * STRETCH_S
    assert not budget.rests
