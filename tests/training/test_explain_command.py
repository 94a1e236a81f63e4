"""`wheeltapper explain` says what made a score, and how far that can be trusted, or why it cannot."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, WIDTHS, tiny_card, tiny_detector, tiny_windows

from engines.build.export import export_bundle
from engines.bundle import WEIGHTS, Bundle, write_manifest
from monitor.__main__ import main
from training.evaluation.truth import Event, LabelledFile, events_of_truth
from training.explain import ATTRIBUTIONS, OURS, PAPER, AttributionSettings, Objective
from training.explain.answers import INPAINTED, Judge, engine_of_objective, models_of_objective
from training.explain.clips import (
    Cut,
    clips_around_events,
    cutter_of_bundle,
    most_unusual_clips,
    thinned_clips,
    windows_of_clip,
)
from training.rebuilt import detector_of_bundle

RATE_HZ = PARAMETERS.sample_rate_hz
SECONDS = 48
ONSETS_S = (20.0, 33.0)
LENGTH_S = 1.5
FEW = "error_map,saliency,gradcam"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def ran(*words: str | Path) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    threads = torch.get_num_threads()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    torch.set_num_threads(threads)
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    notes = {"widths": list(WIDTHS), "patch": [4, 4], "head": {"name": "mean"}}
    card = replace(tiny_card("mae"), training=notes)
    folder = tmp_path_factory.mktemp("explain") / "bundle"
    return export_bundle(folder, tiny_detector("mae", head="mean"), card, tiny_windows(36, seed=1))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of hiss; in the first two louder stretches, as truth.csv says."""
    folder = tmp_path_factory.mktemp("sound")
    for seed, name in enumerate(("a.flac", "b.flac")):
        samples = 0.01 * np.random.default_rng(seed).standard_normal(SECONDS * RATE_HZ)
        for onset_s in ONSETS_S if name == "a.flac" else ():
            at = round(onset_s * RATE_HZ)
            samples[at : at + round(LENGTH_S * RATE_HZ)] *= 8.0
        soundfile.write(folder / name, samples, RATE_HZ)
    lines = [f"a.flac,{onset_s},{onset_s + LENGTH_S},hiss,6" for onset_s in ONSETS_S]
    (folder / "truth.csv").write_text("\n".join(["file,onset_s,offset_s,kind,snr_db", *lines]) + "\n")
    return folder


def cut(bundle: Bundle, sound: Path, seed: int = 1) -> Cut:
    files = [LabelledFile(name, sound / name, anomaly=False, kind="") for name in ("a.flac", "b.flac")]
    events = events_of_truth(sound / "truth.csv")
    return clips_around_events(files, events, cutter_of_bundle(bundle.folder, seed=seed))


def test_a_clip_holds_its_event_wherever_that_lies_and_normal_ones_hold_none(
    bundle: Bundle, sound: Path
) -> None:
    clips = cut(bundle, sound).clips
    clip_s = clips[0].logmel.shape[1] * PARAMETERS.hop_s
    assert 10.0 == pytest.approx(clip_s, abs=0.2)
    found = [(clip.file, clip.anomalous) for clip in clips]
    assert [("a.flac", False), ("a.flac", True), ("a.flac", True), ("b.flac", False)] == sorted(found)
    for onset_s, clip in zip(ONSETS_S, [clip for clip in clips if clip.anomalous], strict=True):
        assert clip.start_s <= onset_s
        assert onset_s + LENGTH_S <= clip.start_s + clip_s
        at = round((onset_s - clip.start_s) / PARAMETERS.hop_s)
        assert clip.logmel[:, at + 10].mean() > clip.logmel[:, at - 10].mean() + 1.0
    normal = next(clip for clip in clips if clip.file == "a.flac" and not clip.anomalous)
    assert normal.start_s + clip_s < ONSETS_S[0]


def test_where_an_event_lies_in_its_clip_is_drawn_by_lot(bundle: Bundle, sound: Path) -> None:
    found = [cut(bundle, sound, seed).clips for seed in range(6)]
    assert len({clips[1].start_s for clips in found}) > 2
    for clips in found:
        for onset_s, clip in zip(ONSETS_S, [clip for clip in clips if clip.anomalous], strict=True):
            assert clip.start_s <= onset_s + PARAMETERS.hop_s
            end_s = clip.start_s + clip.logmel.shape[1] * PARAMETERS.hop_s
            assert onset_s + LENGTH_S <= end_s + PARAMETERS.hop_s
    assert cut(bundle, sound, 2).clips[1].start_s == cut(bundle, sound, 2).clips[1].start_s


