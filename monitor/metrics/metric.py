"""What a metric is: its name, its meaning, and how its values are found in a scene."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engines.histogram import HistogramCounts
from monitor.metrics.scene import Scene

Quantiles = Mapping[float, float]
"""By share, 0 to 1."""
Value = float | HistogramCounts | Quantiles
Kind = Literal["gauge", "counter", "histogram", "summary"]
Sample = tuple[tuple[str, ...], Value]
"""The values of the labels, in their order, and the number that belongs to them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table of metrics."""

    name: str
    """In full, as Prometheus shows it, by its rules for names: base units, counters end in _total."""
    kind: Kind
    """A counter only rises while the daemon runs; it begins at 0 with every start."""
    meaning: str
    """One line, for people."""
    labels: tuple[str, ...]
    """Names, in the order in which samples give their values."""
    read: Callable[[Scene], Iterable[Sample]]
    """What is not known gives no sample: absent, never 0."""
