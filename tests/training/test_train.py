"""Training is repeatable, learns, stops early, and keeps its best weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, tiny_model
from torch import Tensor

from training.data import LogMelStore, Run
from training.errors import NoSoundError
from training.losses import absolute_error, mean_over, squared_error
from training.models.reconstructor import Reconstructor
from training.seeding import seed_everything
from training.train import TrainingSettings, standardiser_of_store, train_reconstructor

SETTINGS = TrainingSettings(epochs=4, batch_windows=16, hop_frames=8)
SPLIT = (("a", "b"), ("c",))


@pytest.fixture
def store(tmp_path: Path) -> LogMelStore:
    """Three recordings of a tone that wanders over the bands, so that there is something to learn."""
    draws = np.random.default_rng(0)
    frames = 3 * 400
    centre = MEL / 2 + 5 * np.sin(np.arange(frames) / 40)
    bands = np.exp(-0.5 * np.square(np.arange(MEL) - centre[:, None]) / 4)
    rows = (bands + 0.1 * draws.standard_normal((frames, MEL))).astype(np.float32)
    path = tmp_path / "rows"
    path.write_bytes(rows.tobytes())
    runs = [Run(name, 400 * i, 400 * (i + 1)) for i, name in enumerate("abc")]
    return LogMelStore(path, PARAMETERS, runs, (), frames=FRAMES)


def trained(store: LogMelStore, kind: str, settings: TrainingSettings) -> tuple[Reconstructor, list[float]]:
    seed_everything(settings.seed)
    model = tiny_model(kind)
    history = train_reconstructor(model, standardiser_of_store(store, SPLIT[0]), store, SPLIT, settings)
    return model, [epoch.validation_loss for epoch in history.epochs]


def weights(model: Reconstructor) -> list[Tensor]:
    return list(model.state_dict().values())


@pytest.mark.parametrize("kind", ["ae", "mae"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(store: LogMelStore, kind: str) -> None:
    one, losses = trained(store, kind, SETTINGS)
    other, same_losses = trained(store, kind, SETTINGS)
    assert losses == same_losses
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))
    third, _ = trained(store, kind, replace(SETTINGS, seed=1))
    assert not all(torch.equal(a, b) for a, b in zip(weights(one), weights(third), strict=True))


@pytest.mark.parametrize("kind", ["ae", "mae"])
def test_what_was_learned_holds_on_recordings_that_were_not_trained_on(store: LogMelStore, kind: str) -> None:
    _, losses = trained(store, kind, replace(SETTINGS, epochs=15, learning_rate=5e-3))
    assert min(losses) < 0.6, "in standardised units the mean of each band has a loss of 1"


def test_mixed_precision_learns_as_well_and_keeps_its_weights_in_full(store: LogMelStore) -> None:
    model, losses = trained(
        store, "mae", replace(SETTINGS, epochs=15, learning_rate=5e-3, mixed_precision=True)
    )
    assert min(losses) < 0.6
    assert {torch.float32} == {w.dtype for w in weights(model) if w.is_floating_point()}
    _, exact = trained(store, "mae", replace(SETTINGS, epochs=15, learning_rate=5e-3))
    assert losses != exact, "the flag reaches nothing"


class Worsens(Reconstructor):
    """Its validation loss falls until its third epoch and rises from then on."""

    kind = "worsens"

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs_seen: Tensor
        self.register_buffer("epochs_seen", torch.zeros(()))

    def training_loss(self, x: Tensor, loss: object, generator: torch.Generator) -> Tensor:
        del loss, generator
        if self.training:
            return self.weight.square() + x.mean() * 0.0
        self.epochs_seen = self.epochs_seen + 1
        return (self.epochs_seen - 3.0).abs() + 1.0 + 0.0 * x.mean()

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best_weights(store: LogMelStore) -> None:
    model = Worsens()
    settings = replace(SETTINGS, epochs=50, patience_epochs=4, batch_windows=64)
    history = train_reconstructor(model, standardiser_of_store(store, SPLIT[0]), store, SPLIT, settings)
    assert 2 == history.best_epoch
    assert 1.0 == history.best_validation_loss
    assert 7 == len(history.epochs)
    assert 3.0 == float(model.epochs_seen)


class Draws(Worsens):
    """Its loss is what chance gives it."""

    kind = "draws"

    def training_loss(self, x: Tensor, loss: object, generator: torch.Generator) -> Tensor:
        del loss
        return self.weight * 0.0 + x.mean() * 0.0 + torch.rand((), generator=generator)


def test_chance_is_the_same_in_validation_at_every_epoch_and_another_in_training(store: LogMelStore) -> None:
    history = train_reconstructor(Draws(), standardiser_of_store(store, SPLIT[0]), store, SPLIT, SETTINGS)
    assert 1 == len({epoch.validation_loss for epoch in history.epochs})
    assert 4 == len({epoch.training_loss for epoch in history.epochs})


def test_a_split_without_windows_is_refused(store: LogMelStore) -> None:
    with pytest.raises(NoSoundError, match="have no window"):
        train_reconstructor(
            tiny_model("ae"), standardiser_of_store(store, "a"), store, (("a",), ("nobody",)), SETTINGS
        )


def test_a_loss_of_hidden_bins_ignores_the_others() -> None:
    target = torch.zeros(1, 2, 2)
    reconstruction = torch.tensor([[[3.0, 100.0], [1.0, 100.0]]])
    hidden = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    assert 5.0 == float(mean_over(squared_error(reconstruction, target), hidden))
    assert 2.0 == float(mean_over(absolute_error(reconstruction, target), hidden))
    assert 51.0 == float(mean_over(absolute_error(reconstruction, target)))