def test_an_event_that_begins_in_the_clip_of_another_gets_none_of_its_own(
    bundle: Bundle, sound: Path
) -> None:
    files = [LabelledFile("a.flac", sound / "a.flac", anomaly=False, kind="")]
    events = {"a.flac": [Event(20.0, 20.5, "x", None), Event(20.2, 40.0, "y", None)]}
    clips = clips_around_events(files, events, cutter_of_bundle(bundle.folder)).clips
    assert 1 == sum(clip.anomalous for clip in clips)


def test_the_most_unusual_clips_are_those_with_the_loudest_window(bundle: Bundle, sound: Path) -> None:
    files = [LabelledFile(name, sound / name, anomaly=False, kind="") for name in ("b.flac", "a.flac")]
    cutter = cutter_of_bundle(bundle.folder)
    found = most_unusual_clips(files, cutter, lambda x: x.mean((1, 2)), 2).clips
    assert {"a.flac"} == {clip.file for clip in found}
    assert (MEL, cutter.windows * FRAMES) == found[0].logmel.shape
    windows = windows_of_clip(found[0], FRAMES)
    np.testing.assert_array_equal(found[0].logmel[:, FRAMES : 2 * FRAMES], windows[1])


def test_thinning_takes_so_many_of_each_in_order(bundle: Bundle, sound: Path) -> None:
    clips = cut(bundle, sound).clips
    thinned = thinned_clips(clips, anomalous=1, normal=1, seed=3)
    assert [False, True] == sorted(clip.anomalous for clip in thinned)
    assert thinned == [clip for clip in clips if any(clip is kept for kept in thinned)]


@pytest.mark.parametrize("settings", [PAPER, OURS], ids=["paper", "ours"])
def test_onnx_runtime_answers_as_the_objective_does(bundle: Bundle, settings: AttributionSettings) -> None:
    objective = Objective(detector_of_bundle(bundle), settings)
    values = objective.values_arrays(tiny_windows(5, seed=3))
    found = engine_of_objective(objective, bundle).infer(values)
    np.testing.assert_allclose(objective.score_arrays(values), found.score, rtol=1e-4)
    np.testing.assert_allclose(
        objective.reconstruction_arrays(values), found.reconstruction, rtol=1e-3, atol=1e-4
    )


def test_a_judge_answers_in_the_units_of_the_model_under_test(bundle: Bundle) -> None:
    detector = detector_of_bundle(bundle)
    ours, paper = Objective(detector, OURS), Objective(detector, PAPER)
    models = models_of_objective(ours, bundle, Judge(detector, bundle))
    logmel = tiny_windows(3, seed=4)
    expected = ours.values_arrays(paper.reconstruction_arrays(logmel))
    np.testing.assert_allclose(expected, models.judge(ours.values_arrays(logmel)), rtol=1e-3, atol=1e-4)


def test_inpainting_does_not_look_at_what_it_fills_in(bundle: Bundle) -> None:
    objective = Objective(detector_of_bundle(bundle), PAPER)
    impute = models_of_objective(objective, bundle).imputers[INPAINTED]
    values, hidden = tiny_windows(2, seed=5), np.zeros((2, MEL, FRAMES), bool)
    hidden[:, :, 8:12] = True
    changed = np.where(hidden, 9.0, values).astype(np.float32)
    np.testing.assert_allclose(impute(values, hidden), impute(changed, hidden), rtol=1e-5, atol=1e-6)
    assert not np.allclose(impute(values, hidden), impute(values + 1.0, hidden))


