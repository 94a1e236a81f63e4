"""The table: chance is at chance, the oracle beats it, and neither order nor silence changes a figure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fixtures_faithfulness import HOP_S, known_mean, mean_power, noisy_clips, toy_models

from training.errors import TrainingError
from training.evaluation.truth import Event
from training.faithfulness import (
    COLUMNS,
    PERCENTILE_COLUMNS,
    Clips,
    FaithfulnessTable,
    Importance,
    Models,
    Row,
    Settings,
    clips_of_sound,
    column_of,
    faithfulness_of_clips,
    importance_of_maps,
    table_of_tree,
    table_over_seeds,
    tree_of_table,
)
from training.faithfulness.clips import Float32
from training.faithfulness.rows import area_over

QUICK = Settings(percentiles=(90, 95, 99), draws=3, steps=5, batch_windows=7)


def error_map(clips: Clips) -> Importance:
    return importance_of_maps("error_map", np.square(clips.values))


@pytest.fixture(scope="module")
def table() -> FaithfulnessTable:
    clips = noisy_clips(60)
    level = Importance("level", np.ones(clips.truth_frames.shape, dtype=np.float32))
    return faithfulness_of_clips(clips, [error_map(clips), level], toy_models(), QUICK)


def figure(table: FaithfulnessTable, row: str, key: str) -> float:
    value = table.row(row).figures[key].value
    assert value is not None
    return value


def test_with_the_known_mean_random_frames_remove_their_share_of_normal_sound() -> None:
    clips = noisy_clips(200, frames=400)
    found = faithfulness_of_clips(clips, [], toy_models(), replace(QUICK, steps=0))
    for name in ("random", "random_smoothed"):
        normal = found.row(name).by_percentile["ff_normal"]
        np.testing.assert_allclose(normal.values, [0.1, 0.05, 0.01], atol=0.002)
        assert normal.lifts is not None
        np.testing.assert_allclose(normal.lifts, 1.0, atol=0.05)


def test_the_oracle_beats_chance_in_every_figure_that_tells_it_apart(table: FaithfulnessTable) -> None:
    random, oracle = table.row("random"), table.row("oracle")
    for key in ("ff_frame", "ff_gain", "ff_frame/mean", "f1"):
        assert oracle.by_percentile[key].values[0] > 1.5 * max(random.by_percentile[key].values[0], 0.01), key
    assert oracle.by_percentile["ff_segment"].values[0] >= random.by_percentile["ff_segment"].values[0]
    for key, column in COLUMNS.items():
        best, chance = oracle.figures[key].value, random.figures[key].value
        assert best is not None
        if chance is not None:  # None: the onset is missed in half of the clips or more
            assert (best > chance) == column.high_is_better, key
    assert 1.0 == figure(table, "oracle", "iou_true_area")
    assert 0.0 == figure(table, "oracle", "onset_90_s")


def test_a_level_curve_is_worth_chance(table: FaithfulnessTable) -> None:
    level, random = table.row("level"), table.row("random")
    for key in ("ff_frame", "ff_normal", "f1"):
        for ours, chance in zip(
            level.by_percentile[key].values, random.by_percentile[key].values, strict=True
        ):
            assert chance == pytest.approx(ours, rel=0.35), key
    assert 0.5 == figure(table, "level", "frame_auc")
    assert 0.5 == figure(table, "level", "inside_auc")


def test_a_method_without_maps_has_no_figure_of_bins(table: FaithfulnessTable) -> None:
    level = table.row("level")
    for key in ("fall_bins", "deletion_bins", "insertion_bins", "iou_best", "iou_true_area", "bins_auc"):
        assert level.figures[key].value is None
    assert {"deletion_frames", "insertion_frames"} == set(level.removal)


def test_the_error_map_of_a_loud_band_is_faithful_and_precise(table: FaithfulnessTable) -> None:
    found = table.row("error_map")
    over = found.by_percentile["ff_frame"]
    assert over.lifts is not None
    assert over.lifts_over_random is not None
    assert over.lifts_over_random[0] is not None
    assert over.lifts[0] > over.values[0] * 9.99
    assert over.lifts_over_random[0] > 1.5
    assert figure(table, "error_map", "inside_auc") > 0.9
    assert figure(table, "error_map", "bins_auc") > 0.9
    assert found.by_percentile["ff_gain"].values[0] == pytest.approx(
        over.values[0] - found.by_percentile["ff_normal"].values[0]
    )


def test_the_figures_of_one_clip_are_those_by_hand() -> None:
    """Nine frames of power 1 and one of 91: one is marked at the 90th percentile, and holds .91 of all.

    The event is two frames long; the other lies in the same chunk.
    """
    values = np.ones((1, 4, 10), dtype=np.float32)
    values[0, :, 6] = np.sqrt(91.0)
    event = Event(0.6, 0.8, "fault:knock", None)
    clips = clips_of_sound(values, [("a", 0.0)], {"a": [event]}, hop_s=HOP_S)
    settings = Settings(percentiles=(90,), draws=2, steps=10, chunk_s=0.2)
    found = faithfulness_of_clips(clips, [error_map(clips)], toy_models(), settings).row("error_map")
    assert found.by_percentile["ff_frame"].values == pytest.approx((0.91,))
    assert found.by_percentile["ff_frame/linear"].values == pytest.approx((0.9,))  # what is left has power 1
    assert found.by_percentile["ff_segment"].values == pytest.approx((0.92,))
    assert (1.0,) == found.by_percentile["f1"].values
    assert found.by_percentile["ff_frame"].lifts == pytest.approx((9.1,))
    assert (0.0,) == found.by_percentile["ff_frame"].errors
    assert (None,) == found.by_percentile["ff_frame"].spreads
    assert "ff_normal" not in found.by_percentile
    assert found.figures["onset_median_s"].value is None  # no normal clip, no threshold
    assert found.figures["iou_best"].value is None  # no band is known


def test_the_fractions_of_deletion_go_as_far_as_is_asked_for() -> None:
    clips = noisy_clips(6)
    settings = replace(QUICK, steps=4, up_to=0.2)
    found = faithfulness_of_clips(clips, [error_map(clips)], toy_models(), settings)
    assert (0.0, 0.05, 0.1, 0.15, 0.2) == pytest.approx(found.fractions)
    curve = found.row("error_map").removal["deletion_frames"]
    assert 1 - curve[2] == pytest.approx(found.row("error_map").figures["fall_frames"].value)


def test_moments_of_normal_clips_count_as_not_wrong() -> None:
    clips = noisy_clips(8)
    alone = clips.only(clips.anomalous)
    curves = np.where(clips.anomalous[:, None], clips.truth_frames, 2.0).astype(np.float32)
    high_in_normal = Importance("high_in_normal", curves)
    right = Importance("right", curves[clips.anomalous])
    assert figure(faithfulness_of_clips(alone, [right], toy_models(), QUICK), "right", "frame_auc") > 0.99
    all_clips = faithfulness_of_clips(clips, [high_in_normal], toy_models(), QUICK)
    assert figure(all_clips, "high_in_normal", "frame_auc") < 0.6


def test_onsets_are_told_at_half_and_at_nine_tenths_of_the_clips() -> None:
    clips = noisy_clips(20)
    delays = iter(range(10))
    late = [np.roll(truth, next(delays)) if truth.any() else truth for truth in clips.truth_frames]
    method = Importance("late", np.array(late, dtype=np.float32))
    table = faithfulness_of_clips(clips, [method], toy_models(), QUICK)
    assert 4 * HOP_S == pytest.approx(figure(table, "late", "onset_median_s"))
    assert 8 * HOP_S == pytest.approx(figure(table, "late", "onset_90_s"))
    assert 0.0 == figure(table, "late", "onset_missed")


def test_the_standard_error_is_that_of_the_mean_over_clips() -> None:
    clips = noisy_clips(9, normal=False)
    found = faithfulness_of_clips(clips, [error_map(clips)], toy_models(), replace(QUICK, percentiles=(90,)))
    power = np.square(clips.values.astype(np.float64)).sum(axis=1)
    shares = np.sort(power, axis=1)[:, -10:].sum(axis=1) / power.sum(axis=1)
    over = found.row("error_map").by_percentile["ff_frame"]
    assert over.values == pytest.approx((shares.mean(),), rel=1e-5)
    assert over.errors == pytest.approx((shares.std(ddof=1) / 3,), rel=1e-4)


def test_the_order_of_the_clips_changes_nothing() -> None:
    clips = noisy_clips(20)
    order = np.random.default_rng(1).permutation(20)
    assert clips.truth_bins is not None
    moved = Clips(
        values=clips.values[order],
        files=tuple(clips.files[i] for i in order),
        start_s=tuple(clips.start_s[i] for i in order),
        events=clips.events,
        anomalous=clips.anomalous[order],
        truth_frames=clips.truth_frames[order],
        hop_s=clips.hop_s,
        window_frames=clips.window_frames,
        truth_bins=clips.truth_bins[order],
    )
    one = faithfulness_of_clips(clips, [error_map(clips)], toy_models(), QUICK)
    other = faithfulness_of_clips(moved, [error_map(moved)], toy_models(), QUICK)
    assert_close(tree_of_table(one), tree_of_table(other))


def assert_close(one: object, other: object) -> None:
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_close(one[key], other[key])
    elif isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_close(first, second)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)
    else:
        assert one == other


def test_clips_without_a_wrong_frame_are_left_out_and_named() -> None:
    values = np.random.default_rng(0).normal(size=(4, 4, 40)).astype(np.float32)
    events = {
        "times unknown": [Event(0.0, float("inf"), "anomaly", None)],
        "between frames": [Event(1.06, 1.09, "fault:knock", None)],
        "known": [Event(1.0, 2.0, "fault:hiss", None)],
    }
    places = [("known", 0.0), ("times unknown", 0.0), ("between frames", 0.0), ("normal", 0.0)]
    clips = clips_of_sound(values, places, events, hop_s=HOP_S)
    found = faithfulness_of_clips(clips, [error_map(clips)], toy_models(), QUICK)
    assert (1, 1) == (found.anomalous, found.normal)
    assert ("times unknown@0.000000", "between frames@0.000000") == found.left_out
    alone = clips.only(np.array([True, False, False, True]))
    again = faithfulness_of_clips(alone, [error_map(alone)], toy_models(), QUICK)
    assert_close(tree_of_table(again)["rows"], tree_of_table(found)["rows"])
    with pytest.raises(TrainingError, match="no anomalous clip has a frame that is known to be wrong"):
        faithfulness_of_clips(clips.only(~clips.annotated), [], toy_models(), QUICK)


def test_the_spread_over_draws_is_reported_for_chance_and_not_for_methods(table: FaithfulnessTable) -> None:
    random, method = table.row("random"), table.row("error_map")
    assert (3, 1) == (random.draws, method.draws)
    spread = random.by_percentile["ff_frame"].area.spread
    assert spread is not None
    assert 0.0 < spread < 0.02
    assert method.by_percentile["ff_frame"].area.spread is None
    assert all(value == 1.0 for value in random.by_percentile["ff_frame"].lifts_over_random or ())


def test_another_seed_gives_other_lots_and_the_same_seed_the_same() -> None:
    clips = noisy_clips(10)
    trees = [
        tree_of_table(faithfulness_of_clips(clips, [], toy_models(), replace(QUICK, seed=seed)))["rows"]
        for seed in (1, 1, 2)
    ]
    assert trees[0] == trees[1]
    assert trees[0] != trees[2]


def test_a_common_judge_judges_what_a_foreign_imputer_left() -> None:
    """The model under test is blind to the anomaly; its own FF says nothing, the judge's does."""
    clips = noisy_clips(30, excess=6.0)

    def blind(windows: Float32) -> Float32:
        return windows - 1.0  # the same error in every bin

    models = replace(toy_models(), reconstruct=blind)
    oracle = faithfulness_of_clips(clips, [], models, QUICK).row("oracle").by_percentile
    assert oracle["ff_frame"].values[0] == pytest.approx(0.0, abs=1e-6)
    assert oracle["ff_frame/mean"].values[0] > 0.2


