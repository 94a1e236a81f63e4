"""How the score falls as the most important is imputed away, and rises as it is added back to nothing.

Petsiuk et al., RISE (BMVC 2018). The ends are those of the clips themselves, so that methods and
models compare: 1 is the score of the full clip, 0 that of the wholly imputed one. A faithful method has a
small area under the deletion curve and a large one under the insertion curve. What chance gives depends on
the imputer: bins that an imputer guesses well take nothing away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.marks import Ranks, highest
from training.faithfulness.models import Imputer, ScoreWindows


@dataclass(frozen=True, slots=True)
class Removing:
    """Clips that lose their bins step by step, and how unusual they are at both ends."""

    values: Float32
    """Shape (n, mel, frames)."""
    imputer: Imputer
    """Of clips."""
    score: ScoreWindows
    """Of clips."""
    steps: int
    """From one end to the other; at least 1."""
    full: float
    """Mean score of the clips as they are."""
    empty: float
    """Mean score of the wholly imputed clips."""

    @property
    def fractions(self) -> tuple[float, ...]:
        """Share of what is removed, or added, at each point of a curve, from 0 to 1."""
        return tuple(step / self.steps for step in range(self.steps + 1))

    def deletion(self, ranks: Ranks) -> Float64 | None:
        """Return the mean score as the most important are imputed, shape (steps + 1,), 1 at the full clip.

        `ranks` has shape (n, frames) or (n, mel * frames). None where imputing everything makes the clips no
        less unusual: then nothing can be told from it.
        """
        return self._curve(self._hidden(highest(ranks, count)) for count in self._counts(ranks))

    def insertion(self, ranks: Ranks) -> Float64 | None:
        """Return the mean score as the most important are shown, shape (steps + 1,), 0 where none is."""
        return self._curve(self._hidden(~highest(ranks, count)) for count in self._counts(ranks))

    def _counts(self, ranks: Ranks) -> list[int]:
        return [round(fraction * ranks.shape[1]) for fraction in self.fractions]

    def _hidden(self, marked: Bools) -> Bools:
        n, mel, frames = self.values.shape
        if marked.shape[1] == frames:
            return np.broadcast_to(marked[:, None, :], self.values.shape)
        return marked.reshape(n, mel, frames)

    def _curve(self, hidden: Iterator[Bools]) -> Float64 | None:
        if not self.full > self.empty:
            return None
        scores = [self._mean_score(bins) for bins in hidden]
        return (np.array(scores) - self.empty) / (self.full - self.empty)

    def _mean_score(self, hidden: Bools) -> float:
        if not hidden.any():
            return self.full
        return self.empty if hidden.all() else _mean_score(self.values, hidden, self.imputer, self.score)


def _mean_score(values: Float32, hidden: Bools, imputer: Imputer, score: ScoreWindows) -> float:
    return float(np.mean(score(np.where(hidden, imputer(values, hidden), values))))


def removing(values: Float32, imputer: Imputer, score: ScoreWindows, steps: int) -> Removing:
    """Return clips of shape (n, mel, frames) ready to be taken apart in `steps` steps."""
    everything = np.ones(values.shape, dtype=bool)
    full, empty = float(np.mean(score(values))), _mean_score(values, everything, imputer, score)
    return Removing(values, imputer, score, steps, full, empty)


def area(curve: Float64) -> float:
    """Return the area under a curve whose points are evenly spaced from 0 to 1."""
    return float((curve[1:] + curve[:-1]).mean() / 2.0)
