"""A checkpoint is the whole state: whoever goes on from it ends where one without a break ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, tiny_model
from torch import Tensor

from training.data import LogMelStore, Run
from training.errors import CheckpointError
from training.models.reconstructor import Reconstructor, TrainingSound
from training.seeding import seed_everything
from training.state import CHECKPOINT, Checkpoint, TrainingHistory, TrainingState
from training.train import TrainingSettings, standardiser_of_store, train_reconstructor

SETTINGS = TrainingSettings(epochs=4, batch_windows=16, hop_frames=8)
SPLIT = (("a", "b"), ("c",))


class Killed(Exception):  # noqa: N818 - a kill is no error
    """Stands for the end of the process: nothing after the save runs."""


@pytest.fixture
def store(tmp_path: Path) -> LogMelStore:
    rows = np.random.default_rng(0).standard_normal((600, MEL)).astype(np.float32)
    path = tmp_path / "rows"
    path.write_bytes(rows.tobytes())
    runs = [Run(name, 200 * i, 200 * (i + 1)) for i, name in enumerate("abc")]
    return LogMelStore(path, PARAMETERS, runs, (), frames=FRAMES)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    (tmp_path / "kept").mkdir()
    return Checkpoint(tmp_path / "kept", {"kind": "tiny", "widths": (4, 8)})


class Drops(torch.nn.Module):
    """Takes its chance from torch's own generator, as dropout does."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.dropout(x, 0.3, self.training)


def fresh_model(kind: str) -> Reconstructor:
    seed_everything(SETTINGS.seed)
    model = tiny_model(kind)
    if kind == "mdae":
        none = torch.zeros(0, MEL, FRAMES)
        model.take_in(TrainingSound(torch.full((MEL, 1), -3.0), torch.full((MEL, 1), 0.3), none, none))
    else:
        model.coder.encoder.append(Drops())  # type: ignore[union-attr,operator]
    return model


def trained(
    store: LogMelStore, kind: str, checkpoint: Checkpoint | None = None
) -> tuple[dict[str, Tensor], TrainingHistory]:
    model = fresh_model(kind)
    standardiser = standardiser_of_store(store, SPLIT[0])
    history = train_reconstructor(model, standardiser, store, SPLIT, SETTINGS, checkpoint)
    return model.state_dict(), history


@pytest.mark.parametrize("kind", ["ae", "mae", "mdae"])
def test_a_training_that_is_killed_after_every_epoch_ends_with_the_same_weights(
    store: LogMelStore, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    weights, history = trained(store, kind)
    save = TrainingState.save

    def save_and_die(state: TrainingState, checkpoint: Checkpoint) -> None:
        save(state, checkpoint)
        raise Killed

    monkeypatch.setattr(TrainingState, "save", save_and_die)
    for _ in range(SETTINGS.epochs):
        torch.rand(7)  # another process has drawn something else
        with pytest.raises(Killed):
            trained(store, kind, checkpoint)
    resumed, its_history = trained(store, kind, checkpoint)
    assert history == its_history
    assert all(torch.equal(tensor, resumed[key]) for key, tensor in weights.items())
    assert 2 == len(list(checkpoint.folder.iterdir())), "older tensors are removed"


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(
    store: LogMelStore, checkpoint: Checkpoint
) -> None:
    trained(store, "ae", checkpoint)
    other = Checkpoint(checkpoint.folder, {"kind": "tiny", "widths": (4, 9)})
    with pytest.raises(CheckpointError, match="was made with other widths; resume with the same"):
        trained(store, "ae", other)


@pytest.mark.parametrize("damage", ["json", "tensors", "field"])
def test_a_damaged_checkpoint_is_refused(store: LogMelStore, checkpoint: Checkpoint, damage: str) -> None:
    trained(store, "ae", checkpoint)
    path = checkpoint.folder / CHECKPOINT
    if damage == "json":
        path.write_text(path.read_text()[:-10])
    elif damage == "tensors":
        (tensors,) = checkpoint.folder.glob("*.safetensors")
        tensors.write_bytes(tensors.read_bytes()[:-10])
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), "draws": {}}))
    with pytest.raises(CheckpointError, match="start anew with --force"):
        trained(store, "ae", checkpoint)
