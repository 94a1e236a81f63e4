"""Precomputed log-mel is trained on as sound is, judged by clip, and refused where it cannot be meant."""

from __future__ import annotations

import contextlib
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures_verbs import Ran, ran

from engines.bundle import CALIBRATION, open_bundle
from engines.runtime import open_engine
from monitor.frontend import parameters_from_tree
from monitor.listening import DEMO_BUNDLE
from training.errors import NoSoundError, TrainingError
from training.evaluation.clips import judge_clips
from training.evaluation.measures import auc
from training.features import FEATURE_PARAMETERS, clips_of_file, gather_clips, store_of_clips

MEL, FRAMES = 128, 200
TINY = ("--widths", "4,4", "--epochs", "2", "--threads", "1")
TOYCAR = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "toycar"


def levels_db(count: int, seed: int, *, hum_db: float = 0.0, frames: int = FRAMES) -> np.ndarray[Any, Any]:
    """Clips of something like noise around a fixed spectrum, with a hum in three bands."""
    draws = np.random.default_rng(seed)
    spectrum = np.linspace(-10.0, -50.0, MEL)
    values = spectrum + draws.normal(0.0, 1.0, (count, 1, MEL)) + draws.normal(0.0, 4.0, (count, frames, MEL))
    values[:, :, 60:63] += hum_db
    return values.astype(np.float16)


def arrays(*, train: int, calibrate: int = 0, frames: int = FRAMES) -> dict[str, Any]:
    """A whole set: normal clips by role, and ten normal and eight anomalous ones to test on."""
    parts = [
        ("train", False, levels_db(train, 1, frames=frames)),
        ("calibrate", False, levels_db(calibrate, 2, frames=frames)),
        ("test", False, levels_db(10, 3, frames=frames)),
        ("test", True, levels_db(8, 4, hum_db=25.0, frames=frames)),
    ]
    count = sum(len(values) for _, _, values in parts)
    return {
        "logmel_db": np.concatenate([values for _, _, values in parts]),
        "name": np.array([f"clip_{index:03}" for index in range(count)]),
        "role": np.concatenate([np.full(len(values), role) for role, _, values in parts]),
        "anomaly": np.concatenate([np.full(len(values), anomaly) for _, anomaly, values in parts]),
    }


def saved(path: Path, **changes: object) -> Path:
    """Write a set of 30 clips to train on, with some arrays changed, or left out where None."""
    merged = {**arrays(train=30), **changes}
    kept: dict[str, Any] = {key: np.asarray(value) for key, value in merged.items() if value is not None}
    np.savez(path, **kept)
    return path


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("features") / "toy.npz")