def test_with_the_truth_every_method_stands_beside_chance(
    bundle: Bundle, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.explain.clips.CLIP_S", 4.0)  # a third of the work
    words = ("--truth", sound / "truth.csv", "--clips", "1", "--out", tmp_path / "r")
    done = ran("explain", bundle.folder, sound / "a.flac", sound / "b.flac", *words)
    assert 0 == done.code, done.err
    assert "random stretches" in done.out
    tree = json.loads((tmp_path / "r" / "explanation.json").read_text())
    assert [*ATTRIBUTIONS] == tree["methods"]
    rows = [row["name"] for row in tree["faithfulness"]["rows"]]
    assert [*ATTRIBUTIONS, "random", "random_smoothed", "oracle"] == rows
    assert 1 == tree["faithfulness"]["anomalous"] == tree["faithfulness"]["normal"]
    assert bundle.bundle_id == tree["judged_by"] == tree["bundle"]
    assert tree["completeness_gap"] < 0.1
    wrong = next(clip for clip in tree["clips"] if clip["anomalous"])
    assert "hiss" == wrong["events"][0]["kind"]
    assert {len(curve) for curve in wrong["curves"].values()} == {16 * FRAMES}
    by_name = {row["name"]: row for row in tree["faithfulness"]["rows"]}
    assert by_name["error_map"]["figures"]["frame_auc"]["value"] > 0.9
    assert abs(by_name["random"]["figures"]["frame_auc"]["value"] - 0.5) < 0.1
    page = (tmp_path / "r" / "explanation.html").read_text()
    assert 2 * (len(ATTRIBUTIONS) + 2) == page.count('src="data:image/png')
    assert "http" not in page.replace("http://www.w3.org", "")
    assert all(method.title in page for method in ATTRIBUTIONS.values())


def test_without_the_truth_the_most_unusual_clips_are_shown_and_no_figures(
    bundle: Bundle, sound: Path, tmp_path: Path
) -> None:
    words = ("--clips", "1", "--methods", FEW, "--settings", "paper", "--out", tmp_path / "r")
    done = ran("explain", bundle.folder, sound / "a.flac", *words)
    assert 0 == done.code, done.err
    tree = json.loads((tmp_path / "r" / "explanation.json").read_text())
    assert tree["faithfulness"] is None
    assert "give --truth truth.csv" in tree["no_faithfulness_because"]
    assert FEW.split(",") == tree["methods"]
    (clip,) = tree["clips"]
    assert any(clip["start_s"] < onset_s < clip["end_s"] for onset_s in ONSETS_S)


def test_a_bundle_without_weights_is_refused_with_the_remedy(
    bundle: Bundle, sound: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(bundle.folder, old)
    files = {name: entry for name, entry in bundle.manifest.files.items() if name != WEIGHTS}
    write_manifest(old, replace(bundle.manifest, files=files))
    done = ran("explain", old, sound / "a.flac", "--out", tmp_path / "r")
    assert 2 == done.code
    assert "train it anew" in done.err
    assert not (tmp_path / "r").exists()


def test_a_file_that_cannot_be_read_is_named_and_stops_nothing(
    bundle: Bundle, sound: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    words = ("--clips", "1", "--methods", "error_map", "--out", tmp_path / "r")
    done = ran("explain", bundle.folder, sound / "a.flac", tmp_path / "broken.wav", *words)
    assert 1 == done.code
    assert "broken.wav" in done.err
    assert "broken.wav" in (tmp_path / "r" / "explanation.html").read_text()


def test_a_judge_that_cannot_fill_in_is_refused(bundle: Bundle, sound: Path, tmp_path: Path) -> None:
    card = replace(tiny_card("ae"), training={"widths": list(WIDTHS), "head": {"name": "mean"}})
    ae = export_bundle(tmp_path / "ae", tiny_detector("ae", head="mean"), card, tiny_windows(36, seed=1))
    words = ("--judge", ae.folder, "--methods", "error_map", "--out", tmp_path / "r")
    done = ran("explain", bundle.folder, sound / "a.flac", *words)
    assert 2 == done.code
    assert "give a bundle of kind mae" in done.err


def test_methods_that_nobody_knows_are_refused(bundle: Bundle, sound: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        ran("explain", bundle.folder, sound / "a.flac", "--methods", "lime", "--out", tmp_path)


def test_no_method_that_is_defined_is_refused(sound: Path, tmp_path: Path) -> None:
    card = replace(tiny_card("dense"), training={"widths": list(WIDTHS), "head": {"name": "mean"}})
    windows = tiny_windows(36, seed=1)
    dense = export_bundle(tmp_path / "dense", tiny_detector("dense", head="mean"), card, windows)
    words = ("--methods", "gradcam", "--out", tmp_path / "r")
    done = ran("explain", dense.folder, sound / "a.flac", *words)
    assert 2 == done.code
    assert "none is defined for kind dense" in done.err
