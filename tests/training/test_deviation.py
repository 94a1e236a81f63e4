"""Deviation losses give the values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from training.deviation import (
    DEVIATIONS,
    absolute_deviation,
    class_weighted_deviation,
    half_weighted_deviation,
    squared_deviation,
)

SCORES = torch.tensor([0.5, -2.0, 1.0, 4.0, 7.0])
TARGETS = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0])


def test_the_published_loss_is_absolute_below_and_a_hinge_above() -> None:
    assert (0.5 + 2.0 + 1.0 + 1.0 + 0.0) / 5 == pytest.approx(float(absolute_deviation(SCORES, TARGETS)))
    assert (0.5 + 2.0 + 1.0) / 5 == pytest.approx(float(absolute_deviation(SCORES, TARGETS, 3.0)))


def test_the_squared_loss_squares_both_sides() -> None:
    squares = 0.25 + 4.0 + 1.0 + 1.0 + 0.0
    assert squares / 5 == pytest.approx(float(squared_deviation(SCORES, TARGETS)))


def test_the_reports_weight_is_a_constant_half() -> None:
    expected = 0.5 * float(squared_deviation(SCORES, TARGETS))
    assert expected == pytest.approx(float(half_weighted_deviation(SCORES, TARGETS)))


def test_with_true_weights_both_classes_count_alike() -> None:
    of_normal, of_anomalies = (0.25 + 4.0 + 1.0) / 3, (1.0 + 0.0) / 2
    expected = (of_normal + of_anomalies) / 2
    assert expected == pytest.approx(float(class_weighted_deviation(SCORES, TARGETS)))
    weights = torch.tensor([5 / 6] * 3 + [5 / 4] * 2)  # N / (2 N_y)
    squares = torch.tensor([0.25, 4.0, 1.0, 1.0, 0.0])
    by_weights = float((weights * squares).mean())
    assert by_weights == pytest.approx(float(class_weighted_deviation(SCORES, TARGETS)))


def test_a_class_that_is_not_there_counts_for_nothing() -> None:
    only_normal = class_weighted_deviation(SCORES[:3], TARGETS[:3])
    assert 0.5 * (0.25 + 4.0 + 1.0) / 3 == pytest.approx(float(only_normal))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_scores_pull_normal_to_0_and_anomalies_to_the_margin_but_not_beyond(name: str) -> None:
    scores = torch.tensor([1.0, 1.0, 9.0], requires_grad=True)
    DEVIATIONS[name](scores, torch.tensor([0.0, 1.0, 1.0]), 5.0).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert float(scores.grad[0]) > 0
    assert float(scores.grad[1]) < 0
    assert 0.0 == float(scores.grad[2])
