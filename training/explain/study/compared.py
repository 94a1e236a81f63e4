"""Figures of several trainings side by side: of one method, of one model, over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.explain.attributions import ATTRIBUTIONS
from training.explain.study.measuring import Measured
from training.explain.study.paper import paper_curve
from training.explain.study.plan import PERCENTILES

RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one model's figure is above another's, seed by seed."""

    by_seed: tuple[float, ...]
    """Of the seeds that both have."""

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.by_seed))

    @property
    def sign(self) -> int:
        """1 or -1 where all seeds agree, else 0."""
        signs = {int(np.sign(value)) for value in self.by_seed}
        return signs.pop() if len(signs) == 1 else 0


@dataclass(frozen=True, slots=True)
class Compared:
    """All parts of one way to explain."""

    parts: tuple[Measured, ...]

    def of(self, kind: str) -> list[Measured]:
        """Return the parts of a kind by seed."""
        return sorted((part for part in self.parts if part.part.kind == kind), key=lambda m: m.part.seed)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the parts that are there, in their order."""
        return tuple(dict.fromkeys(part.part.kind for part in self.parts))

    def means(self, kind: str, figure: str, method: str) -> list[float]:
        """Return a figure's mean over the percentiles that the paper has of it, one for each seed."""
        wanted = percentiles_of(figure)
        return [float(np.mean([values[p] for p in wanted])) for values in self.curves(kind, figure, method)]

    def curves(self, kind: str, figure: str, method: str) -> list[Mapping[int, float]]:
        """Return a figure at each percentile, one mapping for each seed."""
        return [
            dict(
                zip(part.table.percentiles, part.table.row(method).by_percentile[figure].values, strict=True)
            )
            for part in self.of(kind)
            if figure in part.table.row(method).by_percentile
        ]

    def plain(self, kind: str, figure: str, method: str) -> list[float]:
        """Return a figure without a percentile, one for each seed that has it."""
        found = [part.table.row(method).figures[figure].value for part in self.of(kind)]
        return [value for value in found if value is not None]

    def methods(self, kind: str) -> list[str]:
        """Return the methods that every seed of a kind has, in the order of reports."""
        rows = [{row.name for row in part.table.rows} for part in self.of(kind)]
        return [name for name in ATTRIBUTIONS if rows and all(name in names for names in rows)]

    def lifts(self, kind: str, figure: str, method: str) -> list[float]:
        """Return the mean of a figure over that of random frames, one for each seed."""
        pairs = zip(self.means(kind, figure, method), self.means(kind, figure, RANDOM), strict=True)
        return [value / chance for value, chance in pairs if chance > 0]

    def difference(self, figure: str, method: str, above: str, below: str) -> Difference | None:
        """Return by how much `above` has more of a figure than `below`; None where they share no seed."""
        both = [
            dict(zip(self._seeds(kind), self.means(kind, figure, method), strict=True))
            for kind in (above, below)
        ]
        shared = sorted(both[0].keys() & both[1].keys())
        return Difference(tuple(both[0][seed] - both[1][seed] for seed in shared)) if shared else None

    def _seeds(self, kind: str) -> list[int]:
        return [part.part.seed for part in self.of(kind)]


def percentiles_of(figure: str) -> tuple[int, ...]:
    """Return the percentiles over which a figure is averaged: those that the paper has of it, else all."""
    return tuple(paper_curve(figure, "ae", "error_map")) or PERCENTILES


def compared(parts: Iterable[Measured], settings: str) -> Compared:
    """Return the parts that were explained in one way."""
    return Compared(tuple(part for part in parts if part.part.settings == settings))


def range_of(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest."""
    return min(values), max(values)
