"""Trains the recommended recipe, then teaches its denoiser what labelled anomalies sound like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from training.commission import identity_of_training, known_beforehand, sound_for_heads, train_detector
from training.data import LogMelStore
from training.detector import Detector
from training.errors import TrainingError
from training.heads import choose_head
from training.models import TAUGHT, ModelDesign
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.taught import TaughtDetector
from training.split import Split
from training.state import Checkpoint, TrainingHistory
from training.train import TrainingSettings, train_reconstructor
from training.work_folder import LESSON

RECIPE = "mdae"
LESSON_MINUTES = 80.0
"""Passes of the lesson times minutes of training sound: 8 over ten minutes, as measured (training/LOG.md)."""
LEAST_PASSES, MOST_PASSES = 2, 8
LESSON_RATE = 1e-3
"""Half of the recipe's: what it knows already is not to be forgotten."""
LESSON_BATCH = 16


def train_taught(
    design: ModelDesign,
    store: LogMelStore,
    split: Split,
    settings: TrainingSettings,
    *,
    keep_in: Path | None = None,
    anomalies: LogMelStore | None = None,
) -> tuple[Detector, TrainingHistory]:
    """Return the recipe's detector, taught by the anomalies, and the recipe's history.

    Both trainings are kept in `keep_in` after each epoch, and go on from there.

    Raises:
        TrainingError: There are no anomalies, the recipe hears none of them, or the sound does not allow it.
    """
    if anomalies is None:
        raise TrainingError(
            f"kind {TAUGHT} learns from labelled anomalies, and there is none; train {RECIPE}"
        )
    recipe, history = train_detector(replace(design, kind=RECIPE), store, split, settings, keep_in=keep_in)
    folder = None if keep_in is None else keep_in / LESSON
    detector = teach_labels(recipe, store, split, settings, anomalies, keep_in=folder)
    detector.design = replace(design, head=None)
    return detector, history


def teach_labels(
    recipe: Detector,
    store: LogMelStore,
    split: Split,
    settings: TrainingSettings,
    anomalies: LogMelStore,
    *,
    keep_in: Path | None = None,
) -> Detector:
    """Return what the recipe becomes once its denoiser has learned the anomalies; the recipe is used up.

    Raises:
        TrainingError: It is no recipe, it hears none of the anomalies, or the sound does not allow it.
    """
    net = recipe.reconstructor
    if not isinstance(net, MaskedDenoisingAutoencoder):
        raise TrainingError(f"a {net.kind} cannot be taught by labels; give {RECIPE}")
    net.requires_grad_(requires_grad=True)
    model = TaughtDetector(net.denoiser, net.masked)
    model.take_in(known_beforehand(recipe.standardiser, store, split, anomalies))
    frames = sum(run.end - run.first for run in store.runs if run.recording in split.training)
    passes = passes_of_lesson(frames * store.parameters.hop_s / 60)
    own = replace(
        settings,
        epochs=passes,
        patience_epochs=passes,
        batch_windows=LESSON_BATCH,
        learning_rate=LESSON_RATE,
        mixed_precision=False,
    )
    checkpoint = None
    if keep_in is not None:
        keep_in.mkdir(exist_ok=True)
        checkpoint = Checkpoint(
            keep_in, {"kind": TAUGHT} | identity_of_training(store, split, own, anomalies)
        )
    train_reconstructor(
        model, recipe.standardiser, store, (split.training, split.validation), own, checkpoint
    )
    detector = Detector(recipe.standardiser, model, recipe.head).eval()
    asked = None if recipe.chosen_head is None else recipe.chosen_head.name
    with torch.no_grad():
        sound = sound_for_heads(detector, store, split)
        detector.chosen_head = choose_head(sound, asked, among=model.scoring_heads)
    detector.head = detector.chosen_head.head
    return detector


def passes_of_lesson(minutes: float) -> int:
    """Return how often the lesson passes over so many minutes of training sound."""
    return min(MOST_PASSES, max(LEAST_PASSES, round(LESSON_MINUTES / max(minutes, 1e-9))))
