"""What chance alone would do: exact figures for small counts, and evidence that may be looked at every hour.

Pure arithmetic. Nothing here rests on an approximation that needs large numbers.
"""

from __future__ import annotations

import functools
import importlib
import math
from typing import Any

HOURS_PER_WEEK = 168.0


@functools.cache
def _special() -> Any:  # noqa: ANN401 - a module, and SciPy has no types
    """Return scipy.special: only who compares pays its 28 MB, and not every daemon at its start."""
    return importlib.import_module("scipy.special")


def evidence(in_favour: int, against: int) -> float:
    """Return the factor by which the cases speak for "more often in favour" against a fair coin.

    The ratio of the likelihood averaged over all shares from 1/2 to 1 to that of 1/2. Whoever looks after
    each case and stops when it exceeds 1/a is wrong with a probability of a at the most (Ville's inequality;
    see Ramdas et al., Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38,
    2023). An ordinary p value has no such promise: asked every hour it is below 0.05 sooner or later.
    """
    n = in_favour + against
    # integral of p^k (1-p)^(n-k) from 1/2 to 1 = P(Bin(n + 1, 1/2) <= k) / ((n + 1) C(n, k))
    share = float(_special().bdtr(in_favour, n + 1, 0.5))
    log_choose = math.lgamma(n + 1) - math.lgamma(in_favour + 1) - math.lgamma(against + 1)
    log_ratio = math.log(2.0) * (n + 1) + math.log(max(share, 1e-300)) - math.log(n + 1) - log_choose
    return math.exp(min(log_ratio, 700.0))


def by_chance(more: int, fewer: int) -> float:
    """Return how probable `more` or still more of all cases are for a fair coin; 1.0 when there is no case.

    McNemar's exact test, one side.
    """
    return float(_special().bdtr(fewer, more + fewer, 0.5))


def share_at_most(found: int, cases: int, confidence: float = 0.95) -> float:
    """Return the share that is not exceeded with this confidence (Clopper and Pearson, one side).

    1.0 when there is no case.
    """
    if found >= cases:
        return 1.0
    return float(_special().betaincinv(found + 1, cases - found, confidence))


def per_week_interval(count: int, hours: float) -> tuple[float, float]:
    """Return the 90 % interval of the weekly rate of a Poisson process that gave `count` in `hours`.

    By Garwood's exact method; infinite when nothing was heard.
    """
    if hours <= 0:
        return 0.0, math.inf
    weeks = hours / HOURS_PER_WEEK
    low = 0.0 if count == 0 else float(_special().gammaincinv(count, 0.05))
    return low / weeks, float(_special().gammaincinv(count + 1, 0.95)) / weeks


def at_rate(count: int, per_week: float, hours: float) -> float:
    """Return how probable `count` or more are in `hours` of a process of this weekly rate."""
    if count == 0:
        return 1.0
    return float(_special().gammainc(count, per_week * hours / HOURS_PER_WEEK))
