"""Finds stretches of supposedly normal sound that are unlike the rest, before anything is learned from it.

    windows -> 48 features (mean, spread, peaks of 16 groups of bands) -> distance from the bulk -> stretches

The bulk is the three quarters of the windows that lie nearest together: mean and covariance are fitted to
them alone, again and again (concentration steps of the minimum covariance determinant; Rousseeuw and Van
Driessen, Technometrics 41(3), 1999). A window is judged by the bulk of other sound than its own, so that a
stretch never speaks for itself. No model is needed, so that the box can look through a recording.

What it cannot tell: a fault from a rare way of running. It says what is rare, and a person listens. What
makes up more than a quarter of the sound is a way of running, and is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.listening import Ear
from monitor.recording.features import GROUPS
from monitor.recording.heard import HeardFile

BULK_SHARE = 0.75
ROUNDS = 8
SHRINKAGE = 0.05
"""Share of each variance added to the diagonal: covariances from few windows are poor."""
FOLDS = 4
BLOCK_WINDOWS = 60
"""A minute at the default hop goes to one fold whole: neighbours are too alike to judge each other."""
LEAST_WINDOWS = 500
"""Fewer windows (8.5 min) give no bulk to be unlike of."""
ODD_Z = 4.0
"""Distances above: in units of how far the nearer half of the log distances spreads. See training/LOG.md."""
LEAST_DB = 2.5
"""What differs by less in every group of bands is not odd to anybody; steps of a steady noise's level do."""
JOIN_WINDOWS = 3
"""Odd windows so near to each other are one stretch."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OddStretch:
    """Sound that is unlike the rest of a recording."""

    file: Path
    """Where it lies."""
    start_s: float
    """From the beginning of the file."""
    end_s: float
    """The same."""
    strangeness: float
    """In units of ODD_Z's scale."""
    apart_db: float
    """How much louder than usual its worst window is where it differs most; negative: quieter; 0: unknown."""
    low_hz: float
    """Where that band begins."""
    high_hz: float
    """Where it ends."""
    event_id: str | None = None
    """During which event of the live bundle it was recorded; None: during none, it is unlike the rest."""

    @property
    def reason(self) -> str:
        """What is unlike, for a person."""
        alarm = "" if self.event_id is None else f"the live bundle was in alarm ({self.event_id})"
        if not self.apart_db:
            return alarm
        than = "louder" if self.apart_db > 0 else "quieter"
        unlike = (
            f"{abs(self.apart_db):.0f} dB {than} than usual at {self.low_hz:.0f} to {self.high_hz:.0f} Hz"
        )
        return f"{alarm}; {unlike}" if alarm else unlike


@dataclass(frozen=True, slots=True)
class OddReport:
    """What was found in some sound."""

    windows: int
    """Those that were judged."""
    odd_windows: int
    """Those that are unlike the rest."""
    stretches: tuple[OddStretch, ...]
    """In the order of files and times."""

    @property
    def looked(self) -> bool:
        """Whether there was enough sound to say anything."""
        return self.windows >= LEAST_WINDOWS

    @property
    def share(self) -> float:
        """Share of the windows that are unlike the rest."""
        return self.odd_windows / max(self.windows, 1)


def odd_in_heard(heard: Sequence[HeardFile], ear: Ear) -> OddReport:
    """Return the stretches of these files, taken together, that are unlike the rest."""
    windows = sum(len(one.starts_s) for one in heard)
    if windows < LEAST_WINDOWS:
        return OddReport(windows, 0, ())
    features = np.concatenate([one.features for one in heard]).astype(np.float64)
    blocks = np.concatenate(_blocks([len(one.starts_s) for one in heard]))
    strangeness = strangeness_of_windows(features, blocks)
    away = features - np.median(features, axis=0)
    odd = (strangeness > ODD_Z) & (_apart_db(away) > LEAST_DB)
    length_s = ear.grid.window_samples / ear.grid.sample_rate_hz
    stretches: list[OddStretch] = []
    first = 0
    for one in heard:
        mine = slice(first, first + len(one.starts_s))
        first = mine.stop
        for a, b in _runs(odd[mine]):
            worst = mine.start + a + int(np.argmax(strangeness[mine][a:b]))
            apart_db, low_hz, high_hz = _difference(away[worst], ear.frontend.parameters)
            stretches.append(
                OddStretch(
                    file=one.path,
                    start_s=float(one.starts_s[a]),
                    end_s=float(one.starts_s[b - 1]) + length_s,
                    strangeness=float(strangeness[worst]),
                    apart_db=apart_db,
                    low_hz=low_hz,
                    high_hz=high_hz,
                )
            )
    return OddReport(windows, int(odd.sum()), tuple(stretches))


