"""A bundle gives back the torch module that it was exported from, or says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_detector import WIDTHS, tiny_bundle, tiny_card, tiny_detector, tiny_windows
from torch import Tensor

from engines.build.export import export_bundle, output_of_module
from engines.bundle import WEIGHTS, Bundle, entry_of_file, open_bundle, write_manifest
from engines.errors import EngineParityError
from engines.golden import compare_outputs
from engines.runtime import open_engine
from training.detector import Detector
from training.errors import TrainingError
from training.heads import HEADS, HeadSound, choose_head
from training.models import ModelDesign
from training.models.dra import DraDetector
from training.models.mae import MaskedAutoencoder
from training.models.reconstructor import Comparison, TrainingSound
from training.rebuilt import detector_of_bundle, notes_of_design

NOTES = {"widths": list(WIDTHS), "patch": [4, 4]}


def with_head(detector: Detector, name: str) -> Detector:
    """The detector with a head of that name, fitted on noise."""

    def comparisons(seed: int) -> list[Comparison]:
        return [detector.compare(torch.from_numpy(tiny_windows(60, seed=seed)))]

    sound = HeadSound(lambda: iter(comparisons(2)), lambda: iter(comparisons(3)), lambda: iter(()))
    with torch.no_grad():
        detector.head = choose_head(sound, name).head
    return detector.eval()


def bundle_with(folder: Path, detector: Detector, notes: Mapping[str, object]) -> Bundle:
    card = replace(tiny_card(detector.reconstructor.kind), training=notes)
    return export_bundle(folder, detector, card, tiny_windows(36, seed=1))


def strays(bundle: Bundle) -> float:
    """How far the rebuilt module and ONNX Runtime are apart, on windows that neither has seen."""
    windows = tiny_windows(7, seed=11)
    found = output_of_module(detector_of_bundle(bundle), windows)
    return max(row.max_relative for row in compare_outputs(open_engine(bundle).infer(windows), found))


@pytest.mark.parametrize("head", HEADS)
def test_a_bundle_comes_back_with_its_head(tmp_path: Path, head: str) -> None:
    kind = "dra" if head == "verdict" else "mae"
    notes = {"widths": list(WIDTHS), "head": {"name": head}, **({"patch": [4, 4]} if kind == "mae" else {})}
    bundle = bundle_with(tmp_path / "b", with_head(tiny_detector(kind), head), notes)
    assert strays(bundle) < 1e-4


def test_a_masked_autoencoder_that_was_scored_unmasked_comes_back_so(tmp_path: Path) -> None:
    detector = tiny_detector("mae", head="mean")
    assert isinstance(detector.reconstructor, MaskedAutoencoder)
    detector.reconstructor.scored = "unmasked"
    notes = NOTES | {"head": {"name": "mean"}, "scored": "unmasked"}
    assert strays(bundle_with(tmp_path / "b", detector, notes)) < 1e-4


def test_dra_comes_back_with_the_head_that_saw_labelled_anomalies(tmp_path: Path) -> None:
    detector = tiny_detector("dra", head="mean")
    model = detector.reconstructor
    assert isinstance(model, DraDetector)
    noise: Tensor = detector.standardiser(torch.from_numpy(tiny_windows(12)))
    model.take_in(TrainingSound(detector.standardiser.mean, detector.standardiser.std, noise, noise[:2]))
    with torch.no_grad():
        model.settle(lambda: iter((noise,)))
    notes = {"widths": list(WIDTHS), "head": {"name": "verdict"}, "seen_head": True}
    assert strays(bundle_with(tmp_path / "b", with_head(detector, "verdict"), notes)) < 1e-4


def test_the_notes_of_a_design_name_what_it_is_made_by() -> None:
    detector = tiny_detector("dra")
    notes = notes_of_design(ModelDesign("dra", (4, 8), deviation="squared"), detector.reconstructor)
    assert {"widths": [4, 8], "deviation": "squared", "seen_head": False} == notes


def test_a_bundle_without_weights_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "b")
    files = {name: entry for name, entry in bundle.manifest.files.items() if name != WEIGHTS}
    write_manifest(bundle.folder, replace(bundle.manifest, files=files))
    with pytest.raises(TrainingError, match=r"holds no weights\.safetensors.*train it anew"):
        detector_of_bundle(open_bundle(bundle.folder))


def test_weights_that_are_not_those_of_the_graph_are_refused_with_numbers(tmp_path: Path) -> None:
    notes = NOTES | {"head": {"name": "mean"}}
    bundle = bundle_with(tmp_path / "b", tiny_detector("mae", head="mean"), notes)
    other = tiny_detector("mae", head="mean")
    with torch.no_grad():
        next(other.reconstructor.parameters()).mul_(1.5)
    stranger = bundle_with(tmp_path / "other", other, notes)
    (stranger.folder / WEIGHTS).replace(bundle.folder / WEIGHTS)
    files = {**bundle.manifest.files, WEIGHTS: entry_of_file(bundle.folder / WEIGHTS)}
    write_manifest(bundle.folder, replace(bundle.manifest, files=files))
    with pytest.raises(EngineParityError, match=r"rebuilt from mae-.* strays .* score 0\.\d"):
        detector_of_bundle(open_bundle(bundle.folder))


def test_weights_of_other_sizes_than_the_manifest_says_are_refused(tmp_path: Path) -> None:
    notes = {"widths": [8, 8], "head": {"name": "mean"}}
    bundle = bundle_with(tmp_path / "b", tiny_detector("mae", head="mean"), notes)
    with pytest.raises(TrainingError, match=r"does not fit the mae that the manifest describes"):
        detector_of_bundle(bundle)


def test_the_same_module_gives_the_same_weights_file(tmp_path: Path) -> None:
    one, other = (tiny_bundle(tmp_path / name) for name in "ab")
    assert one.manifest.files[WEIGHTS] == other.manifest.files[WEIGHTS]
    tree = json.loads((one.folder / "manifest.json").read_text())
    assert tree["files"][WEIGHTS]["size_bytes"] == (one.folder / WEIGHTS).stat().st_size
