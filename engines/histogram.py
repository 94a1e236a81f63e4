"""Counts how often durations fell between fixed edges: bounded memory for any number of them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

EDGES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""From an answer of a small model to a box that is half a minute behind; three for each factor of ten."""


@dataclass(frozen=True, slots=True)
class HistogramCounts:
    """A histogram at one moment."""

    edges_s: tuple[float, ...]
    """Rising."""
    counts: tuple[int, ...]
    """Durations at or below each edge and above the one before it; one more, of those above all edges."""
    sum_s: float
    """Of all durations."""


class Histogram:
    """One thread notes, any may read; a reader may find one duration counted that is not in the sum yet."""

    def __init__(self, edges_s: tuple[float, ...] = EDGES_S) -> None:
        self._edges_s = edges_s
        self._counts = [0] * (len(edges_s) + 1)
        self._sum_s = 0.0

    def note(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect.bisect_left(self._edges_s, seconds)] += 1
        self._sum_s += seconds

    def counts(self) -> HistogramCounts:
        """Return what has been counted so far."""
        return HistogramCounts(self._edges_s, tuple(self._counts), self._sum_s)