def strangeness_of_windows(features: Float64, blocks: NDArray[np.int64]) -> Float64:
    """Return shape (n,): how far each window lies from the bulk of the others; the median is 0.

    `features` has shape (n, k); windows of one block, shape (n,), are judged by other blocks only.
    """
    fold = blocks % FOLDS
    log_distance = np.zeros(len(features))
    for this in range(FOLDS):
        mine = fold == this
        if mine.all() or not mine.any():
            continue
        log_distance[mine] = _log_distance(features[mine], features[~mine])
    middle, near = np.median(log_distance), np.quantile(log_distance, 0.16)
    if middle <= near:
        return np.zeros(len(features))
    return np.asarray((log_distance - middle) / (middle - near))


def _log_distance(features: Float64, others: Float64) -> Float64:
    """Return shape (n,): the logarithm of the Mahalanobis distance from the bulk of the others."""
    middle = np.median(others, axis=0)
    spread = np.median(np.abs(others - middle), axis=0) + 1e-6
    squared = (((others - middle) / spread) ** 2).mean(axis=1)
    mean, inverse = middle, np.eye(features.shape[1])
    for _ in range(ROUNDS):
        bulk = others[squared <= np.quantile(squared, BULK_SHARE)]
        covariance = np.cov(bulk.T)
        covariance += np.diag(np.diag(covariance)) * SHRINKAGE + 1e-9 * np.eye(len(covariance))
        mean, inverse = bulk.mean(axis=0), np.linalg.inv(covariance)
        squared = _squared_distance(others - mean, inverse)
    return np.asarray(0.5 * np.log(np.maximum(_squared_distance(features - mean, inverse), 1e-12)))


def _squared_distance(away: Float64, inverse: Float64) -> Float64:
    return np.asarray(((away @ inverse) * away).sum(axis=1))


def _apart_db(away: Float64) -> Float64:
    """Return shape (n,): by how much the mean or the peaks of some group of bands differ, at the most."""
    levels = np.concatenate([away[:, :GROUPS], away[:, 2 * GROUPS :]], axis=1)
    return np.asarray(10.0 * np.abs(levels).max(axis=1))


def _blocks(lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return for each file the number of the block that each of its windows is in."""
    blocks, first = [], 0
    for length in lengths:
        blocks.append(first + np.arange(length, dtype=np.int64) // BLOCK_WINDOWS)
        first += -(-length // BLOCK_WINDOWS)
    return blocks


def _runs(odd: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, after the last) of each run of odd windows, near ones joined."""
    runs: list[tuple[int, int]] = []
    for index in np.flatnonzero(odd).tolist():
        if runs and index - runs[-1][1] < JOIN_WINDOWS:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _difference(away: Float64, parameters: FrontendParameters) -> tuple[float, float, float]:
    """Return by how many dB a window's peaks differ most from the median window, and in which band (Hz)."""
    peaks_db = 10.0 * away[2 * GROUPS :]
    group = int(np.argmax(np.abs(peaks_db)))
    edges = band_edges_hz(parameters)
    per_group = parameters.mel_bands // GROUPS
    return float(peaks_db[group]), float(edges[group * per_group]), float(edges[(group + 1) * per_group + 1])
