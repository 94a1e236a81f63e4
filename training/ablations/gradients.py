"""Losses scaled so that training starts with gradients of the same length."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.data import LogMelStore
from training.losses import PerBinLoss, squared_error
from training.models import ModelDesign, make_model
from training.models.reconstructor import Reconstructor
from training.seeding import seed_everything
from training.split import Split
from training.train import TrainingSettings, standardiser_of_store

BATCHES = 8
"""Over so many the norm of the gradient is averaged."""


def scaled_to_squared_error(
    loss: PerBinLoss, design: ModelDesign, store: LogMelStore, split: Split, settings: TrainingSettings
) -> PerBinLoss:
    """Return `loss` times the factor that gives it the squared error's mean gradient norm at first weights.

    AdamW takes the same steps whatever the factor, but for its epsilon; what the factor does decide is which
    gradients the limit on their norm cuts.
    """
    norms = [_mean_norm(candidate, design, store, split, settings) for candidate in (squared_error, loss)]
    factor = norms[0] / norms[1]

    def scaled(reconstruction: Tensor, target: Tensor) -> Tensor:
        return factor * loss(reconstruction, target)

    scaled.__name__ = f"{loss.__name__}_times_{factor:.3g}"
    return scaled


def _mean_norm(
    loss: PerBinLoss, design: ModelDesign, store: LogMelStore, split: Split, settings: TrainingSettings
) -> float:
    seed_everything(settings.seed)
    model = make_model(design, mel=store.parameters.mel_bands, frames=store.frames).train()
    standardiser = standardiser_of_store(store, split.training)
    starts = store.window_starts(hop_frames=settings.hop_frames, recordings=split.training)
    drawn = np.random.default_rng(settings.seed).permutation(starts)[: BATCHES * settings.batch_windows]
    generator = torch.Generator().manual_seed(settings.seed)
    norms = []
    for first in range(0, len(drawn), settings.batch_windows):
        x = standardiser(torch.from_numpy(store.windows(drawn[first : first + settings.batch_windows])))
        norms.append(_norm(model, x, loss, generator))
    return float(np.mean(norms))


def _norm(model: Reconstructor, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> float:
    model.zero_grad(set_to_none=True)
    model.training_loss(x, loss, generator).backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return float(torch.stack([gradient.norm() for gradient in gradients]).norm())