def test_the_table_is_json_and_every_column_has_a_meaning(table: FaithfulnessTable) -> None:
    tree = json.loads(json.dumps(tree_of_table(table), allow_nan=False))
    assert ["error_map", "level", "random", "random_smoothed", "oracle"] == [
        row["name"] for row in tree["rows"]
    ]
    for row in table.rows:
        assert set(COLUMNS) == set(row.figures)
        foreign = {f"{key}/{imputer}" for key in ("ff_frame", "ff_segment") for imputer in ("linear", "mean")}
        assert {*PERCENTILE_COLUMNS, *foreign} == set(row.by_percentile)
        assert all(column_of(key).meaning for key in (*row.figures, *row.by_percentile))
    assert "filled by linear" in column_of("ff_frame/linear").meaning
    for unknown in ("ff", "f1/linear"):
        with pytest.raises(TrainingError, match=f"figure '{unknown}' is not known; known are ff_frame"):
            column_of(unknown)


def test_a_table_comes_back_from_json_as_it_was(table: FaithfulnessTable) -> None:
    tree = json.loads(json.dumps(tree_of_table(table)))
    assert table == table_of_tree(tree)
    with pytest.raises(TrainingError, match="a table of schema 99 cannot be read, here it is 1"):
        table_of_tree({**tree, "schema": 99})


