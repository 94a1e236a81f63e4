"""On a box with an NVIDIA GPU every kind trains there, in mixed precision too; its bundle runs anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from fixtures_verbs import killed_after_two_epochs, ran

from engines.bundle import open_bundle
from training.models import MODELS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no NVIDIA GPU here"),
]
RATE_HZ = 16_000
SOUND_S = {"train/a.wav": 66, "train/b.wav": 66, "train/c.wav": 66, "calibrate/d.wav": 330}
TINY = ("--epochs", "4", "--threads", "1", "--device", "cuda")
OPTIONS = {
    **dict.fromkeys(("ae", "mae", "mdae"), ("--widths", "4,4")),
    **dict.fromkeys(("memae", "dra"), ("--widths", "4,4,4")),
    "hfrae": ("--encoder", "own"),  # the other encoders come in packages of their own
}
"""By kind; the others have sizes of their own."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for seed, (name, seconds) in enumerate(SOUND_S.items()):
        draws = np.random.default_rng(seed)
        level = np.repeat(np.exp(0.2 * draws.standard_normal(4 * seconds)), RATE_HZ // 4)
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, 0.05 * level * draws.standard_normal(seconds * RATE_HZ), RATE_HZ)
    return folder


def words_for(sound: Path, kind: str, out: Path) -> list[str | Path]:
    data = ("--data", sound / "train", "--calibrate", sound / "calibrate")
    return ["train", kind, *data, "--out", out, *TINY, *OPTIONS.get(kind, ())]


@pytest.mark.parametrize("precision", [(), ("--mixed-precision",)], ids=["float32", "mixed"])
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_kind_trains_on_the_gpu_and_scores_without_one(
    sound: Path, tmp_path: Path, kind: str, precision: tuple[str, ...]
) -> None:
    run = ran(*words_for(sound, kind, tmp_path / "fan"), *precision)
    assert 0 == run.code, run.err
    facts = {line[:18].strip(): line[19:] for line in run.out.splitlines()}
    assert float(facts["parity"].split()[0]) < 1e-4
    scored = ran("score", tmp_path / "fan", sound / "calibrate" / "d.wav", "--out", tmp_path / "scores.jsonl")
    assert 0 == scored.code, scored.err


def test_a_training_killed_on_the_gpu_goes_on_there(sound: Path, tmp_path: Path) -> None:
    words = words_for(sound, "mae", tmp_path / "fan")
    killed_after_two_epochs(*words)
    assert not (tmp_path / "fan").exists()
    resumed = ran(*words, "--resume")
    assert 0 == resumed.code, resumed.err
    assert "4, best " in resumed.out
    assert "mae" == open_bundle(tmp_path / "fan").manifest.kind
