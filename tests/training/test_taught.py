"""A recipe that is taught by labels finds them softer too, and what nobody labelled as it did before."""

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
from training.data import LogMelStore, Run
from training.errors import TrainingError
from training.heads import MeanError
from training.heads.labelled import RaisedByLabels, fit_raised_by_labels
from training.models import Comparison, ModelDesign
from training.models.taught import TaughtDetector
from training.pseudo.blends import blended
from training.rebuilt import module_of_manifest, notes_of_design
from training.split import Split
from training.taught import passes_of_judge, taught_detector, train_judge, train_taught
from training.train import TrainingSettings

BAND = slice(10, 13)
DESIGN = ModelDesign("mdae", (4, 8))
SPLIT = Split(("a", "b"), ("c",), ("a", "b", "c"), ())
SETTINGS = TrainingSettings(epochs=2, batch_windows=8, hop_frames=8)


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


def test_a_blend_keeps_a_part_of_one_window_and_fills_up_with_another() -> None:
    windows, others = torch.zeros(400, 2, 2), torch.full((400, 2, 2), -3.0)
    mixed = blended(windows, others, torch.Generator().manual_seed(0), 0.1)
    share = 10.0 ** mixed[:, 0, 0]
    assert 0.1 - 0.01 <= float(share.min()) < 0.15
    assert 1.0 == pytest.approx(float(share.max()))
    assert 1 / 3 == pytest.approx(float((share > 0.999).float().mean()), abs=0.1)
    assert torch.equal(mixed, blended(windows, others, torch.Generator().manual_seed(0), 0.1))


def test_a_judge_raises_scores_and_never_lowers_one() -> None:
    maps = torch.rand(200, MEL, FRAMES, generator=torch.Generator().manual_seed(1))
    verdicts = torch.linspace(-3.0, 3.0, 200)
    found = Comparison(maps, maps, maps, verdicts)
    head = fit_raised_by_labels(MeanError(), iter([found]))
    plain, raised = MeanError()(found), head(found)
    assert bool((raised >= plain).all())
    assert 0.05 == pytest.approx(float((raised > plain).float().mean()), abs=0.01), "as rare as it was fitted"
    loud = found._replace(verdict=verdicts + 100.0)
    assert float(head(loud).min()) > float(plain.max())
    with pytest.raises(TrainingError, match="no judge"):
        RaisedByLabels(MeanError())(found._replace(verdict=None))
    with pytest.raises(TrainingError, match="too few"):
        fit_raised_by_labels(MeanError(), iter([]))


@pytest.mark.parametrize(("minutes", "passes"), [(1.0, 6), (10.0, 6), (30.0, 2), (6000.0, 1)])
def test_a_judge_passes_less_often_over_more_sound(minutes: float, passes: int) -> None:
    assert passes == passes_of_judge(minutes)


def test_what_is_taught_knows_its_label_softer_and_is_one_graph_that_comes_back(tmp_path: Path) -> None:
    store = store_of(tmp_path, {name: normal(1024, seed) for seed, name in enumerate("abc")})
    labelled = store_of(tmp_path, {"x": with_whine(normal(256, 9), 3.0)}, "anomalies.f32")
    with pytest.raises(TrainingError, match="learns from labelled anomalies"):
        train_taught(DESIGN, store, SPLIT, SETTINGS)
    detector, history = train_taught(
        ModelDesign("taught", (4, 8)), store, SPLIT, SETTINGS, keep_in=tmp_path, anomalies=labelled
    )
    assert 2 == len(history.epochs)
    assert (tmp_path / "judge" / "checkpoint.json").is_file()
    assert isinstance(detector.reconstructor, TaughtDetector)
    windows = tiny_windows(40, seed=77)
    soft = windows.copy()
    soft[:, BAND] += 1.5
    with torch.no_grad():
        verdicts = [detector.compare(torch.from_numpy(one)).verdict for one in (windows, soft)]
        answers = detector(torch.from_numpy(windows))
    assert verdicts[0] is not None
    assert verdicts[1] is not None
    assert float((verdicts[1] > verdicts[0].quantile(0.9)).float().mean()) > 0.9
    assert detector.design is not None
    assert detector.chosen_head is not None
    notes = notes_of_design(detector.design, detector.reconstructor)
    card = replace(tiny_card("taught"), training={**notes, "head": {"name": detector.chosen_head.name}})
    bundle = export_bundle(tmp_path / "bundle", detector, card, windows[:36])
    found = open_engine(bundle).infer(windows)
    np.testing.assert_allclose(answers[0].numpy(), found.score, rtol=1e-3, atol=1e-3)
    again = module_of_manifest(bundle.manifest)
    again.load_state_dict(detector.state_dict())
    with torch.no_grad():
        assert torch.equal(answers[0], again(torch.from_numpy(windows))[0])


def test_only_the_recipe_can_be_taught(tmp_path: Path) -> None:
    store = store_of(tmp_path, {name: normal(256, seed) for seed, name in enumerate("abc")})
    judge = train_judge(DESIGN, store, SPLIT, SETTINGS)
    with pytest.raises(TrainingError, match="give mdae and dra"):
        taught_detector(judge, judge, store, SPLIT)
