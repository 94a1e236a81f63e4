"""The tail of normal scores: a generalised Pareto distribution above a threshold, with its uncertainty.

    rate(raw) = rate(threshold) * (1 + shape * (raw - threshold) / scale) ** (-1 / shape)

The shape decides how far a limit must be extrapolated and is poorly known from an hour of sound. It gets a
Gaussian prior, as in the generalised maximum likelihood of Martins and Stedinger (Water Resources
Research 36(3), 2000, and 37(10), 2001), who show that it removes the absurd quantiles of plain maximum
likelihood for small samples. The posterior is computed on a grid; draws from it state the uncertainty.
NumPy only: no optimiser is needed for two parameters, and the daemon may import this at no cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHAPE_PRIOR_MEAN = 0.1
SHAPE_PRIOR_STD = 0.15
EXPONENTIAL_BELOW = 1e-5
"""A shape nearer to 0 than this is computed as the exponential distribution, its limit."""
GRID = 65


@dataclass(frozen=True, slots=True)
class Tail:
    """How often normal sound reaches a score, above a threshold."""

    threshold: float
    """Raw score from which on the formula holds."""
    scale: float
    """In raw units, > 0."""
    shape: float
    """Below 0: scores have an upper end. 0: exponential. Above 0: heavier."""
    rate_per_day: float
    """Separate stretches a day that reach the threshold."""

    def rate_above(self, raw: float) -> float:
        """Return how many separate stretches a day reach `raw`, which must not be below the threshold."""
        excess = (raw - self.threshold) / self.scale
        if abs(self.shape) < EXPONENTIAL_BELOW:
            return self.rate_per_day * math.exp(-excess)
        base = 1.0 + self.shape * excess
        return self.rate_per_day * base ** (-1.0 / self.shape) if base > 0.0 else 0.0

    def level_of(self, rate_per_day: float) -> float:
        """Return the raw score that is reached `rate_per_day` times a day; at most the threshold's rate."""
        log_ratio = math.log(self.rate_per_day / rate_per_day)
        if abs(self.shape) < EXPONENTIAL_BELOW:
            return self.threshold + self.scale * log_ratio
        return self.threshold + self.scale * math.expm1(self.shape * log_ratio) / self.shape


@dataclass(frozen=True, slots=True)
class Excesses:
    """Heights of independent peaks above a threshold; the highest may be known only to be high."""

    heights: Float64
    """Shape (n,), >= 0, in raw units."""
    censored: int = 0
    """Further peaks of which only is known that they are above `censored_above`."""
    censored_above: float = 0.0
    """Height above the threshold, in raw units; without meaning while `censored` is 0."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What scale and shape may be, given peaks and the prior: weights on a grid."""

    shapes: Float64
    """Shape (grid,)."""
    log_scales: Float64
    """Shape (grid, grid): for each shape the logarithms of the scale."""
    log_weights: Float64
    """Shape (grid, grid), up to a constant."""

    def best(self) -> tuple[float, float]:
        """Return the most probable (scale, shape), to the resolution of the grid."""
        row, column = divmod(int(np.argmax(self.log_weights)), self.log_weights.shape[1])
        return float(np.exp(self.log_scales[row, column])), float(self.shapes[row])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Float64, Float64]:
        """Return `count` scales and shapes, each shape (count,)."""
        weights = np.exp(self.log_weights - self.log_weights.max()).ravel()
        chosen = rng.choice(weights.size, size=count, p=weights / weights.sum())
        rows, columns = np.divmod(chosen, self.log_weights.shape[1])
        return np.exp(self.log_scales[rows, columns]), self.shapes[rows]


def posterior_of_excesses(excesses: Excesses) -> Posterior:
    """Return the posterior on a grid that covers what is not practically impossible.

    `excesses` needs at least one height above 0.
    """
    middle = math.log(max(float(excesses.heights.mean()), 1e-300))
    wide_shapes = np.linspace(-0.7, 1.1, GRID)
    wide = _evaluate(excesses, wide_shapes, middle - 2.5, middle + 2.5)
    # what is e^9 less probable than the best is left out, and the grid is laid finer over the rest
    likely = wide.log_weights > wide.log_weights.max() - 9.0
    rows = np.flatnonzero(likely.any(axis=1))
    scales = wide.log_scales[likely]
    step_shape, step_scale = wide_shapes[1] - wide_shapes[0], 5.0 / (GRID - 1)
    shapes = np.linspace(wide_shapes[rows[0]] - step_shape, wide_shapes[rows[-1]] + step_shape, GRID)
    return _evaluate(excesses, shapes, float(scales.min()) - step_scale, float(scales.max()) + step_scale)


def _evaluate(excesses: Excesses, shapes: Float64, low: float, high: float) -> Posterior:
    log_scales = np.linspace(low, high, GRID)
    log_weights = np.stack([_log_likelihood(excesses, float(shape), log_scales) for shape in shapes])
    log_weights -= 0.5 * ((shapes[:, None] - SHAPE_PRIOR_MEAN) / SHAPE_PRIOR_STD) ** 2
    return Posterior(shapes, np.broadcast_to(log_scales, (len(shapes), GRID)), log_weights)


def _log_likelihood(excesses: Excesses, shape: float, log_scales: Float64) -> Float64:
    """Return shape (grid,): the logarithm of the density of the peaks for one shape and each scale."""
    scales = np.exp(log_scales)
    heights, above = excesses.heights, excesses.censored_above
    result = -len(heights) * log_scales
    if abs(shape) < EXPONENTIAL_BELOW:
        return np.asarray(result - (heights.sum() + excesses.censored * above) / scales)
    highest = max(float(heights.max()), above)
    possible = 1.0 + shape * highest / scales > 0.0
    log_base = np.log1p(shape * heights / scales[possible, None]).sum(axis=1)
    log_censored = excesses.censored * np.log1p(shape * above / scales[possible])
    impossible = np.full_like(result, -np.inf)
    impossible[possible] = result[possible] - (1.0 + 1.0 / shape) * log_base - log_censored / shape
    return impossible
