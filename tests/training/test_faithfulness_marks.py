"""Frames are marked as in the paper, ties by lot; chunks go by the clock; lots hang on the clip alone."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures_faithfulness import frames_of, noisy_clips

from training.faithfulness.chance import CHANCE, lots_of_clips, random_frames, random_smoothed
from training.faithfulness.marks import (
    chunks_of_frames,
    chunks_with_any,
    highest,
    marked_frames,
    ranks_of_values,
    segments_in_truth,
)


@pytest.mark.parametrize("frames", [64, 100, 313, 320, 400, 401])
def test_where_no_two_values_are_equal_the_marks_are_those_of_the_papers_quantile(frames: int) -> None:
    draws = np.random.default_rng(frames)
    curves = draws.normal(size=(5, frames))
    ranks = ranks_of_values(curves, draws.random(curves.shape))
    for percentile in range(90, 100):
        expected = curves >= np.quantile(curves, percentile / 100, axis=1, keepdims=True)
        assert np.array_equal(expected, marked_frames(ranks, percentile))


def test_of_401_frames_the_90th_percentile_marks_41() -> None:
    curve = np.arange(401.0)[None]
    assert 41 == marked_frames(ranks_of_values(curve, np.zeros_like(curve)), 90).sum()


def test_a_level_curve_marks_as_many_frames_as_any_other_and_each_as_often() -> None:
    level = np.zeros((4_000, 20))
    lots = np.random.default_rng(0).random(level.shape)
    marks = marked_frames(ranks_of_values(level, lots), 90)
    assert {2} == set(marks.sum(axis=1).tolist())
    np.testing.assert_allclose(marks.mean(axis=0), 0.1, atol=0.02)


def test_equal_values_are_taken_by_lot_only_where_the_count_demands_it() -> None:
    ranks = ranks_of_values(np.array([[1.0, 5.0, 1.0, 0.0]]), np.array([[0.2, 0.0, 0.1, 0.9]]))
    assert [[2, 3, 1, 0]] == ranks.tolist()
    assert np.array_equal(frames_of("xx.."), highest(ranks, 2))


def test_a_chunk_is_a_second_by_the_clock_and_a_short_rest_joins_the_last() -> None:
    of_paper = chunks_of_frames(401, 0.025, 1.0)
    assert [40] * 9 + [41] == np.bincount(of_paper).tolist()
    ours = chunks_of_frames(320, 0.032, 1.0)  # 10.24 s
    assert 10 == len(np.bincount(ours))
    assert {31, 32, 39} == set(np.bincount(ours).tolist())  # the last has the rest of .24 s
    assert 11 == len(np.bincount(chunks_of_frames(107, 0.1, 1.0)))  # a rest of .7 s is a chunk
    assert [4] == np.bincount(chunks_of_frames(4, 0.1, 1.0)).tolist()
    assert [0, 1, 2] == chunks_of_frames(3, 1.0, 0.3).tolist()


def test_a_segment_is_the_wrong_part_of_each_chunk_with_a_mark() -> None:
    chunks = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    marks, truth = (
        frames_of("...x....x..."),
        frames_of(".xx..xx.xx.."),
    )
    assert [[True, False, True]] == chunks_with_any(marks, chunks).tolist()
    assert np.array_equal(frames_of(".xx.....xx.."), segments_in_truth(marks, truth, chunks))


def test_the_lots_of_a_clip_hang_on_its_name_the_seed_the_draw_and_the_purpose() -> None:
    here = lots_of_clips(["a", "b"], (3,), "ties", 1, 0)
    assert np.array_equal(here[::-1], lots_of_clips(["b", "a"], (3,), "ties", 1, 0))
    others = [
        lots_of_clips(["a", "b"], (3,), "random", 1, 0),
        lots_of_clips(["a", "b"], (3,), "ties", 2, 0),
        lots_of_clips(["a", "b"], (3,), "ties", 1, 1),
    ]
    assert all(not np.intersect1d(here, other).size for other in others)


def test_smoothed_lots_are_the_mean_of_five_frames_and_bands_and_favour_no_edge() -> None:
    clips = noisy_clips(300, frames=40, normal=False)
    rough, smooth = random_frames(clips, 0, 0), random_smoothed(clips, 0, 0)
    assert rough.maps is not None
    assert smooth.maps is not None
    assert 1 / 12 == pytest.approx(rough.maps.var(), rel=0.02)
    np.testing.assert_allclose(smooth.maps.var(axis=(0, 1)), 1 / 12 / 25, rtol=0.4)
    lag = [np.corrcoef(smooth.curves[:, 20], smooth.curves[:, 20 + k])[0, 1] for k in (1, 5)]
    assert lag[0] > 0.7
    assert abs(lag[1]) < 0.2
    np.testing.assert_allclose(smooth.curves, smooth.maps.sum(axis=1), rtol=1e-6)


def test_smoothed_lots_equal_a_mean_taken_by_hand() -> None:
    clips = noisy_clips(1, normal=False)
    _, mel, frames = clips.values.shape
    lots = lots_of_clips(clips.names, (mel + 4, frames + 4), "smoothed", 3, 1)[0]
    smooth = random_smoothed(clips, 3, 1)
    assert smooth.maps is not None
    assert lots[1:6, 7:12].mean() == pytest.approx(float(smooth.maps[0, 1, 7]), rel=1e-6)


def test_the_oracle_points_at_the_wrong_frames_and_where_known_at_the_wrong_bins() -> None:
    clips = noisy_clips(4)
    found = CHANCE["oracle"](clips, 0, 0)
    assert np.array_equal(clips.truth_frames, found.curves > 0)
    assert found.maps is not None
    assert clips.truth_bins is not None
    assert np.array_equal(clips.truth_bins, found.maps > 0)