def test_tables_of_several_seeds_are_averaged_with_their_spread(table: FaithfulnessTable) -> None:
    higher = replace(table, rows=tuple(raised(row, 0.25) for row in table.rows))
    mean = table_over_seeds([table, higher])
    for row in table.rows:
        merged = mean.row(row.name)
        for key, over in row.by_percentile.items():
            assert merged.by_percentile[key].values == pytest.approx([value + 0.125 for value in over.values])
            assert merged.by_percentile[key].spreads == pytest.approx([0.25 / 2**0.5] * len(over.values))
        for key, found in row.figures.items():
            if found.value is None:
                assert merged.figures[key].value is None
            else:
                assert merged.figures[key].value == pytest.approx(found.value + 0.125)
    ratio, random = mean.row("oracle").by_percentile["ff_frame"], mean.row("random").by_percentile["ff_frame"]
    assert ratio.lifts_over_random is not None
    assert ratio.lifts_over_random[0] == pytest.approx(ratio.values[0] / random.values[0])
    with pytest.raises(TrainingError, match="cannot be averaged"):
        table_over_seeds([table, replace(table, anomalous=1)])


def raised(row: Row, by: float) -> Row:
    return replace(
        row,
        by_percentile={
            key: replace(over, values=tuple(value + by for value in over.values))
            for key, over in row.by_percentile.items()
        },
        figures={
            key: replace(found, value=None if found.value is None else found.value + by)
            for key, found in row.figures.items()
        },
    )


