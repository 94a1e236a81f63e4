"""From normal sound to a trained detector: the model, then the scoring head.

Disjoint sets of recordings, so that nothing is judged on what it was fitted to: training, validation
(early stopping) and calibration (the alarm limit). The scoring head is fitted on training and validation,
and on recordings of its own where there are any; never on those that set the limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.anomalies import windows_of_anomalies
from training.data import LogMelStore, thinned
from training.detector import Detector, Standardiser
from training.heads import HeadSound, MeanError, choose_head
from training.models import ModelDesign, make_model
from training.models.reconstructor import Comparison, TrainingSound
from training.pseudo import make_pseudo
from training.seeding import seed_everything
from training.split import SCORING_BATCH, SCORING_HOP_FRAMES, Split
from training.state import Checkpoint, TrainingHistory
from training.train import TrainingSettings, standardiser_of_store, train_reconstructor

REFERENCES = 12
"""Normal windows that a model may keep as examples."""
HEAD_WINDOWS_MAX = 8192
"""Evenly taken from longer sound (2.3 h at the default hop): heads keep features of each, up to 60 kB."""
PSEUDO_SEED = 104_729
"""Heads are chosen on the same pseudo anomalies whatever the seed of the training."""


def train_detector(
    design: ModelDesign,
    store: LogMelStore,
    split: Split,
    settings: TrainingSettings,
    *,
    keep_in: Path | None = None,
    anomalies: LogMelStore | None = None,
) -> tuple[Detector, TrainingHistory]:
    """Return a trained detector of this design with the scoring head that suits it, on the CPU.

    See train_model for the training, and training.heads.choice for the head.

    Raises:
        TrainingError: There are anomalies, and models of this kind learn from normal sound only.
    """
    detector, history = train_model(design, store, split, settings, keep_in=keep_in, anomalies=anomalies)
    with torch.no_grad():
        # pseudo anomalies cannot show what labels are worth
        asked = design.head or ("verdict" if anomalies is not None else None)
        sound = sound_for_heads(detector, store, split)
        chosen = choose_head(sound, asked, among=detector.reconstructor.scoring_heads)
    detector.head, detector.chosen_head = chosen.head, chosen
    return detector, history


def measure_head(detector: Detector, store: LogMelStore, split: Split) -> None:
    """Note how the head that was asked for does on pseudo anomalies; a chosen one was measured already."""
    chosen = detector.chosen_head
    if chosen is not None and not chosen.partial_aucs:
        with torch.no_grad():
            sound = sound_for_heads(detector, store, split)
            measured = choose_head(sound, chosen.name, on_trial=True)
        detector.chosen_head = replace(chosen, partial_aucs=measured.partial_aucs)


def train_model(
    design: ModelDesign,
    store: LogMelStore,
    split: Split,
    settings: TrainingSettings,
    *,
    keep_in: Path | None = None,
    anomalies: LogMelStore | None = None,
) -> tuple[Detector, TrainingHistory]:
    """Return a trained detector that scores by the plain mean error, on the CPU.

    With the folder `keep_in` the training is kept there after each epoch, and one that was cut short there
    goes on; see training.state. Any window of `anomalies` holds a labelled anomaly; see training.anomalies.

    Raises:
        TrainingError: There are anomalies, and models of this kind learn from normal sound only.
    """
    seed_everything(settings.seed)
    model = make_model(design, mel=store.parameters.mel_bands, frames=store.frames)
    standardiser = standardiser_of_store(store, split.training)
    checkpoint = None
    if keep_in is not None:
        of_weights = {key: value for key, value in asdict(design).items() if key != "head"}
        checkpoint = Checkpoint(keep_in, of_weights | identity_of_training(store, split, settings, anomalies))
    model.take_in(known_beforehand(standardiser, store, split, anomalies))
    sides = (split.training, split.validation)
    history = train_reconstructor(model, standardiser, store, sides, settings, checkpoint)
    detector = Detector(standardiser, model, MeanError()).eval()
    detector.design = design
    with torch.no_grad():
        model.settle(partial(_standardised_windows, detector, store, split.head))
    return detector, history


def sound_for_heads(detector: Detector, store: LogMelStore, split: Split) -> HeadSound:
    """Return what heads of this detector are fitted to and chosen by."""
    compare = detector.reconstructor.compare
    unseen = dict.fromkeys(name for name in (*split.validation, *split.head) if name not in split.training)

    def comparisons(recordings: Collection[str]) -> Iterator[Comparison]:
        return map(compare, _standardised_windows(detector, store, recordings))

    def pseudo() -> Iterator[Comparison]:
        generator = torch.Generator().manual_seed(PSEUDO_SEED)
        for x in _standardised_windows(detector, store, unseen):
            made = make_pseudo(detector.standardiser.restored(x), generator)
            yield compare(detector.standardiser(made.windows))

    return HeadSound(partial(comparisons, split.training), partial(comparisons, unseen), pseudo)


def known_beforehand(
    standardiser: Standardiser, store: LogMelStore, split: Split, anomalies: LogMelStore | None
) -> TrainingSound:
    """Return what a model may know of the sound: references from end to end of all training recordings."""
    starts = store.window_starts(hop_frames=store.frames, recordings=split.training)
    labelled = windows_of_anomalies(anomalies) if anomalies is not None else store.windows(starts[:0])
    return TrainingSound(
        mean=standardiser.mean,
        std=standardiser.std,
        references=standardiser(torch.from_numpy(store.windows(thinned(starts, REFERENCES)))),
        anomalies=standardiser(torch.from_numpy(labelled)),
    )


def identity_of_training(
    store: LogMelStore, split: Split, settings: TrainingSettings, anomalies: LogMelStore | None
) -> dict[str, Any]:
    """Return what decides the weights beside the design, as JSON; sound by its statistics, not its files."""
    sound = hashlib.sha256(store.parameters.digest.encode())
    for names in (split.training, split.validation):
        sound.update(
            repr([(r.recording, r.end - r.first) for r in store.runs if r.recording in names]).encode()
        )
        for statistic in store.band_statistics(names):
            sound.update(statistic.tobytes())
    identity = {
        "settings": {**asdict(settings), "loss": settings.loss.__name__},
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "sound": sound.hexdigest(),
    }
    if anomalies is not None:
        identity["anomalies"] = hashlib.sha256(windows_of_anomalies(anomalies).tobytes()).hexdigest()
    return identity


def _standardised_windows(
    detector: Detector, store: LogMelStore, recordings: Collection[str]
) -> Iterator[Tensor]:
    starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings=recordings)
    for windows in store.batches(thinned(starts, HEAD_WINDOWS_MAX), SCORING_BATCH):
        yield detector.standardiser(torch.from_numpy(windows))
