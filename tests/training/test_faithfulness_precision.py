"""What is right in time, and in time and frequency, by hand and by the benchmark's judge."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures_faithfulness import HOP_S, frames_of

from training.evaluation.figures import figures_of_windows
from training.evaluation.scored_windows import ScoredWindow
from training.evaluation.truth import Event
from training.faithfulness import Clips, clips_of_sound
from training.faithfulness.clips import Float32
from training.faithfulness.marks import ranks_of_values
from training.faithfulness.overlap import best_overlap, bins_auc, overlap_at_share, overlap_at_true_area
from training.faithfulness.precision import (
    chunk_f1,
    error_not_exceeded,
    moments_auc,
    onset_errors_s,
    threshold_of_normal,
)

JUDGE = Path(__file__).resolve().parents[2].parent / "shared" / "bench" / "judge.py"


def test_f1_counts_chunks_that_hold_a_marked_and_a_wrong_frame() -> None:
    chunks = np.repeat(np.arange(4), 3)
    truth = frames_of("xxxxxx......")
    #                  found, missed, wrongly found, rightly silent
    assert [0.5] == chunk_f1(frames_of("..x...xxx..."), truth, chunks).tolist()
    assert [1.0] == chunk_f1(frames_of("..xx........"), truth, chunks).tolist()
    assert [0.0] == chunk_f1(frames_of("...........x"), truth, chunks).tolist()
    assert np.isnan(chunk_f1(frames_of("............"), frames_of("............"), chunks))


def overlapping_clips(seed: int) -> tuple[Clips, Float32]:
    """Windows of 2.048 s, half over each other, over two files with events."""
    draws = np.random.default_rng(seed)
    hop_s, frames = 0.032, 64
    onsets_s = {"a.flac": (3.21, 9.0), "b.flac": (5.5,)}
    events = {
        file: [Event(at_s, at_s + float(draws.uniform(0.3, 2.5)), "fault:hiss", None) for at_s in found]
        for file, found in onsets_s.items()
    }
    places = [
        (file, float(at_s)) for file in ("a.flac", "b.flac", "c.flac") for at_s in np.arange(13) * 1.024
    ]
    values = draws.normal(size=(len(places), 2, frames)).astype(np.float32)
    clips = clips_of_sound(values, places, events, hop_s=hop_s)
    curves = draws.normal(size=clips.truth_frames.shape) + 0.7 * clips.truth_frames
    return clips, curves.round(1).astype(np.float32)


def windows_of(clips: Clips, curves: Float32) -> list[ScoredWindow]:
    length_s = clips.hop_s * clips.window_frames
    return [
        ScoredWindow(file, at_s, at_s + length_s, 1.0, curve.astype(np.float64))
        for file, at_s, curve in zip(clips.files, clips.start_s, curves, strict=True)
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_moments_are_judged_as_the_evaluation_judges_them(seed: int) -> None:
    clips, curves = overlapping_clips(seed)
    expected = figures_of_windows(windows_of(clips, curves), clips.events)
    assert (expected.frame_auc, expected.inside_auc) == moments_auc([clips], [curves])


@pytest.mark.shared_data
@pytest.mark.parametrize("seed", [0, 1])
def test_moments_are_judged_as_the_benchmarks_judge_does(tmp_path: Path, seed: int) -> None:
    if not JUDGE.is_file():
        pytest.skip("../shared/bench is not here")
    clips, curves = overlapping_clips(seed)
    scores = tmp_path / "scores.jsonl"
    with scores.open("w") as file:
        for window in windows_of(clips, curves):
            line = {"file": window.file, "start_s": window.start_s, "end_s": window.end_s, "value": 1.0}
            assert window.profile is not None
            file.write(json.dumps({**line, "profile": window.profile.tolist()}) + "\n")
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "onset_s", "offset_s", "kind", "snr_db"])
        writer.writerows(
            [name, event.onset_s, event.offset_s, event.kind, ""]
            for name, found in clips.events.items()
            for event in found
        )
    code = (
        "import json, pathlib, sys; sys.path.insert(0, sys.argv[1]); import judge; "
        "print(json.dumps(judge.judge(pathlib.Path(sys.argv[2]), sys.argv[3])))"
    )
    command = [sys.executable, "-B", "-c", code, str(JUDGE.parent), str(tmp_path), str(scores)]
    row = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    frame_auc, inside_auc = moments_auc([clips], [curves])
    assert row["frame_auc"] == pytest.approx(frame_auc, abs=1e-12)
    assert row["inside_auc"] == pytest.approx(inside_auc, abs=1e-12)
    assert 0.55 < row["inside_auc"] < 0.9  # so that agreeing means something


def test_a_long_clip_is_judged_in_the_windows_that_the_model_hears() -> None:
    """Within the clip the curve is right; within each of its windows it says nothing."""
    event = Event(1.0, 2.0, "fault:hiss", None)
    values = np.zeros((1, 2, 40), dtype=np.float32)
    curve = np.repeat([[0.0, 1.0]], 20, axis=1).astype(np.float32)  # 0 up to 2 s, 1 from there on
    whole = clips_of_sound(values, [("a", 0.0)], {"a": [event]}, hop_s=HOP_S)
    in_two = clips_of_sound(values, [("a", 0.0)], {"a": [event]}, hop_s=HOP_S, window_frames=20)
    assert moments_auc([whole], [curve])[1] == pytest.approx(
        1 / 6
    )  # 10 of 30 moments tie with the wrong ones
    assert 0.5 == moments_auc([in_two], [curve])[1]


def test_the_threshold_is_what_so_many_normal_clips_never_exceed() -> None:
    curves = np.arange(20, dtype=np.float32).reshape(10, 2)  # highest: 1, 3, ..., 19
    assert 17.0 == threshold_of_normal(curves, 0.9)
    assert threshold_of_normal(curves[:0], 0.9) is None


def test_an_onset_is_off_by_the_first_frame_above_the_threshold() -> None:
    truth = np.concatenate(
        [frames_of("...xx."), frames_of("...xx."), frames_of("...xx."), frames_of("xx....")]
    )
    curves = np.array([[0, 0, 0, 0, 9, 0], [0, 9, 0, 9, 9, 9], [5, 5, 5, 5, 5, 5], [9, 0, 0, 0, 0, 0]])
    errors_s = onset_errors_s(curves.astype(np.float32), truth, 5.0, HOP_S)
    np.testing.assert_allclose(errors_s, [0.1, 0.2, np.inf])  # late, early, missed; the fourth has no onset
    assert 0.2 == pytest.approx(error_not_exceeded(errors_s, 0.5))
    assert error_not_exceeded(errors_s, 0.9) is None
    assert error_not_exceeded(errors_s[:0], 0.5) is None


def test_overlap_is_intersection_over_union_of_as_many_bins() -> None:
    truth = np.zeros((1, 200), dtype=bool)
    truth[0, :10] = True
    values = np.arange(200.0)[::-1][None].copy()
    ranks = ranks_of_values(values, np.zeros_like(values))
    assert [5 / 10] == overlap_at_share(ranks, truth, 5 / 200).tolist()
    assert [10 / 40] == overlap_at_share(ranks, truth, 40 / 200).tolist()
    assert [1.0] == overlap_at_true_area(ranks, truth).tolist()
    assert 1.0 == best_overlap(ranks, truth)
    shifted = np.roll(truth, 5, axis=1)
    assert [5 / 15] == overlap_at_true_area(ranks, shifted).tolist()


def test_the_best_share_is_one_for_all_clips() -> None:
    truth = np.zeros((2, 200), dtype=bool)
    truth[0, :2] = truth[1, :20] = True
    values = np.tile(np.arange(200.0)[::-1], (2, 1))
    ranks = ranks_of_values(values, np.zeros_like(values))
    # 1 % fits the first clip, 10 % the second: 2 bins of 20, or 2 of 20 the other way, overlap by a tenth
    assert (1.0 + 0.1) / 2 == best_overlap(ranks, truth)


def test_bins_are_judged_within_each_clip() -> None:
    truth = np.array([[True, False, False], [False, True, False], [False, False, False]])
    maps = np.array([[9, 1, 2], [10, 20, 30], [0, 0, 0]], dtype=np.float32)
    assert (1.0 + 0.5) / 2 == bins_auc(maps, truth)
    assert bins_auc(maps[2:], truth[2:]) is None
