"""Finds stretches in supposedly normal sound that do not belong to the tail of the rest.

The highest m stretches are hidden from the fit (censored: only their number is known, so that clean data
are not made lighter), the tail is fitted to the rest, and the hidden ones are compared with what it
allows: is the highest too high, are all m too far off? Hiding several at once matters, because two
faults would otherwise hide each other. Uncertainty of the fit is averaged over, so that little data
accuse nobody.

What it cannot find: abnormal sound that makes up a large part of the recording. That is
indistinguishable from a machine with two ways of running.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.calibration.clusters import Clusters, Series
from monitor.calibration.tail import EXPONENTIAL_BELOW, Excesses, posterior_of_excesses

Float64 = NDArray[np.float64]

ALARMING_P = 1e-3
"""Least probability, under the rest, that is still taken for chance. Several counts are tried, so that
clean sound falls below it more rarely than once in a hundred recordings: measured, see the tests."""
EXPECTED_FEWER_THAN = 0.1
"""A stretch stands out if the rest would give fewer than this many so high in the whole recording."""
HIDDEN_SHARE = 0.35
"""At most this share of the stretches is hidden."""
DRAWS = 400
LISTED = 8


def outlying(heights: Float64, seed: int) -> NDArray[np.bool_]:
    """Return shape (k,): which peaks do not belong; none unless chance is practically excluded.

    `heights`, shape (k,), are the peaks' heights above the threshold.
    """
    order = np.argsort(heights)
    ordered = heights[order]
    rng = np.random.default_rng(seed)
    least_p, verdict = 1.0, np.zeros(len(heights), dtype=bool)
    for hidden in _hidden_counts(len(heights)):
        rest, top = ordered[:-hidden], ordered[-hidden:]
        if rest[-1] <= 0:
            continue
        posterior = posterior_of_excesses(Excesses(rest, hidden, float(rest[-1])))
        scales, shapes = posterior.draw(DRAWS, rng)
        given = _survival(np.array([rest[-1]]), scales, shapes)
        beyond = _survival(top, scales, shapes) / np.maximum(given, 1e-300)
        gap_p = float((beyond[:, 0] ** hidden).mean())
        highest_p = float((1.0 - (1.0 - beyond[:, -1]) ** hidden).mean())
        if min(gap_p, highest_p) < least_p:
            least_p = min(gap_p, highest_p)
            expected = len(heights) * _survival(ordered, scales, shapes).mean(axis=0)
            verdict = np.zeros(len(heights), dtype=bool)
            verdict[order[expected < EXPECTED_FEWER_THAN]] = True
    return verdict if least_p < ALARMING_P else np.zeros(len(heights), dtype=bool)


def windows_of(series: Series, clusters: Clusters, strange: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return shape (n,): the windows of strange stretches, with their flanks."""
    positions, dropped = series.positions, np.zeros(len(series.scores), dtype=bool)
    for first, last in zip(clusters.first[strange], clusters.last[strange], strict=True):
        # windows overlap, so the neighbours hold a part of the strange sound
        dropped |= (positions >= positions[first] - 1) & (positions <= positions[last] + 1)
    return dropped


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where stretches lie, in words."""

    series: Series
    """The judged windows that the clusters point into."""
    clusters: Clusters
    """The stretches themselves; `text` takes an index into them."""
    names: list[str]
    """What each recording is called."""
    hop_s: float
    """From one window to the next."""

    def text(self, index: int) -> str:
        """Return recording, times and score of one stretch."""
        first, last = self.clusters.first[index], self.clusters.last[index]
        start_s = self.series.starts[first] * self.hop_s
        end_s = (self.series.starts[last] + 1) * self.hop_s
        name = self.names[self.series.recordings[first]]
        return f"{name} from {start_s:.1f} to {end_s:.1f} s (score {self.clusters.peaks[index]:.4g})"


def sentence_about(stretches: Stretches, strange: NDArray[np.bool_]) -> str:
    """Return what a person should listen to, and then do."""
    indices = np.flatnonzero(strange)
    highest_first = indices[np.argsort(-stretches.clusters.peaks[indices], kind="stable")]
    listed = "; ".join(stretches.text(int(i)) for i in highest_first[:LISTED])
    more = f", and {len(indices) - LISTED} more" if len(indices) > LISTED else ""
    return (
        f"{len(indices)} stretches of the sound that should be normal do not belong to the rest: "
        f"{listed}{more}. Listen to them: if they are not normal, record anew or set them "
        "aside (--set-aside); if they are, record longer, so that they are no exception"
    )


def _hidden_counts(count: int) -> list[int]:
    most = int(HIDDEN_SHARE * count)
    steps = np.union1d(np.arange(1, 9), np.round(np.geomspace(9, max(most, 9), 5)).astype(int))
    return [int(step) for step in steps if step <= most]


def _survival(heights: Float64, scales: Float64, shapes: Float64) -> Float64:
    """Return shape (draws, heights): the probability that a peak is higher."""
    reduced = heights[None, :] / scales[:, None]
    shape = np.where(np.abs(shapes) < EXPONENTIAL_BELOW, EXPONENTIAL_BELOW, shapes)[:, None]
    return np.asarray(np.maximum(1.0 + shape * reduced, 0.0) ** (-1.0 / shape))
