"""LAMP amplifies the gradient of single bins; taken after the mean it would amplify nothing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.errors import TrainingError
from training.losses import BOUND, PerBinLoss, cubic_error, lamp, mean_over, quartic_error, squared_error

BARRIER = 6.0


def slope_by_differences(loss: PerBinLoss, residual: float) -> float:
    step = 1e-5
    sides = torch.tensor([residual + step, residual - step], dtype=torch.float64)
    above, below = loss(sides, torch.zeros(2, dtype=torch.float64)).tolist()
    return float(above - below) / (2 * step)


def gradient(loss: PerBinLoss, residuals: Tensor) -> Tensor:
    leaf = residuals.clone().requires_grad_()
    loss(leaf, torch.zeros_like(leaf)).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return leaf.grad


@settings(deadline=None)
@given(st.floats(0.05, 0.999), st.floats(0.5, 20.0), st.sampled_from([-1.0, 1.0]))
def test_the_slope_is_the_squared_errors_times_one_over_one_minus_e(
    share: float, barrier: float, sign: float
) -> None:
    e = share * (BOUND - 1e-3)
    residual = sign * barrier * math.sqrt(e)
    expected = slope_by_differences(squared_error, residual) / (1 - e)
    assert expected == pytest.approx(slope_by_differences(lamp(barrier), residual), rel=1e-3)
    leaf = torch.tensor([residual], dtype=torch.float64)
    assert expected == pytest.approx(float(gradient(lamp(barrier), leaf)), rel=1e-3)


@pytest.mark.parametrize(("e", "amplification"), [(0.0001, 1.0001), (0.5, 2.0), (0.9, 10.0), (0.99, 100.0)])
def test_a_bin_at_half_the_barrier_counts_twice_and_at_nine_tenths_ten_times(
    e: float, amplification: float
) -> None:
    residual = torch.tensor([BARRIER * math.sqrt(e)], dtype=torch.float64)
    ratio = gradient(lamp(BARRIER), residual) / gradient(squared_error, residual)
    assert amplification == pytest.approx(float(ratio), rel=1e-6)


def test_taken_after_the_mean_the_logarithm_amplifies_every_bin_by_the_same_one_per_cent() -> None:
    """Normal windows with one bin in a thousand near the barrier: what LAMP is for."""
    residuals = torch.full((1000,), 0.57, dtype=torch.float64)
    residuals[0] = BARRIER * math.sqrt(0.9)

    def after_the_mean(reconstruction: Tensor, target: Tensor) -> Tensor:
        return -(BARRIER**2) * torch.log(1 - squared_error(reconstruction, target).mean() / BARRIER**2)

    plain = gradient(squared_error, residuals) / len(residuals)
    after = gradient(after_the_mean, residuals) / plain
    before = gradient(lamp(BARRIER), residuals) / len(residuals) / plain
    assert 1.010 == pytest.approx(float(after[0]), abs=5e-4)
    assert 0.0 == pytest.approx(float(after.max() - after.min()), abs=1e-9)
    assert 10.0 == pytest.approx(float(before[0]), rel=1e-6)
    assert 1.009 == pytest.approx(float(before[1]), abs=5e-4)


def test_beyond_the_barrier_the_loss_is_finite_and_flat() -> None:
    residuals = torch.tensor([BARRIER, 2 * BARRIER, 1e6])
    found = lamp(BARRIER)(residuals, torch.zeros(3))
    torch.testing.assert_close(found, torch.full((3,), -(BARRIER**2) * math.log(1e-3)), rtol=1e-4, atol=0)
    assert [0.0] * 3 == gradient(lamp(BARRIER), residuals).tolist()


def test_small_differences_count_as_in_the_squared_error() -> None:
    small = torch.linspace(-0.05, 0.05, 11)
    torch.testing.assert_close(
        lamp(BARRIER)(small, torch.zeros(11)), squared_error(small, torch.zeros(11)), rtol=1e-4, atol=1e-9
    )


def test_the_controls_are_the_third_and_fourth_power() -> None:
    target = torch.tensor([1.0, 1.0, 0.0])
    reconstruction = torch.tensor([3.0, -1.0, 0.5])
    assert [8.0, 8.0, 0.125] == cubic_error(reconstruction, target).tolist()
    assert [16.0, 16.0, 0.0625] == quartic_error(reconstruction, target).tolist()


@pytest.mark.parametrize("loss", [lamp(BARRIER), cubic_error, quartic_error])
def test_a_bin_that_is_met_exactly_has_a_gradient_of_zero(loss: PerBinLoss) -> None:
    assert [0.0, 0.0] == gradient(loss, torch.zeros(2)).tolist()


def test_a_manifest_can_name_the_loss_with_its_barrier() -> None:
    assert "lamp_6" == lamp(6.0).__name__
    assert "lamp_4.5" == lamp(4.5).__name__


def test_losses_keep_the_shape_so_that_masks_still_apply() -> None:
    residuals = torch.full((2, 3, 4), 0.1)
    mask = torch.zeros(2, 3, 4)
    mask[0, 0, 0] = 1.0
    for loss in (lamp(BARRIER), cubic_error, quartic_error):
        per_bin = loss(residuals, torch.zeros(2, 3, 4))
        assert residuals.shape == per_bin.shape
        assert float(per_bin[0, 0, 0]) == pytest.approx(float(mean_over(per_bin, mask)))


@pytest.mark.parametrize("barrier", [0.0, -1.0, float("nan")])
def test_a_barrier_at_or_below_zero_is_refused(barrier: float) -> None:
    with pytest.raises(TrainingError, match="give a difference above 0"):
        lamp(barrier)
