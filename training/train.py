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

from monitor.messages import Float32
from training.data import LogMelStore, thinned
from training.detector import Standardiser
from training.errors import NoSoundError
from training.losses import PerBinLoss, make_loss, squared_error
from training.models.reconstructor import Reconstructor
from training.seeding import seed_everything
from training.state import Checkpoint, Epoch, TrainingHistory, TrainingState

VALIDATION_SEED = 7_919
"""Masks of the validation windows are drawn from this at every epoch, so that epochs can be compared."""
PREPARATION_SEED = 104_729
"""Sets what is drawn before the training apart from what is drawn in it."""

LOSS_WINDOWS = 1024
"""From these, spread evenly over the training sound, a loss takes its barrier; 34 MB at 128 x 64."""


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
    mixed_precision: bool = False
    """Multiply in bfloat16 where torch holds it safe (autocast): faster on a GPU; weights stay in float32."""
    loss: PerBinLoss = squared_error
    """Loss of each bin; its mean over the bins that count is what falls."""


def standardiser_of_store(store: LogMelStore, recordings: Collection[str]) -> Standardiser:
    """Return the standardisation per band over these recordings."""
    mean, std = store.band_statistics(recordings)
    return Standardiser(torch.from_numpy(mean), torch.from_numpy(std))


def loss_for_sound(name: str, store: LogMelStore, recordings: Collection[str]) -> PerBinLoss:
    """Return the loss of training.losses.LOSSES, with a barrier for these training recordings if it has one.

    Raises:
        TrainingError: The name is not known.
        NoSoundError: The loss has a barrier and the recordings have no window.
    """

    def magnitudes() -> Float32:
        starts = store.window_starts(hop_frames=store.frames, recordings=recordings)
        if not len(starts):
            raise NoSoundError("the training recordings have no window; give longer ones")
        x = standardiser_of_store(store, recordings)(
            torch.from_numpy(store.windows(thinned(starts, LOSS_WINDOWS)))
        )
        values: Float32 = x.abs().numpy()
        return values

    return make_loss(name, magnitudes)


def train_reconstructor(
    model: Reconstructor,
    standardiser: Standardiser,
    store: LogMelStore,
    split: tuple[Collection[str], Collection[str]],
    settings: TrainingSettings,
    checkpoint: Checkpoint | None = None,
) -> TrainingHistory:
    """Train `model` in place on the first half of `split` and leave it with the best weights, on the CPU.

    Construct the model after seed_everything(settings.seed): its first weights are drawn there. With a
    `checkpoint` the state is kept after each epoch, and a training that was cut short there goes on.

    Raises:
        NoSoundError: A half of the split has no window.
        CheckpointError: The checkpoint is damaged, of another training, or cannot be written.
    """
    seed_everything(settings.seed)
    training, validation = split
    held = store.window_starts(hop_frames=store.frames, recordings=validation)
    if not len(held) or not len(store.window_starts(hop_frames=1, recordings=training)):
        raise NoSoundError("the training or the validation recordings have no window; give longer ones")
    # convolutions on a CPU run a fifth to a third faster so; the numbers stay, the rounding differs
    model.to(settings.device).to(memory_format=torch.channels_last)
    standardise = copy.deepcopy(standardiser).to(settings.device)
    if checkpoint is None or not checkpoint.is_there:
        _prepare(model, store, training, standardise, settings)
    state = _first_state(model, settings)
    if checkpoint is not None:
        state.restore(checkpoint)
    with tqdm(
        total=settings.epochs,
        initial=len(state.history),
        desc=f"training {model.kind}",
        unit="epoch",
        disable=None,
    ) as progress:
        while not _is_finished(state, settings):
            starts = _shuffled_starts(store, training, settings, state.draws)
            training_loss = _train_epoch(state, _batches(store, starts, standardise, settings), settings)
            state.schedule.step()
            loss = _validation_loss(model, _batches(store, held, standardise, settings), settings)
            state.add(Epoch(training_loss, loss))
            if checkpoint is not None:
                state.save(checkpoint)
            progress.set_postfix(training=f"{training_loss:.4f}", validation=f"{loss:.4f}")
            progress.update()
    model.load_state_dict(state.best_weights)
    model.cpu().to(memory_format=torch.contiguous_format).eval()
    return TrainingHistory(tuple(state.history), state.best_epoch)


def _prepare(
    model: Reconstructor,
    store: LogMelStore,
    training: Collection[str],
    standardise: Standardiser,
    settings: TrainingSettings,
) -> None:
    """Let the model learn what it needs first, with chances of its own: the training's stay as they are."""
    draws = np.random.default_rng([settings.seed, PREPARATION_SEED])

    def windows() -> Iterator[Tensor]:
        return _batches(store, _shuffled_starts(store, training, settings, draws), standardise, settings)

    model.prepare(windows, torch.Generator().manual_seed(settings.seed + PREPARATION_SEED))


def _shuffled_starts(
    store: LogMelStore, training: Collection[str], settings: TrainingSettings, draws: np.random.Generator
) -> NDArray[np.int64]:
    """Return where the windows of one epoch begin: on a grid that is shifted at random, in random order."""
    phase = int(draws.integers(settings.hop_frames))
    starts = store.window_starts(hop_frames=settings.hop_frames, phase=phase, recordings=training)
    return draws.permutation(starts)


def _first_state(model: Reconstructor, settings: TrainingSettings) -> TrainingState:
    optimiser = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad],  # frozen ones have no state
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.epochs, eta_min=settings.learning_rate / 100
    )
    return TrainingState(
        model=model,
        optimiser=optimiser,
        schedule=schedule,
        draws=np.random.default_rng(settings.seed),
        generator=torch.Generator().manual_seed(settings.seed),
        best_weights=copy.deepcopy(model.state_dict()),
    )


def _is_finished(state: TrainingState, settings: TrainingSettings) -> bool:
    done = len(state.history)
    return done >= settings.epochs or (done > 0 and done - 1 - state.best_epoch >= settings.patience_epochs)


def _batches(
    store: LogMelStore, starts: NDArray[np.int64], standardise: Standardiser, settings: TrainingSettings
) -> Iterator[Tensor]:
    for windows in store.batches(starts, settings.batch_windows):
        x: Tensor = standardise(torch.from_numpy(windows).to(settings.device))
        yield x


def _train_epoch(state: TrainingState, batches: Iterator[Tensor], settings: TrainingSettings) -> float:
    model, optimiser = state.model, state.optimiser
    model.train()
    total, windows = 0.0, 0
    for x in batches:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(settings.device, torch.bfloat16, enabled=settings.mixed_precision):
            loss = model.training_loss(x, settings.loss, state.generator)
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
