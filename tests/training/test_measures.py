"""The measures, the controls and the pictures of an evaluation are right where that can be said exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitor.messages import Quality, Score, Span
from training.evaluation.gallery import Gallery
from training.evaluation.measures import auc, partial_auc, poisson_interval, roc_curve
from training.evaluation.simple_controls import fit_controls


def test_areas_are_right_by_hand_and_ties_are_worth_chance() -> None:
    assert 0.75 == auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert 0.5 == auc([0, 1, 0, 1], [1, 1, 1, 1])
    assert 0.5 == pytest.approx(partial_auc([0, 1, 0, 1], [1, 1, 1, 1]))
    assert 1.0 == pytest.approx(partial_auc([0, 0, 1], [0, 1, 2]))
    assert auc([1, 1], [0, 1]) is None
    assert partial_auc([0, 0], [0, 1]) is None
    wrong, found = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert [0, 0, 0.5, 0.5, 1] == wrong.tolist()
    assert [0, 0.5, 0.5, 1, 1] == found.tolist()


def test_areas_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for size in (7, 40, 300):
        labels = np.arange(size) % 3 == 0
        scores = np.round(rng.normal(size=size) + labels, 1)
        assert metrics.roc_auc_score(labels, scores) == pytest.approx(auc(labels, scores))
        theirs = metrics.roc_auc_score(labels, scores, max_fpr=0.1)
        assert theirs == pytest.approx(partial_auc(labels, scores))


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, -math.log(0.05)), (1, -math.log(0.95), 4.7439), (10, 5.4254, 16.9622)]
)
def test_the_interval_of_a_count_is_garwoods(count: int, low: float, high: float) -> None:
    assert [low, high] == pytest.approx(poisson_interval(count), abs=1e-4)


def test_the_gallery_keeps_the_highest_windows_and_one_of_neighbours() -> None:
    gallery = Gallery(size=2)
    blank = np.zeros((2, 2), dtype=np.float32)
    for at, value in enumerate([1.0, 3.0, 2.0, 0.5, 9.0, None, 4.0]):
        span = Span("file", 0, float(at), at + 2.0, 0.0, Quality.OK, None)
        gallery.offer("a", Score(span, value, None, None, None, "x"), blank, blank)
    assert [(9.0, 4.0), (4.0, 6.0)] == [(kept.value, kept.start_s) for kept in gallery.pictures]


def test_the_gaussian_is_a_mahalanobis_distance() -> None:
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(5000, 3)) * [1.0, 2.0, 0.5]).astype(np.float32)
    controls = fit_controls(list(data), [float(x) for x in rng.normal(size=5000)])
    points = np.array([[2.0, 0, 0], [0, 4.0, 0], [0, 0, 1.0]], dtype=np.float32).T
    assert [pytest.approx(4 / 3, rel=0.1)] * 3 == controls.gaussian.distance(points).tolist()
