"""The training loop: AdamW, cosine decay, early stopping on recordings that were not trained on."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from training.data import LogMelStore
from training.detector import Standardiser
from training.errors import NoSoundError
from training.losses import PerBinLoss, squared_error
from training.models.reconstructor import Reconstructor
from training.seeding import seed_everything

VALIDATION_SEED = 7_919
"""Masks of the validation windows are drawn from this at every epoch, so that epochs can be compared."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a model is trained."""

    epochs: int = 20
    """At most so many passes over the training sound; early stopping may end it before."""
    batch_windows: int = 64
    """Windows in one step of the optimiser."""
    hop_frames: int = 32
    """From one training window to the next; the grid is shifted at random each epoch."""
    learning_rate: float = 2e-3
    """At the start; falls to 1 % along a cosine."""
    weight_decay: float = 1e-4
    """AdamW's coefficient: each step shrinks the weights by this times the learning rate."""
    patience_epochs: int = 6
    """Stop when the validation loss has not fallen for so long."""
    gradient_norm_max: float = 5.0
    """A gradient with a longer L2 norm is scaled down to it."""
    seed: int = 0
    """Of first weights, order of windows and masks: same seed, same model."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    loss: PerBinLoss = squared_error
    """Loss of each bin; its mean over the bins that count is what falls."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training sound brought."""

    training_loss: float
    """Mean over its windows, each with the weights of its own step."""
    validation_loss: float
    """Mean over the held-out windows after the pass, with the same masks each time."""


@dataclass(frozen=True, slots=True)
class TrainingHistory:
    """How the training went."""

    epochs: tuple[Epoch, ...]
    """In order; fewer than the settings allow after an early stop."""
    best_epoch: int
    """Index of the epoch whose weights were kept."""

    @property
    def best_validation_loss(self) -> float:
        """The validation loss of the kept weights."""
        return self.epochs[self.best_epoch].validation_loss


def standardiser_of_store(store: LogMelStore, recordings: Collection[str]) -> Standardiser:
    """Return the standardisation per band over these recordings."""
    mean, std = store.band_statistics(recordings)
    return Standardiser(torch.from_numpy(mean), torch.from_numpy(std))


def train_reconstructor(
    model: Reconstructor,
    standardiser: Standardiser,
    store: LogMelStore,
    split: tuple[Collection[str], Collection[str]],
    settings: TrainingSettings,
) -> TrainingHistory:
    """Train `model` in place on the first half of `split` and leave it with the best weights, on the CPU.

    Construct the model after seed_everything(settings.seed): its first weights are drawn there.

    Raises:
        NoSoundError: A half of the split has no window.
    """
    seed_everything(settings.seed)
    training, validation = split
    draws = np.random.default_rng(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    model.to(settings.device)
    standardise = copy.deepcopy(standardiser).to(settings.device)
    held = store.window_starts(hop_frames=store.frames, recordings=validation)
    if not len(held) or not len(store.window_starts(hop_frames=1, recordings=training)):
        raise NoSoundError("the training or the validation recordings have no window; give longer ones")
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.epochs, eta_min=settings.learning_rate / 100
    )
    history: list[Epoch] = []
    best_weights = copy.deepcopy(model.state_dict())
    progress = tqdm(range(settings.epochs), desc=f"training {model.kind}", unit="epoch", disable=None)
    best = 0
    for epoch in progress:
        starts = store.window_starts(
            hop_frames=settings.hop_frames,
            phase=int(draws.integers(settings.hop_frames)),
            recordings=training,
        )
        batches = _batches(store, draws.permutation(starts), standardise, settings)
        training_loss = _train_epoch(model, optimiser, batches, generator, settings)
        schedule.step()
        validation_loss = _validation_loss(model, _batches(store, held, standardise, settings), settings)
        history.append(Epoch(training_loss, validation_loss))
        progress.set_postfix(training=f"{training_loss:.4f}", validation=f"{validation_loss:.4f}")
        if epoch == 0 or validation_loss < history[best].validation_loss:
            best, best_weights = epoch, copy.deepcopy(model.state_dict())
        if epoch - best >= settings.patience_epochs:
            break
    model.load_state_dict(best_weights)
    model.cpu().eval()
    return TrainingHistory(tuple(history), best)


def _batches(
    store: LogMelStore, starts: NDArray[np.int64], standardise: Standardiser, settings: TrainingSettings
) -> Iterator[Tensor]:
    for first in range(0, len(starts), settings.batch_windows):
        windows = store.windows(starts[first : first + settings.batch_windows])
        x: Tensor = standardise(torch.from_numpy(windows).to(settings.device))
        yield x


def _train_epoch(
    model: Reconstructor,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[Tensor],
    generator: torch.Generator,
    settings: TrainingSettings,
) -> float:
    model.train()
    total, windows = 0.0, 0
    for x in batches:
        optimiser.zero_grad(set_to_none=True)
        loss = model.training_loss(x, settings.loss, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm_max)
        optimiser.step()
        total, windows = total + loss.item() * len(x), windows + len(x)
    return total / windows


def _validation_loss(model: Reconstructor, batches: Iterator[Tensor], settings: TrainingSettings) -> float:
    model.eval()
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    total, windows = 0.0, 0
    with torch.no_grad():
        for x in batches:
            total += model.training_loss(x, settings.loss, generator).item() * len(x)
            windows += len(x)
    return total / windows