def test_what_does_not_fit_together_is_refused() -> None:
    clips = noisy_clips(4)
    with pytest.raises(TrainingError, match=r"error_map is given for clips of \(3, 4, 100\), the clips are"):
        faithfulness_of_clips(clips, [importance_of_maps("error_map", clips.values[:3])], toy_models())
    with pytest.raises(TrainingError, match="random names two rows"):
        faithfulness_of_clips(clips, [importance_of_maps("random", clips.values)], toy_models())
    with pytest.raises(TrainingError, match="said to be normal has wrong frames"):
        replace(clips, anomalous=np.zeros(4, dtype=bool))
    with pytest.raises(TrainingError, match="100 frames cannot be cut into windows of 64"):
        replace(clips, window_frames=64)
    with pytest.raises(TrainingError, match="two clips begin at the same place"):
        replace(clips, files=("a",) * 4)
    with pytest.raises(TrainingError, match="holds values that are no numbers"):
        Importance("broken", np.full((1, 3), np.nan, dtype=np.float32))
    with pytest.raises(TrainingError, match="imputer 'mae' for deletion is not among linear, mean"):
        Models(known_mean, mean_power, known_mean, toy_models().imputers, removed_by="mae")


def test_the_area_is_the_mean_height_by_the_trapezoidal_rule() -> None:
    assert 2.0 == area_over(np.array([1.0, 3.0]), (90, 99))
    assert 2.5 == area_over(np.array([1.0, 3.0, 3.0]), (90, 92, 94))
    assert 7.0 == area_over(np.array([7.0]), (98,))
