"""Figures of chance: against exact sums, and promises that must hold however often one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitor.promotion import chance


def test_evidence_is_the_ratio_of_likelihoods_averaged_over_shares_above_a_half() -> None:
    shares = np.linspace(0.5, 1.0, 200_001)
    for k, m in [(0, 0), (7, 0), (8, 1), (3, 9), (40, 22)]:
        likelihood = shares**k * (1 - shares) ** m
        averaged = 2.0 * float(np.trapezoid(likelihood, shares))
        assert chance.evidence(k, m) == pytest.approx(averaged * 2.0 ** (k + m), rel=1e-4)
    assert chance.evidence(6, 0) < 20.0 < chance.evidence(7, 0)


def test_who_looks_after_each_case_is_seldom_wrong() -> None:
    draws = np.random.default_rng(3)
    wrong, wrong_by_p = 0, 0
    for _ in range(300):
        heads = np.cumsum(draws.integers(0, 2, 60))
        looks = [(int(k), n + 1 - int(k)) for n, k in enumerate(heads)]
        wrong += any(chance.evidence(k, m) >= 20.0 for k, m in looks)
        wrong_by_p += any(chance.by_chance(k, m) <= 0.05 for k, m in looks)
    assert wrong <= 0.05 * 300
    assert wrong_by_p > 0.1 * 300, "an ordinary test is wrong far more often than it says"


def test_exact_figures() -> None:
    assert (1.0, 0.5, 0.03125) == (chance.by_chance(0, 0), chance.by_chance(1, 0), chance.by_chance(5, 0))
    assert chance.share_at_most(0, 10) == pytest.approx(1 - 0.05**0.1)
    assert (1.0, 1.0) == (chance.share_at_most(0, 0), chance.share_at_most(4, 4))
    low, high = chance.per_week_interval(0, 168.0)
    assert (0.0, True) == (low, math.isclose(high, -math.log(0.05)))
    assert (0.0, math.inf) == chance.per_week_interval(0, 0.0)
    assert chance.at_rate(2, 1.0, 168.0) == pytest.approx(1 - 2 / math.e)
