"""Faithfulness, imputers, deletion and insertion give what one gets by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures_faithfulness import frames_of, known_mean, mean_power, one_clip

from training.faithfulness import centred, imputer_in_windows, interpolated, mean_of_visible, reconstructed
from training.faithfulness.clips import Bools, Float32
from training.faithfulness.deletion import area, removing
from training.faithfulness.marks import ranks_of_values
from training.faithfulness.removal import removal_by_imputer, removal_by_itself
from training.faithfulness.windows import (
    clips_of_windows,
    reconstruct_clips,
    score_clips,
    windows_of_clips,
)

POWERS = one_clip((1, 1), (3, 1), (1, 1), (1, 1))
"""Squares of 2, 10, 2 and 2 in four frames: 16 in all."""
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def hidden_frames(text: str, mel: int = 2) -> Bools:
    return np.repeat(frames_of(text)[:, None, :], mel, axis=1)


def test_with_the_known_mean_ff_is_the_share_of_power_in_the_marked_frames() -> None:
    removal = removal_by_itself(POWERS, known_mean)
    assert [10 / 16] == removal.faithfulness(frames_of(".x..")).tolist()
    assert [2 / 16] == removal.faithfulness(frames_of("x...")).tolist()
    assert [1.0] == removal.faithfulness(frames_of("xxxx")).tolist()
    assert [0.0] == removal.faithfulness(frames_of("....")).tolist()


def test_the_model_judges_what_it_has_itself_replaced() -> None:
    def half(windows: Float32) -> Float32:
        return np.asarray(windows / 2, dtype=np.float32)

    # x' is 3/2 in one bin and 1/2 in another: errors of halves, squared: 16/4 before, (2+2+2 + 10/4)/4 after
    removal = removal_by_itself(POWERS, half)
    assert [1 - (6 + 10 / 4) / 16] == removal.faithfulness(frames_of(".x..")).tolist()


def test_marks_that_stay_as_they_were_are_not_judged_again() -> None:
    asked: list[int] = []

    def counted(windows: Float32) -> Float32:
        asked.append(len(windows))
        return known_mean(windows)

    clips = np.concatenate([POWERS, 2 * POWERS])
    removal = removal_by_imputer(clips, mean_of_visible, counted)
    steps = [np.concatenate([frames_of(one), frames_of(two)]) for one, two in
             ((".x..", "x..."), (".x..", "...."), (".x..", "...."))]  # fmt: skip
    found = removal.over(steps)
    assert [2, 2, 1] == asked
    assert np.array_equal(found, [removal.faithfulness(marks) for marks in steps])


def test_faithfulness_is_never_below_0() -> None:
    def by_ten(values: Float32, hidden: Bools) -> Float32:
        return np.where(hidden, 10.0, values).astype(np.float32)

    assert [0.0] == removal_by_imputer(POWERS, by_ten, known_mean).faithfulness(frames_of("x...")).tolist()


def test_a_clip_without_error_has_none_to_lose() -> None:
    silent = np.zeros((1, 2, 4), dtype=np.float32)
    assert [0.0] == removal_by_itself(silent, known_mean).faithfulness(frames_of("xx..")).tolist()


def test_a_foreign_imputer_fills_and_a_common_judge_judges() -> None:
    # frame 1 becomes (1, 1), as the frames around it: 8 of 16 are left
    for imputer in (interpolated, mean_of_visible):
        removal = removal_by_imputer(POWERS, imputer, known_mean)
        assert [8 / 16] == removal.faithfulness(frames_of(".x..")).tolist()


def test_interpolation_is_straight_between_and_level_beyond_what_is_visible() -> None:
    values = one_clip((9, 0), (2, 0), (9, 0), (9, 0), (5, 0), (9, 0))
    filled = interpolated(values, hidden_frames("x.xx.x"))
    np.testing.assert_allclose(filled[0, 0], [2, 2, 3, 4, 5, 5])


def test_interpolation_takes_each_band_for_itself() -> None:
    values = one_clip((0, 10), (7, 7), (4, 20))
    hidden = np.array([[[False, True, False], [False, False, False]]])
    np.testing.assert_allclose(interpolated(values, hidden), one_clip((0, 10), (2, 7), (4, 20)))


def test_the_mean_is_that_of_the_visible_frames_of_each_band() -> None:
    filled = mean_of_visible(one_clip((1, 2), (50, 50), (3, 6)), hidden_frames(".x."))
    np.testing.assert_allclose(filled, one_clip((2, 4), (2, 4), (2, 4)))


@pytest.mark.parametrize("imputer", [interpolated, mean_of_visible])
def test_where_nothing_is_visible_the_mean_of_normal_sound_stands_in(imputer: object) -> None:
    assert callable(imputer)
    hidden = np.ones(POWERS.shape, dtype=bool)
    assert not np.asarray(imputer(POWERS, hidden)).any()


def test_values_whose_normal_mean_is_not_0_are_imputed_about_it() -> None:
    mean = np.array([[-3.0], [-5.0]], dtype=np.float32)
    nothing_seen = np.array([[[True] * 4, [False, True, False, False]]])
    filled = centred(interpolated, mean)(POWERS, nothing_seen)
    np.testing.assert_allclose(filled, one_clip((-3, 1), (-3, 1), (-3, 1), (-3, 1)))


def test_imputers_leave_what_they_are_given_as_it_was() -> None:
    before = POWERS.copy()
    interpolated(POWERS, hidden_frames(".x.."))
    mean_of_visible(POWERS, hidden_frames(".x.."))
    assert np.array_equal(before, POWERS)


def test_clips_are_cut_into_windows_and_put_together_again() -> None:
    clips = np.arange(2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
    windows = windows_of_clips(clips, 4)
    assert (4, 3, 4) == windows.shape
    assert np.array_equal(clips[1, :, 4:], windows[3])
    assert np.array_equal(clips, clips_of_windows(windows, 2))


def test_models_hear_windows_in_bounded_batches() -> None:
    given: list[tuple[int, ...]] = []

    def reconstruct(windows: Float32) -> Float32:
        given.append(windows.shape)
        return np.asarray(windows + windows.mean(axis=2, keepdims=True), dtype=np.float32)

    clips = np.random.default_rng(0).normal(size=(3, 2, 8)).astype(np.float32)
    found = reconstruct_clips(reconstruct, 4, batch_windows=4)(clips)
    assert [(4, 2, 4), (2, 2, 4)] == given
    np.testing.assert_allclose(found[2, :, 4:], clips[2, :, 4:] + clips[2, :, 4:].mean(1, keepdims=True))
    as_imputer = imputer_in_windows(reconstructed(reconstruct), 4, batch_windows=4)
    assert np.array_equal(found, as_imputer(clips, clips > 0))


def test_a_clips_score_is_the_mean_of_its_windows() -> None:
    clips = np.stack([POWERS[0], 2 * POWERS[0]])
    np.testing.assert_allclose(score_clips(mean_power, 2, 3)(clips), [2.0, 8.0])


def test_deletion_takes_the_most_important_first_and_insertion_adds_it_first() -> None:
    mean_of_normal = reconstructed(known_mean)
    task = removing(POWERS, POWERS[:0], mean_of_normal, mean_power, QUARTERS)
    curve = np.array([[0.1, 0.9, 0.2, 0.3]])
    ranks = ranks_of_values(curve, np.zeros_like(curve))
    deletion, insertion = task.deletion(ranks), task.insertion(ranks)
    assert deletion is not None
    assert insertion is not None
    np.testing.assert_allclose(deletion, [1, 6 / 16, 4 / 16, 2 / 16, 0])
    np.testing.assert_allclose(insertion, [0, 10 / 16, 12 / 16, 14 / 16, 1])
    assert (1 / 2 + 12 / 16) / 4 == pytest.approx(area(deletion))
    assert (1 / 2 + 36 / 16) / 4 == pytest.approx(area(insertion))


def test_scores_are_told_from_normal_clips_where_there_are_some() -> None:
    normal = np.full((1, 2, 4), 0.5, dtype=np.float32)  # of power 1/4, where POWERS has 2
    task = removing(POWERS, normal, reconstructed(known_mean), mean_power, QUARTERS)
    curve = np.array([[0.1, 0.9, 0.2, 0.3]])
    deletion = task.deletion(ranks_of_values(curve, np.zeros_like(curve)))
    assert deletion is not None
    np.testing.assert_allclose(deletion, (np.array([2, 6 / 8, 4 / 8, 2 / 8, 0]) - 1 / 4) / (2 - 1 / 4))


def test_the_fall_is_that_of_the_most_important_tenth() -> None:
    values = np.ones((1, 2, 20), dtype=np.float32)
    values[0, :, 5] = 3.0  # squares of 56 in all, of which frames 5 and 6 have 20
    curve = np.zeros((1, 20))
    curve[0, 5:7] = 1.0
    ranks = ranks_of_values(curve, np.arange(20.0)[None])
    task = removing(values, values[:0], reconstructed(known_mean), mean_power, QUARTERS)
    assert 20 / 56 == pytest.approx(task.fall(ranks))


def test_bins_are_removed_one_by_one_where_bins_are_ranked() -> None:
    eighths = tuple(step / 8 for step in range(9))
    task = removing(POWERS, POWERS[:0], reconstructed(known_mean), mean_power, eighths)
    flat = POWERS.reshape(1, -1)
    curve = task.deletion(ranks_of_values(flat, np.zeros_like(flat)))
    assert curve is not None
    np.testing.assert_allclose(curve, [1, *(np.arange(7, -1, -1) / 16)])


def test_no_curve_is_drawn_where_the_clips_are_no_more_unusual_than_normal_ones() -> None:
    ranks = ranks_of_values(np.zeros((1, 4)), np.arange(4.0)[None])
    task = removing(POWERS, POWERS, reconstructed(known_mean), mean_power, QUARTERS)
    assert (None, None, None) == (task.deletion(ranks), task.insertion(ranks), task.fall(ranks))
