"""How well scores separate two classes, and what a count says of its rate. NumPy only.

Ties count half throughout, so that a constant score is worth exactly chance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]

STEPS = 200
"""Halvings of an interval: more than a double's mantissa and exponent can tell apart in practice."""


def auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the probability that a positive scores above a negative; None unless there are both.

    The rank statistic of Mann and Whitney; chance is .5.
    """
    positive, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    count, positives = len(positive), int(positive.sum())
    if positives in {0, count}:
        return None
    _, inverse, ties = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(ties)
    ranks = ((last - ties + 1 + last) / 2.0)[inverse]
    area = ranks[positive].sum() - positives * (positives + 1) / 2.0
    return float(area / (positives * (count - positives)))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[Float64, Float64]:
    """Return the shares of negatives and of positives at or above each limit, from (0, 0) to (1, 1).

    Both classes must be there. Shapes (limits + 1,).
    """
    positive, values = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.diff(values[order], append=-np.inf))
    found = np.cumsum(positive[order])[ends]
    wrong = ends + 1 - found
    positives = int(positive.sum())
    return (
        np.concatenate([[0.0], wrong / (len(positive) - positives)]),
        np.concatenate([[0.0], found / positives]),
    )


def partial_auc(labels: ArrayLike, scores: ArrayLike, *, max_fpr: float = 0.1) -> float | None:
    """Return the area left of `max_fpr`, scaled so that chance is .5 and the best 1.

    None unless there are both classes. The scaling is McClish's (Medical Decision Making 9(3), 1989), as in
    scikit-learn and DCASE Task 2.
    """
    if auc(labels, scores) is None:
        return None
    wrong, found = roc_curve(labels, scores)
    inside = int(np.searchsorted(wrong, max_fpr, side="right"))
    x = np.append(wrong[:inside], max_fpr)
    y = np.append(found[:inside], np.interp(max_fpr, wrong, found))
    area = float((np.diff(x) * (y[1:] + y[:-1]) / 2.0).sum())
    least = max_fpr**2 / 2.0
    return 0.5 * (1.0 + (area - least) / (max_fpr - least))


def poisson_interval(count: int, *, confidence: float = 0.9) -> tuple[float, float]:
    """Return the means of a Poisson variable between which `count` is not surprising.

    Garwood's exact interval (Biometrika 28, 1936): each end leaves half of what `confidence` leaves.
    """
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else _mean_where(1.0 - tail, count - 1)
    return low, _mean_where(tail, count)


def _mean_where(share: float, count: int) -> float:
    """Return the mean at which a Poisson variable is at most `count` with probability `share`."""
    low, high = 0.0, 10.0 + 2.0 * count + 20.0 * math.sqrt(count + 1.0)
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _at_most(count, middle) > share else (low, middle)
    return (low + high) / 2.0


def _at_most(count: int, mean: float) -> float:
    if mean == 0.0:
        return 1.0
    k = np.arange(count + 1)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    return float(np.exp(k * math.log(mean) - mean - log_factorials).sum())
