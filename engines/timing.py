"""Times engines side by side, so that a busy machine is unfair to all of them alike.

Rivals take turns in short slices, forwards and backwards in alternation; a figure is the median of the
slices. Time is told twice: by the wall clock, as who waits for an answer sees it, and in CPU seconds of this
process, which change much less when other programs want the core too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engines.runtime import Float32

Infer = Callable[[Float32], object]
"""Answers a batch of windows, shape (n, mel, frames); what it returns is not looked at."""
ROUNDS = 20
"""Turns of each rival at each batch size."""
WARM_UP_CALLS = 3
"""Not counted: the first calls reserve memory, capture graphs, and fill caches."""
MATRIX_ORDER = 1024
"""Of the matrices whose product tells the peak: 4 MB each, far more arithmetic than memory traffic."""
MATRIX_PRODUCTS = 8
"""The fastest one counts: a peak is what nothing disturbed."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one rival did in one turn."""

    latencies_s: tuple[float, ...]
    """Of each call, by the wall clock; at least one."""
    cpu_s: float
    """Used by all threads of this process in these calls."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one rival did in all its turns, with batches of one size."""

    batch: int
    """Windows in each call."""
    slices: tuple[Slice, ...]
    """In order; the rivals' slices of the same index lie side by side in time."""

    @property
    def calls(self) -> int:
        """Calls that were timed."""
        return sum(len(part.latencies_s) for part in self.slices)

    @property
    def windows_per_s(self) -> float:
        """Median over the slices."""
        return self.batch / float(np.median(self._s_per_call))

    @property
    def cpu_s_per_window(self) -> float:
        """Median over the slices, CPU seconds of all threads."""
        spent = [part.cpu_s / len(part.latencies_s) for part in self.slices]
        return float(np.median(spent)) / self.batch

    def latency_s(self, percent: float) -> float:
        """Return this percentile of the time that a call took, over all calls."""
        return float(np.percentile([s for part in self.slices for s in part.latencies_s], percent))

    def times_as_fast_as(self, other: Timing) -> float:
        """Return the median over pairs of slices that lay side by side."""
        ratios = np.divide(other._s_per_call, self._s_per_call)
        return float(np.median(ratios)) * self.batch / other.batch

    @property
    def _s_per_call(self) -> list[float]:
        return [sum(part.latencies_s) / len(part.latencies_s) for part in self.slices]


def time_in_turns(rivals: Mapping[str, Infer], batch: Float32, *, seconds: float) -> dict[str, Timing]:
    """Time every rival on `batch`, shape (n, mel, frames), for about `seconds` each; same names, same order.

    A slice has at least one call, so that a slow rival may take longer.
    """
    for infer in rivals.values():
        for _ in range(WARM_UP_CALLS):
            infer(batch)
    slices: dict[str, list[Slice]] = {name: [] for name in rivals}
    order = list(rivals)
    for _ in range(ROUNDS):
        for name in order:
            slices[name].append(_one_slice(rivals[name], batch, seconds / ROUNDS))
        order.reverse()
    return {name: Timing(len(batch), tuple(parts)) for name, parts in slices.items()}


def _one_slice(infer: Infer, batch: Float32, seconds: float) -> Slice:
    latencies: list[float] = []
    started_cpu_s, started_s = time.process_time(), time.perf_counter()
    before_s = started_s
    while not latencies or before_s - started_s < seconds:
        infer(batch)
        now_s = time.perf_counter()
        latencies.append(now_s - before_s)
        before_s = now_s
    return Slice(tuple(latencies), time.process_time() - started_cpu_s)


def peak_gflops_of_core() -> float:
    """Return the best that NumPy's sgemm does here, in 1e9 float32 operations per CPU second.

    A multiply-add is two operations. CPU seconds of all threads are counted, so that it is a figure of one
    core however many NumPy uses.
    """
    draws = np.random.default_rng(0)
    left, right = (draws.standard_normal((MATRIX_ORDER, MATRIX_ORDER), np.float32) for _ in range(2))
    product = left @ right  # the first one starts threads and touches memory
    spent_s: list[float] = []
    for _ in range(MATRIX_PRODUCTS):
        before_s = time.process_time()
        np.matmul(left, right, out=product)
        spent_s.append(time.process_time() - before_s)
    return 2e-9 * MATRIX_ORDER**3 / min(spent_s)
