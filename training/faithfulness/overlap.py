"""Whether a map is right in time and frequency, where the truth has a band."""

from __future__ import annotations

import numpy as np

from training.evaluation.measures import auc
from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.marks import Ranks

SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Of a clip's bins: one of them is taken for all clips."""


def overlap_at_share(ranks: Ranks, truth: Bools, share: float) -> Float64:
    """Return intersection over union of the highest `share` of bins and the wrong ones, shape (n,).

    Shapes (n, bins); each clip must have a wrong bin.
    """
    count = max(1, round(share * ranks.shape[1]))
    return _overlap(ranks, truth, np.full(len(ranks), count))


def overlap_at_true_area(ranks: Ranks, truth: Bools) -> Float64:
    """Return the same with as many bins as are wrong in each clip, shape (n,)."""
    return _overlap(ranks, truth, truth.sum(axis=1))


def best_overlap(ranks: Ranks, truth: Bools) -> float:
    """Return the mean over clips at the share of SHARES, the same for all, at which it is highest."""
    return max(float(overlap_at_share(ranks, truth, share).mean()) for share in SHARES)


def bins_auc(maps: Float32, truth: Bools) -> float | None:
    """Return the mean over clips of the AUC of their bins, shapes (n, bins); None where no clip has both."""
    found = [auc(wrong, values) for values, wrong in zip(maps, truth, strict=True)]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _overlap(ranks: Ranks, truth: Bools, counts: np.ndarray) -> Float64:
    marked = ranks >= ranks.shape[1] - counts[:, None]
    both = (marked & truth).sum(axis=1)
    return np.asarray(both / (counts + truth.sum(axis=1) - both))
