"""Trains the recommended recipe, then a judge by labelled anomalies, and makes one detector of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from training.commission import sound_for_heads, train_detector, train_model
from training.data import LogMelStore
from training.detector import Detector
from training.errors import TrainingError
from training.heads import ChosenHead
from training.heads.labelled import SUFFIX, fit_raised_by_labels
from training.models import TAUGHT, ModelDesign, judge_widths
from training.models.dra import DraDetector
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.taught import TaughtDetector
from training.split import Split
from training.state import TrainingHistory
from training.train import TrainingSettings
from training.work_folder import JUDGE

RECIPE = "mdae"
JUDGED_MINUTES = 60.0
"""Passes of the judge times minutes of training sound: 6 over ten minutes, as measured (training/LOG.md)."""
LEAST_PASSES, MOST_PASSES = 1, 6
JUDGE_BATCH = 32
LEAST_SHARE = 0.1
"""Of a labelled sound's power, where it is mixed with other normal sound: down to 10 dB softer."""


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

    Both are kept in `keep_in` after each epoch, and go on from there.

    Raises:
        TrainingError: There are no anomalies, or the sound does not allow it.
    """
    if anomalies is None:
        raise TrainingError(
            f"kind {TAUGHT} learns from labelled anomalies, and there is none; train {RECIPE}"
        )
    recipe, history = train_detector(replace(design, kind=RECIPE), store, split, settings, keep_in=keep_in)
    folder = None if keep_in is None else keep_in / JUDGE
    judge = train_judge(design, store, split, settings, keep_in=folder, anomalies=anomalies)
    detector = taught_detector(recipe, judge, store, split)
    detector.design = replace(design, head=None)
    return detector, history


def train_judge(
    design: ModelDesign,
    store: LogMelStore,
    split: Split,
    settings: TrainingSettings,
    *,
    keep_in: Path | None = None,
    anomalies: LogMelStore | None = None,
) -> Detector:
    """Return what learned from labelled anomalies, or from made ones alone where there are none.

    Raises:
        TrainingError: The sound does not allow it.
    """
    if keep_in is not None:
        keep_in.mkdir(exist_ok=True)
    frames = sum(run.end - run.first for run in store.runs if run.recording in split.training)
    own = replace(
        settings,
        epochs=passes_of_judge(frames * store.parameters.hop_s / 60),
        batch_windows=JUDGE_BATCH,
        mixed_precision=False,
    )
    net = ModelDesign("dra", judge_widths(design.widths), least_share=LEAST_SHARE)
    return train_model(net, store, split, own, keep_in=keep_in, anomalies=anomalies)[0]


def taught_detector(recipe: Detector, judge: Detector, store: LogMelStore, split: Split) -> Detector:
    """Return one detector of both, whose head is the recipe's, raised by the judge.

    Raises:
        TrainingError: They are not what they should be, or there is too little sound for the head.
    """
    net, other = recipe.reconstructor, judge.reconstructor
    if not isinstance(net, MaskedDenoisingAutoencoder) or not isinstance(other, DraDetector):
        raise TrainingError(f"a {net.kind} with a {other.kind} as judge is not known; give {RECIPE} and dra")
    detector = Detector(recipe.standardiser, TaughtDetector(net, other), recipe.head).eval()
    with torch.no_grad():
        detector.head = fit_raised_by_labels(recipe.head, sound_for_heads(detector, store, split).unseen())
    chosen = recipe.chosen_head
    if chosen is not None:
        detector.chosen_head = ChosenHead(chosen.name + SUFFIX, detector.head, chosen.partial_aucs)
    return detector.eval()


def passes_of_judge(minutes: float) -> int:
    """Return how often the judge passes over so many minutes of training sound."""
    return min(MOST_PASSES, max(LEAST_PASSES, round(JUDGED_MINUTES / max(minutes, 1e-9))))