@pytest.fixture(scope="module")
def bundle(features: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    out = tmp_path_factory.mktemp("bundles") / "toy"
    return out, ran("train", "ae", "--data", features, "--no-calibration", "--out", out, *TINY)


def test_decibels_become_the_log10_power_of_a_run_a_clip(features: Path, tmp_path: Path) -> None:
    gathered = gather_clips([features])
    store = gathered.stored(tmp_path / "rows")
    assert tuple(f"clip_{index:03}" for index in range(30)) == store.recordings
    assert [FRAMES] * 30 == [run.end - run.first for run in store.runs]
    starts = store.window_starts(hop_frames=32, recordings={"clip_007"})
    assert 5 == len(starts), "a window of 64 frames, and no window reaches into the next clip"
    clip = np.load(features)["logmel_db"][7].astype(np.float32) / np.float32(10)
    np.testing.assert_array_equal(clip[32:96].T, store.windows(starts)[1])
    assert {"with role test": 10, "with label anomaly": 8} == gathered.left_out


def test_a_bundle_of_features_says_which_front_end_gives_such_values(bundle: tuple[Path, Ran]) -> None:
    folder, run = bundle
    assert 0 == run.code, run.err
    assert FEATURE_PARAMETERS == parameters_from_tree(open_bundle(folder).manifest.frontend)


def test_without_calibration_raw_scores_are_all_there_is_and_the_verbs_say_so(
    bundle: tuple[Path, Ran], tmp_path: Path
) -> None:
    folder, run = bundle
    roles = open_bundle(folder).manifest.training["recordings"]
    assert [] == roles["calibration"]
    assert 30 == len(roles["training"]) + len(roles["validation"])
    assert not (folder / CALIBRATION).exists()
    assert "limit (value 1.0)  none" in run.out
    assert f"wheeltapper calibrate {folder} FILES" in run.out
    refused = ran("score", folder, tmp_path / "x.wav")
    assert 2 == refused.code
    assert "no calibration; make one from normal recordings" in refused.err


def test_enough_clips_to_calibrate_with_give_a_calibrated_bundle(tmp_path: Path) -> None:
    np.savez(tmp_path / "toy.npz", **arrays(train=30, calibrate=60))
    out = tmp_path / "bundle"
    run = ran("train", "ae", "--data", tmp_path / "toy.npz", "--out", out, *TINY)
    assert 0 == run.code, run.err
    assert (out / CALIBRATION).exists()
    assert 60 == len(open_bundle(out).manifest.training["recordings"]["calibration"])


@pytest.mark.parametrize(("clips", "role"), [(30, "calibration"), (18, "training")])
def test_too_few_clips_for_a_limit_are_refused_with_what_helps(tmp_path: Path, clips: int, role: str) -> None:
    np.savez(tmp_path / "few.npz", **arrays(train=clips))
    refused = ran("train", "ae", "--data", tmp_path / "few.npz", "--out", tmp_path / "bundle", *TINY)
    assert 2 == refused.code
    assert f"too little sound for {role}" in refused.err
    assert "record more, or do without an alarm limit (`wheeltapper train --no-calibration`)" in refused.err
    assert ["few.npz"] == [path.name for path in tmp_path.iterdir()]


def test_windows_may_be_as_long_as_the_clips_and_few_of_them_suffice(tmp_path: Path) -> None:
    """14 to learn from, 4 unseen: as many as a few-shot set of clips has."""
    np.savez(tmp_path / "few.npz", **arrays(train=18, frames=200))
    out = tmp_path / "bundle"
    words = ("--no-calibration", "--frames", 192, "--head", "steady", "--epochs", 1, "--threads", 1)
    run = ran("train", "dense", "--data", tmp_path / "few.npz", "--out", out, *words)
    assert 0 == run.code, run.err
    assert 192 == open_bundle(out).manifest.frames


def test_clips_are_judged_beside_chance_and_controls(
    bundle: tuple[Path, Ran], features: Path, tmp_path: Path
) -> None:
    run = ran("evaluate", bundle[0], "--features", features, "--out", tmp_path)
    assert 0 == run.code, run.err
    tree = json.loads((tmp_path / "report.json").read_text())["clips"]["toy.npz"]
    assert (10, 8, 30) == (tree["normal"], tree["anomalous"], tree["control_fitted_on_clips"])
    assert ["bundle", "level", "gaussian"] == list(tree["detectors"])
    assert 1.0 == tree["detectors"]["bundle"]["auc"] == tree["detectors"]["gaussian"]["auc"]
    assert "the control 'gaussian' separates the clips as well as the bundle" in run.out
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    again = auc([line["anomaly"] for line in lines], [line["mean"]["level"] for line in lines])
    assert again == tree["detectors"]["level"]["auc"]
    page = (tmp_path / "report.html").read_text()
    HTMLParser().feed(page)
    assert 2 == page.count("<svg")
    assert "pAUC of clips" in page


def test_a_clips_score_is_the_mean_of_its_windows_and_the_highest_is_theirs(
    bundle: tuple[Path, Ran], features: Path
) -> None:
    with contextlib.closing(open_engine(open_bundle(bundle[0]))) as engine:
        scores = judge_clips(features, engine).scores["bundle"]
        clip = np.load(features)["logmel_db"][-1].astype(np.float32) / np.float32(10)
        windows = [
            engine.infer(clip[None, first : first + 64].transpose(0, 2, 1).copy())
            for first in range(0, 137, 32)
        ]
    raw = [float(window.score[0]) for window in windows]
    assert scores.highest is not None
    assert (np.mean(raw), max(raw)) == pytest.approx((scores.mean[-1], scores.highest[-1]), rel=1e-5)


def test_a_bundle_for_another_front_end_is_not_judged_on_features(features: Path, tmp_path: Path) -> None:
    refused = ran("evaluate", DEMO_BUNDLE, "--features", features, "--out", tmp_path)
    assert 2 == refused.code
    assert "was trained on log-mel of another kind" in refused.err
    assert [] == list(tmp_path.iterdir())


def test_a_set_with_one_class_only_cannot_be_judged(bundle: tuple[Path, Ran], tmp_path: Path) -> None:
    path = saved(tmp_path / "normal.npz", anomaly=np.zeros(48, bool))
    with (
        contextlib.closing(open_engine(open_bundle(bundle[0]))) as engine,
        pytest.raises(NoSoundError, match="has 18 normal and 0 anomalous clips with role test"),
    ):
        judge_clips(path, engine)


WHOLE = arrays(train=30)["logmel_db"]
HOLE = WHOLE.copy()
HOLE[7, 3, 2] = np.nan


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"role": None, "split": np.zeros(48)}, r"lacks the keys role \(it has split\); add them"),
        ({"logmel_db": WHOLE[0]}, r"logmel_db is float16 \(200, 128\); give floats \(clips, frames, mel\)"),
        ({"logmel_db": WHOLE.astype(np.int16)}, "logmel_db is int16"),
        ({"logmel_db": HOLE}, "of 1 clips, such as clip_007, is not finite"),
        ({"logmel_db": WHOLE / np.float16(10)}, "which is not dB; give 10 log10"),
        ({"logmel_db": 10 ** (WHOLE.astype(np.float64) / 10 + 6)}, "which is not dB"),
        ({"role": np.array(["train"] * 3)}, r"role has shape \(3,\) for 48 clips; give one a clip"),
        ({"anomaly": np.zeros(48)}, "anomaly is float64; give bool"),
        ({"name": np.array(["same"] * 48)}, "two clips are called same"),
        ({"name": np.array([None] * 48)}, "cannot be read as .npz"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_key_and_value(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        clips_of_file(saved(tmp_path / "odd.npz", **changes))


def test_a_file_that_is_no_npz_or_damaged_is_refused(features: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content in (b"", b"no zip", features.read_bytes()[:1000]):
        path.write_bytes(content)
        with pytest.raises(TrainingError, match=r"cannot be read as \.npz"):
            clips_of_file(path)
    with path.open("wb") as file:
        np.save(file, WHOLE)
    with pytest.raises(TrainingError, match="is one array"):
        clips_of_file(path)
    with pytest.raises(TrainingError, match=r"cannot be read as \.npz"):
        clips_of_file(tmp_path / "nowhere.npz")


def test_sound_and_features_do_not_mix_and_a_clip_serves_once(features: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be mixed"):
        gather_clips([features, tmp_path])
    with pytest.raises(TrainingError, match="a clip called clip_000 was given before"):
        gather_clips([features, features])
    with pytest.raises(NoSoundError, match=r"nothing to train on \(40 with role test; 8 with label"):
        gather_clips([saved(tmp_path / "none.npz", role=np.full(48, "test"))])


def test_clips_shorter_than_a_window_are_named_and_other_bands_refused(tmp_path: Path) -> None:
    clips = {"short": np.zeros((63, 8), np.float32), "long": np.zeros((64, 8), np.float32)}
    store = store_of_clips(tmp_path / "rows", clips)
    assert (("long",), ["short"]) == (store.recordings, [item.recording for item in store.skipped])
    with pytest.raises(NoSoundError, match="none of 1 clips has the 64 frames of a window"):
        store_of_clips(tmp_path / "rows", {"short": clips["short"]})
    with pytest.raises(TrainingError, match="8 or 9 mel bands"):
        store_of_clips(tmp_path / "rows", {**clips, "wide": np.zeros((64, 9), np.float32)})


@pytest.mark.parametrize("words", [("--calibrate", "x.npz"), ("--set-aside",)])
def test_no_calibration_contradicts_what_calibrates(
    features: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    refused = ran(
        "train", "ae", "--data", features, "--no-calibration", *words, "--out", tmp_path / "b", *TINY
    )
    assert 2 == refused.code
    assert "goes with neither --calibrate nor --set-aside" in refused.err


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "expected"), [("id_04", 0.999), ("id_01", 0.848), ("id_02", 0.741)])
def test_the_gaussian_control_is_that_of_the_benchmark(
    bundle: tuple[Path, Ran], name: str, expected: float
) -> None:
    path = TOYCAR / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not here: evaluation data that is not shipped")
    with contextlib.closing(open_engine(open_bundle(bundle[0]))) as engine:
        judged = judge_clips(path, engine)
    found = judged.figures["gaussian"].auc
    assert found is not None
    assert expected == round(found, 3)
