"""Judges a bundle on labelled clips of precomputed log-mel, beside two simple controls on the same clips.

The score of a clip is the mean over its windows, as in DCASE Task 2: a label holds for the whole clip. The
highest window is told beside it, for what is short. Neither needs a calibration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.runtime import Engine
from training.errors import NoSoundError, TrainingError
from training.evaluation.evaluate import BUNDLE, GAUSSIAN, LEVEL
from training.evaluation.measures import Float64, auc, partial_auc
from training.evaluation.simple_controls import fit_gaussian
from training.features import FEATURE_PARAMETERS, TEST, TRAIN, Clips, clips_of_file

HOP_FRAMES = 32
"""From one window to the next: the daemon's default."""
REGULARISATION = 1e-5
"""Added to the Gaussian's variances, log10 units (1e-3 in dB): a few dozen clips do not span the bands."""


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What a detector said of each clip; high means unusual."""

    mean: Float64
    """Shape (clips,), over the windows of each; a control has only this."""
    highest: Float64 | None = None
    """Shape (clips,), of the windows of each."""


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """How well a detector separates the clips; chance is .5 in all of them."""

    auc: float | None
    """Of the mean scores."""
    pauc: float | None
    """To a false positive rate of .1, McClish."""
    peak_auc: float | None
    """Of the highest scores."""


@dataclass(frozen=True, slots=True)
class JudgedClips:
    """One file of clips and what was said of it."""

    file: str
    """Name of the .npz."""
    names: tuple[str, ...]
    """Of the test clips."""
    labels: NDArray[np.bool_]
    """Shape (clips,), whether each is an anomaly."""
    scores: Mapping[str, ClipScores]
    """By detector, the bundle first."""
    figures: Mapping[str, ClipFigures]
    """By detector, the bundle first."""
    fitted_on: int
    """Normal clips that the Gaussian was fitted on."""


def judge_clips(path: Path, engine: Engine) -> JudgedClips:
    """Score the test clips of an .npz and fit the controls on its normal clips of role train.

    Raises:
        TrainingError: The file is not what training.features says, or the bundle is for another front end.
        NoSoundError: It has not both normal and anomalous test clips, or no normal ones for the controls.
    """
    clips = clips_of_file(path)
    _refuse_another_frontend(path, clips, engine)
    test, normal = clips.of(TEST), clips.of(TRAIN, anomaly=False)
    labels = np.array(clips.anomaly, dtype=bool)[test]
    if labels.all() or not labels.any() or len(normal) < 2:
        raise NoSoundError(
            f"{path}: has {int((~labels).sum())} normal and {int(labels.sum())} anomalous clips with role "
            f"{TEST}, {len(normal)} normal ones with role {TRAIN}; all three are needed, two of the last"
        )
    scores = {
        BUNDLE: scores_of_clips(clips, test, engine),
        LEVEL: ClipScores(_levels(clips, test)),
        GAUSSIAN: ClipScores(_gaussian_distances(clips, normal, test)),
    }
    return JudgedClips(
        file=path.name,
        names=tuple(clips.names[index] for index in test),
        labels=labels,
        scores=scores,
        figures={name: _figures(labels, found) for name, found in scores.items()},
        fitted_on=len(normal),
    )


def _refuse_another_frontend(path: Path, clips: Clips, engine: Engine) -> None:
    manifest = engine.bundle.manifest
    count, frames, bands = clips.logmel.shape
    parameters = replace(FEATURE_PARAMETERS, mel_bands=bands)
    if manifest.frontend_digest != parameters.digest:
        raise TrainingError(
            f"{path}: {engine.bundle.bundle_id} was trained on log-mel of another kind; give a bundle that "
            f"was trained on an .npz with {bands} bands"
        )
    if frames < manifest.frames:
        raise TrainingError(
            f"{path}: {count} clips of {frames} frames are shorter than a window of {manifest.frames}; give "
            "longer ones"
        )


def scores_of_clips(clips: Clips, chosen: NDArray[np.int64], engine: Engine) -> ClipScores:
    """Return the raw scores of the chosen clips by index, over windows HOP_FRAMES apart."""
    window = engine.bundle.manifest.frames
    starts = np.arange(0, clips.logmel.shape[1] - window + 1, HOP_FRAMES)
    mean, highest = np.zeros(len(chosen)), np.zeros(len(chosen))
    for place, index in enumerate(chosen):
        rows = clips.logmel[index][starts[:, None] + np.arange(window)]
        found = engine.infer(np.ascontiguousarray(rows.transpose(0, 2, 1))).score
        mean[place], highest[place] = found.mean(dtype=np.float64), found.max()
    return ClipScores(mean, highest)


def _levels(clips: Clips, chosen: NDArray[np.int64]) -> Float64:
    """Return the log10 of the mean power of all bins of each clip, shape (n,)."""
    power = np.power(10.0, clips.logmel[chosen].astype(np.float64)).mean(axis=(1, 2))
    return np.asarray(np.log10(power))


def _gaussian_distances(clips: Clips, normal: NDArray[np.int64], chosen: NDArray[np.int64]) -> Float64:
    means = clips.logmel.mean(axis=1, dtype=np.float64)
    gaussian = fit_gaussian(means[normal], regularisation=REGULARISATION)
    return gaussian.distance(means[chosen].T)


def _figures(labels: NDArray[np.bool_], scores: ClipScores) -> ClipFigures:
    return ClipFigures(
        auc=auc(labels, scores.mean),
        pauc=partial_auc(labels, scores.mean),
        peak_auc=None if scores.highest is None else auc(labels, scores.highest),
    )
