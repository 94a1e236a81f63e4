"""A recipe that is taught by labels takes them out of other sound too, softer; its net stays the recipe's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, tiny_card, tiny_windows

from engines.build.export import export_bundle
from engines.runtime import open_engine
from monitor.messages import Float32
from training.commission import train_detector
from training.data import LogMelStore, Run
from training.detector import Detector
from training.errors import TrainingError
from training.models import ModelDesign
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.taught import TaughtDetector
from training.pseudo.draws import Draws
from training.pseudo.labelled import LEAST_EXCESS, MOST_BANDS, excess_power, with_labelled
from training.rebuilt import module_of_manifest, notes_of_design
from training.split import Split
from training.state import Checkpoint, TrainingState
from training.taught import passes_of_lesson, teach_labels, train_taught
from training.train import TrainingSettings

BAND = slice(10, 13)
DESIGN = ModelDesign("mdae", (4, 8))
SPLIT = Split(("a", "b"), ("c",), ("a", "b", "c"), ())
SETTINGS = TrainingSettings(epochs=12, batch_windows=8, hop_frames=8, patience_epochs=12)


def normal(seconds_of_frames: int, seed: int) -> Float32:
    """Rows of noise, shape (frames, mel)."""
    return np.concatenate(list(tiny_windows(seconds_of_frames // FRAMES, seed=seed).transpose(0, 2, 1)))


def store_of(folder: Path, rows: dict[str, Float32], name: str = "logmel.f32") -> LogMelStore:
    path, at, runs = folder / name, 0, []
    with path.open("wb") as file:
        for recording, values in rows.items():
            file.write(np.ascontiguousarray(values, np.float32).tobytes())
            runs.append(Run(recording, at, at + len(values)))
            at += len(values)
    return LogMelStore(path, PARAMETERS, runs, [], frames=FRAMES)


def with_whine(rows: Float32, louder: float) -> Float32:
    changed = rows.copy()
    changed[:, BAND] += louder
    return changed


def draws_of(windows: int, seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), windows, torch.device("cpu"))


def test_only_what_is_clearly_above_normal_sound_is_the_labelled_sounds_power() -> None:
    normal_sound = torch.full((1, 2, 2), -3.0)
    windows = normal_sound + torch.tensor([[[0.0, LEAST_EXCESS - 0.01], [-1.0, 1.0]]])
    expected = torch.tensor([[[0.0, 0.0], [0.0, 10.0**-2 - 10.0**-3]]])
    torch.testing.assert_close(expected, excess_power(windows, normal_sound))


def test_a_labelled_sound_comes_elsewhere_at_many_levels_and_never_takes_anything_away() -> None:
    windows = torch.full((300, MEL, FRAMES), -4.0)
    sounds = torch.zeros(2, MEL, FRAMES)
    sounds[0, 4, FRAMES // 2] = sounds[1, 12, FRAMES // 2] = 7.0
    mixed = with_labelled(windows, sounds, draws_of(300))
    assert torch.equal(mixed, with_labelled(windows, sounds, draws_of(300)))
    added = 10.0**mixed - 10.0**windows
    assert float(added.min()) > -1e-9
    there = (added > 1e-8).nonzero()
    assert 300 == pytest.approx(len(there), abs=20), "one bin each, but where it was moved out of the window"
    bands = there[:, 1]
    assert {*range(4 - MOST_BANDS, 5 + MOST_BANDS), *range(12 - MOST_BANDS, 13 + MOST_BANDS)} == {
        *bands.tolist()
    }
    assert there[:, 2].unique().numel() > FRAMES // 2
    levels_db = 10 * torch.log10(added.sum((1, 2))[there[:, 0]] / (MEL * 10.0**-4))
    assert -14 == pytest.approx(float(levels_db.min()), abs=0.5)
    assert 8 == pytest.approx(float(levels_db.max()), abs=0.5)


@pytest.mark.parametrize(("minutes", "passes"), [(1.0, 8), (10.0, 8), (20.0, 4), (6000.0, 2)])
def test_a_lesson_passes_less_often_over_more_sound(minutes: float, passes: int) -> None:
    assert passes == passes_of_lesson(minutes)


def taken_out(detector: Detector, windows: Float32) -> Float32:
    """How much of its whine a window loses, log10, shape (n,)."""
    with torch.no_grad():
        _, _, cleaned = detector(torch.from_numpy(windows))
    lost: Float32 = (windows - cleaned.numpy())[:, BAND].mean((1, 2))
    return lost


def test_what_is_taught_takes_its_label_out_softer_and_is_one_graph_that_comes_back(tmp_path: Path) -> None:
    store = store_of(tmp_path, {name: normal(1024, seed) for seed, name in enumerate("abc")})
    labelled = store_of(tmp_path, {"x": with_whine(normal(256, 9), 1.5)}, "anomalies.f32")
    recipe, _ = train_detector(DESIGN, store, SPLIT, SETTINGS, keep_in=tmp_path)
    detector, history = train_taught(
        replace(DESIGN, kind="taught"), store, SPLIT, SETTINGS, keep_in=tmp_path, anomalies=labelled
    )
    assert SETTINGS.epochs == len(history.epochs)
    assert (tmp_path / "lesson" / "checkpoint.json").is_file()
    net, before = detector.reconstructor, recipe.reconstructor
    assert isinstance(net, TaughtDetector)
    assert isinstance(before, MaskedDenoisingAutoencoder)
    for name, weight in before.masked.state_dict().items():
        assert torch.equal(weight, net.masked.state_dict()[name]), "the masked autoencoder hears no label"
    windows = tiny_windows(40, seed=77)
    soft = windows.copy()
    soft[:, BAND] += 0.5
    gained = taken_out(detector, soft) - taken_out(recipe, soft)
    assert float((gained > 0).mean()) > 0.9
    assert float(np.abs(taken_out(detector, windows)).mean()) < float(taken_out(detector, soft).mean()) / 2
    with torch.no_grad():
        answers = detector(torch.from_numpy(windows))
    assert detector.design is not None
    assert detector.chosen_head is not None
    notes = notes_of_design(detector.design, net)
    card = replace(tiny_card("taught"), training={**notes, "head": {"name": detector.chosen_head.name}})
    bundle = export_bundle(tmp_path / "bundle", detector, card, windows[:36])
    found = open_engine(bundle).infer(windows)
    np.testing.assert_allclose(answers[0].numpy(), found.score, rtol=1e-3, atol=1e-3)
    again = module_of_manifest(bundle.manifest)
    again.load_state_dict(detector.state_dict())
    with torch.no_grad():
        assert torch.equal(answers[0], again(torch.from_numpy(windows))[0])


def test_a_lesson_that_was_cut_short_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(tmp_path, {name: normal(256, seed) for seed, name in enumerate("abc")})
    labelled = store_of(tmp_path, {"x": with_whine(normal(128, 9), 1.5)}, "anomalies.f32")

    def lesson(folder: Path) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        short = replace(SETTINGS, epochs=1)
        found, _ = train_taught(DESIGN, store, SPLIT, short, keep_in=folder, anomalies=labelled)
        return dict(found.state_dict())

    whole = lesson(tmp_path / "whole")
    save = TrainingState.save

    def save_and_stop(state: TrainingState, checkpoint: Checkpoint) -> None:
        save(state, checkpoint)
        if checkpoint.folder.name == "lesson" and 3 == len(state.history):
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingState, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        lesson(tmp_path / "cut")
    monkeypatch.setattr(TrainingState, "save", save)
    for name, weight in lesson(tmp_path / "cut").items():
        assert torch.equal(whole[name], weight), name


def test_what_cannot_be_taught_is_refused(tmp_path: Path) -> None:
    store = store_of(tmp_path, {name: normal(256, seed) for seed, name in enumerate("abc")})
    labelled = store_of(tmp_path, {"x": with_whine(normal(128, 9), 1.5)}, "anomalies.f32")
    short = replace(SETTINGS, epochs=1)
    with pytest.raises(TrainingError, match="there is none; train mdae"):
        train_taught(DESIGN, store, SPLIT, short)
    other, _ = train_detector(ModelDesign("ae", (4, 8)), store, SPLIT, short)
    with pytest.raises(TrainingError, match="a ae cannot be taught by labels; give mdae"):
        teach_labels(other, store, SPLIT, short, labelled)
    deaf, _ = train_detector(DESIGN, store, SPLIT, short)
    assert isinstance(deaf.reconstructor, MaskedDenoisingAutoencoder)
    for weight in deaf.reconstructor.denoiser.cleaner.exit.parameters():
        torch.nn.init.zeros_(weight)
    with pytest.raises(TrainingError, match="hears nothing in the labelled anomalies"):
        teach_labels(deaf, store, SPLIT, short, labelled)
