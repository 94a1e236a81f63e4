"""From normal sound to a calibrated bundle, on a net and a machine small enough for every test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import FRAMES, PARAMETERS, tiny_bundle, tiny_detector, tiny_windows

from engines.build.export import output_of_module
from engines.bundle import Bundle
from engines.golden import check_golden, compare_outputs
from engines.runtime import open_engine
from monitor.calibration import load_calibration
from monitor.config import SimulatedSource
from monitor.errors import TooFewScoresError
from training.bundling import calibrate_bundle, raw_scores, training_notes, write_bundle
from training.commission import train_detector
from training.data import LogMelStore, Run, store_logmel
from training.errors import TrainingError
from training.models import MODELS, ModelDesign, make_model
from training.rebuilt import detector_of_bundle
from training.sound import recording_of_machine
from training.split import Split
from training.train import TrainingSettings

SECONDS = {"train-1": 4.0, "train-2": 4.0, "validation": 3.0, "head": 12.0, "calibration": 4.0}
SETTINGS = TrainingSettings(epochs=1, hop_frames=16)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LogMelStore:
    recordings = [
        recording_of_machine(
            SimulatedSource(
                id="pump", kind="simulated", seed=seed, pace="fast", duration_s=seconds, sample_rate_hz=16_000
            )
        )
        for seed, seconds in enumerate(SECONDS.values(), start=1)
    ]
    path = tmp_path_factory.mktemp("sound") / "logmel"
    return store_logmel(path, recordings, PARAMETERS, frames=FRAMES)


@pytest.fixture(scope="module")
def split(store: LogMelStore) -> Split:
    names = store.recordings
    return Split(names[:2], names[2:3], names[3:4], names[4:])


@pytest.fixture(scope="module", params=sorted(MODELS))
def bundle(
    request: pytest.FixtureRequest, store: LogMelStore, split: Split, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    detector, history = train_detector(ModelDesign(request.param), store, split, SETTINGS)
    notes = training_notes(history, SETTINGS, store, split)
    return write_bundle(tmp_path_factory.mktemp("b") / request.param, detector, store, split, notes)


def noise_store(folder: Path) -> LogMelStore:
    """Ten minutes of a machine that hisses."""
    frames = 75_000
    rows = np.random.default_rng(0).normal(-2, 1, (frames, PARAMETERS.mel_bands)).astype(np.float32)
    path = folder / "noise"
    path.write_bytes(rows.tobytes())
    return LogMelStore(path, PARAMETERS, [Run("noise", 0, frames)], (), frames=FRAMES)


def test_every_kind_trains_exports_and_agrees_with_torch(bundle: Bundle) -> None:
    check_golden(open_engine(bundle), limit=1e-4)
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    assert 1 == bundle.manifest.training["epochs"]
    assert "pump-seed-4" in bundle.manifest.training["recordings"]["head"]


def test_every_kind_comes_back_from_its_bundle_as_a_torch_module(bundle: Bundle) -> None:
    windows = tiny_windows(5, seed=4)
    found = output_of_module(detector_of_bundle(bundle), windows)
    parity = compare_outputs(open_engine(bundle).infer(windows), found)
    assert all(row.max_relative < 1e-4 for row in parity), parity


@pytest.mark.parametrize("n", [1, 5])
def test_every_kind_scores_any_number_of_windows_one_by_one(bundle: Bundle, n: int) -> None:
    engine = open_engine(bundle)
    windows = tiny_windows(n)
    scores = engine.infer(windows).score
    assert (n,) == scores.shape
    alone = [float(engine.infer(window[None]).score[0]) for window in windows]
    np.testing.assert_allclose(scores, alone, rtol=1e-3, atol=1e-3)


def test_sound_with_more_energy_in_some_bands_scores_above_all_normal_sound(
    bundle: Bundle, store: LogMelStore, split: Split
) -> None:
    engine = open_engine(bundle)
    (normal,) = raw_scores(engine, store, split.validation)
    windows = store.windows(store.window_starts(hop_frames=64, recordings=split.validation))
    windows[:, 8:12] += 1.0  # ten decibels more in some bands
    assert engine.infer(windows).score.min() > normal.max() + 1.0


@pytest.mark.slow
def test_calibration_belongs_to_the_bundle_and_is_sealed_in_it(bundle: Bundle, tmp_path: Path) -> None:
    calibrated, calibration = calibrate_bundle(
        bundle, noise_store(tmp_path), ["noise"], fitted_utc_s=0.0, source="tests"
    )
    assert bundle.bundle_id == calibrated.bundle_id
    assert calibration == load_calibration(calibrated.calibration_path, bundle_id=bundle.bundle_id)
    assert "calibration.json" in calibrated.manifest.files
    again, _ = calibrate_bundle(
        calibrated, noise_store(tmp_path), ["noise"], fitted_utc_s=0.0, source="tests"
    )
    assert calibrated.manifest == again.manifest


def test_too_little_sound_is_refused(bundle: Bundle, store: LogMelStore, split: Split) -> None:
    with pytest.raises(TooFewScoresError):
        calibrate_bundle(bundle, store, split.validation, fitted_utc_s=0.0, source="tests")


def test_scores_of_a_broken_recording_have_a_gap_where_it_breaks(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(-2, 1, (400, PARAMETERS.mel_bands)).astype(np.float32)
    path = tmp_path / "rows"
    path.write_bytes(rows.tobytes())
    runs = [Run("a", 0, 3 * FRAMES), Run("a", 200, 200 + 2 * FRAMES), Run("b", 300, 300 + FRAMES)]
    broken = LogMelStore(path, PARAMETERS, runs, (), frames=FRAMES)
    scores = raw_scores(open_engine(tiny_bundle(tmp_path / "bundle")), broken, ["a", "b"])
    assert [[False] * 3 + [True] + [False] * 2, [False]] == [np.isnan(series).tolist() for series in scores]


@pytest.mark.parametrize(
    "roles",
    [
        (("a", "x"), ("x",), ("b",), ("c",)),
        (("a", "x"), ("b",), ("d",), ("x",)),
        (("a",), ("b",), ("x",), ("x",)),
    ],
)
def test_a_recording_that_serves_twice_is_refused(roles: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(TrainingError, match="recordings x serve twice"):
        Split(*roles)


def test_the_head_may_learn_from_what_the_model_learned_from() -> None:
    split = Split(("a", "b"), ("c",), ("a", "b", "c"), ("d",))
    assert ("a", "b", "c") == split.head


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(TrainingError, match="kind 'gan' is not known; known are ae, mae"):
        make_model(ModelDesign("gan"), mel=128, frames=64)


def test_the_reconstruction_is_in_the_units_of_the_input(store: LogMelStore, split: Split) -> None:
    detector, _ = train_detector(ModelDesign("ae"), store, split, SETTINGS)
    windows = torch.from_numpy(store.windows(store.window_starts(hop_frames=64, recordings=split.validation)))
    with torch.no_grad():
        score, error_map, reconstruction = detector(windows)
    std = detector.standardiser.std
    torch.testing.assert_close(error_map, ((reconstruction - windows) / std).square(), atol=1e-3, rtol=1e-3)
    assert (len(windows),) == tuple(score.shape)


@pytest.mark.parametrize("spread", [0.0, 1e-9])
def test_a_band_that_never_changes_is_not_infinitely_sensitive(spread: float) -> None:
    detector = tiny_detector("ae")
    detector.standardiser.std.fill_(spread)
    build: Callable[[torch.Tensor, torch.Tensor], torch.nn.Module] = type(detector.standardiser)
    standardiser = build(detector.standardiser.mean, detector.standardiser.std)
    moved = standardiser(detector.standardiser.mean.expand(16, FRAMES).unsqueeze(0) + 0.01)
    assert 0.2 == pytest.approx(float(moved.max()), rel=1e-3)
