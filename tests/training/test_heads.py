"""The scoring head computes what a NumPy reading of its definition computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.errors import TrainingError
from training.heads import MeanError, fit_residual_mahalanobis
from training.heads.residual import LOG_FLOOR, STRETCH_STEP_FRAMES
from training.heads.whitening import fit_whitening, ledoit_wolf_covariance
from training.models import Comparison

Float64 = NDArray[np.float64]
STRETCH = 8


def error_maps(n: int, seed: int) -> Float64:
    draws = np.random.default_rng(seed)
    common = np.exp(draws.normal(size=(n, 1, 1)))  # bands go up and down together
    return common * draws.gamma(0.5, 1.0, (n, 6, 24))


def inverse_covariance(samples: Float64) -> Float64:
    """The inverse of the covariance whose correlations are shrunk and whose variances are not."""
    deviation = samples.std(0)
    correlation = ledoit_wolf_covariance((samples - samples.mean(0)) / deviation)
    return np.asarray(np.linalg.inv(correlation * np.outer(deviation, deviation)))


def reference_scores(normal: Float64, judged: Float64) -> Float64:
    """The head by its definition: no batches, no matrix tricks."""

    def features(maps: Float64) -> tuple[Float64, Float64]:
        starts = range(0, maps.shape[2] - STRETCH + 1, STRETCH_STEP_FRAMES)
        parts = np.stack([maps[:, :, s : s + STRETCH].mean(2) for s in starts], axis=1)
        return np.log(maps.mean(2) + LOG_FLOOR), np.log(parts + LOG_FLOOR)

    whole, parts = features(normal)
    rows = parts.reshape(-1, parts.shape[-1])
    fitted = [(s.mean(0), inverse_covariance(s)) for s in (whole, rows)]

    def distances(maps: Float64) -> Float64:
        whole, parts = features(maps)
        (mean_w, inverse_w), (mean_p, inverse_p) = fitted
        of_window = [np.sqrt((x - mean_w) @ inverse_w @ (x - mean_w)) for x in whole]
        of_stretch = [max(np.sqrt((x - mean_p) @ inverse_p @ (x - mean_p)) for x in row) for row in parts]
        return np.stack([of_window, of_stretch], axis=1)

    usual = distances(normal)
    z = (distances(judged) - usual.mean(0)) / usual.std(0, ddof=1)
    return np.asarray(z.sum(1))


def found(error_map: torch.Tensor) -> Comparison:
    """What a model made of windows, where only the error map matters."""
    return Comparison(torch.zeros_like(error_map), torch.zeros_like(error_map), error_map)


def test_the_residual_head_is_the_sum_of_both_z_scores_of_its_definition() -> None:
    normal, judged = error_maps(80, seed=0), error_maps(20, seed=1)
    judged[3, 2] *= 8.0
    batches = [found(torch.from_numpy(part).float()) for part in np.array_split(normal, 3)]
    head = fit_residual_mahalanobis(batches, stretch_frames=STRETCH)
    scores = head(found(torch.from_numpy(judged).float())).numpy()
    np.testing.assert_allclose(scores, reference_scores(normal, judged), rtol=2e-3, atol=2e-3)
    assert 3 == scores.argmax()


def test_a_short_burst_in_one_band_stands_out_where_the_same_error_spread_out_does_not() -> None:
    normal, judged = error_maps(300, seed=0), error_maps(1, seed=2)
    judged /= judged.mean() / normal.mean()
    burst, spread = judged.copy(), judged.copy()
    burst[0, 4, 8:14] += 12.0
    spread += burst.mean() - judged.mean()
    head = fit_residual_mahalanobis([found(torch.from_numpy(normal).float())], stretch_frames=STRETCH)
    odd, usual = head(found(torch.from_numpy(np.concatenate([burst, spread])).float()))
    of_normal = head(found(torch.from_numpy(normal).float()))
    assert odd > of_normal.max()
    assert usual < of_normal.quantile(0.9)


def test_scores_of_the_sound_it_was_fitted_on_have_mean_zero() -> None:
    normal = found(torch.from_numpy(error_maps(80, seed=0)).float())
    head = fit_residual_mahalanobis([normal], stretch_frames=STRETCH)
    assert 0.0 == pytest.approx(float(head(normal).mean()), abs=1e-4)


def test_whitened_samples_are_uncorrelated_with_equal_variance() -> None:
    draws = np.random.default_rng(0)
    samples = draws.normal(size=(20_000, 5)) @ (np.eye(5) + 0.2 * draws.normal(size=(5, 5))) + 3.0
    whitening = fit_whitening(samples)
    white = (samples - whitening.mean) @ whitening.matrix
    np.testing.assert_allclose(np.cov(white.T), np.eye(5), atol=0.03)


def test_shrinkage_equals_scikit_learns() -> None:
    covariance = pytest.importorskip("sklearn.covariance", reason="scikit-learn is not installed")
    draws = np.random.default_rng(0)
    for n in (8, 30, 500):
        samples = draws.normal(size=(n, 12)) @ draws.normal(size=(12, 12))
        expected, _ = covariance.ledoit_wolf(samples)
        np.testing.assert_allclose(ledoit_wolf_covariance(samples - samples.mean(0)), expected, rtol=1e-9)


def test_fewer_samples_than_bands_still_give_a_covariance_that_can_be_inverted() -> None:
    samples = np.random.default_rng(0).normal(size=(5, 40))
    assert np.linalg.cond(ledoit_wolf_covariance(samples - samples.mean(0))) < 1e3


def test_too_few_windows_are_refused_with_their_number() -> None:
    with pytest.raises(
        TrainingError, match="9 windows of normal sound are too few to fit it; give at least 10"
    ):
        fit_residual_mahalanobis([found(torch.rand(9, 4, 24))], stretch_frames=STRETCH)


def test_the_plain_head_is_the_mean_error() -> None:
    error_map = torch.ones(2, 3, 4) * torch.tensor([1.0, 2.0]).reshape(2, 1, 1)
    assert [1.0, 2.0] == MeanError()(found(error_map)).tolist()
