"""Slow wandering within bounds: speed, load, levels."""

from __future__ import annotations

import math

import numpy as np

from monitor.simulate.chunk import CHUNK_S, random_of


class Drift:
    """An Ornstein-Uhlenbeck walk, squeezed by tanh so that it stays within its bound for ever.

    It starts from its own stationary distribution, hence the first minute of a machine is like any
    other. The step x' = a x + sqrt(1 - a^2) n, a = exp(-dt / tau) is exact for any dt.
    """

    def __init__(self, name: str, *, seed: int, bound: float, correlation_s: float) -> None:
        self._bound = bound
        self._keep = math.exp(-CHUNK_S / correlation_s)
        self._random = random_of(seed, 0, f"drift {name}")
        self._x = float(self._random.standard_normal())

    @property
    def value(self) -> float:
        """Where the walk stands, within -bound to bound."""
        return self._bound * math.tanh(self._x)

    def step(self) -> tuple[float, float]:
        """Go on by one chunk; return the values at its start and its end."""
        before = self.value
        push = float(self._random.standard_normal())
        self._x = self._keep * self._x + math.sqrt(1.0 - self._keep**2) * push
        return before, self.value


def gain_from_db(level_db: float) -> float:
    """Return the factor on amplitude."""
    return float(np.power(10.0, level_db / 20.0))
