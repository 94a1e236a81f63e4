"""How the score falls as the most important is imputed away, and rises as it is added back to nothing.

Petsiuk et al., RISE (BMVC 2018). Scores are put so that methods and models compare: 1 is the mean score of
the clips as they are, 0 that of normal clips. A faithful method has a small area under the deletion curve and
a large one under the insertion curve. What chance gives depends on the imputer: bins that it guesses well
take nothing away. It also depends on the score. One that only grows with the error, such as the mean error,
asks what was meant. A head that finds too little error unusual too rises whenever frames become smooth, even
when the truth is imputed: by a joint head anomalies in the uav streams scored 10, normal sound 3, and wholly
imputed clips 107. Read such curves beside the oracle's row; `fall`, the first tenth alone, suffers least.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.marks import Ranks, highest
from training.faithfulness.models import Imputer, ScoreWindows

FALL_SHARE = 0.1
"""As many as the paper's lowest percentile marks."""


@dataclass(frozen=True, slots=True)
class Removing:
    """Clips that lose their bins step by step, and how unusual they are at both ends."""

    values: Float32
    """Shape (n, mel, frames)."""
    imputer: Imputer
    """Of clips."""
    score: ScoreWindows
    """Of clips."""
    fractions: tuple[float, ...]
    """Share of what is removed, or added, at each point of a curve; evenly spaced from 0."""
    full: float
    """Mean score of the clips as they are."""
    empty: float
    """Mean score of the wholly imputed clips."""
    zero: float
    """Mean score of normal clips; of the wholly imputed ones where there are no normal ones."""

    def deletion(self, ranks: Ranks) -> Float64 | None:
        """Return the mean score as the most important are imputed, shape (fractions,), 1 at the full clip.

        `ranks` has shape (n, frames) or (n, mel * frames). None where the clips are no more unusual than
        normal ones: then nothing can be told from it.
        """
        return self._curve(self._hidden(highest(ranks, count)) for count in self._counts(ranks))

    def insertion(self, ranks: Ranks) -> Float64 | None:
        """Return the mean score as the most important are shown in an imputed clip, shape (fractions,)."""
        return self._curve(self._hidden(~highest(ranks, count)) for count in self._counts(ranks))

    def fall(self, ranks: Ranks) -> float | None:
        """Return by how much the score falls when the most important FALL_SHARE is imputed; 1: to normal."""
        curve = self._curve(iter([self._hidden(highest(ranks, round(FALL_SHARE * ranks.shape[1])))]))
        return None if curve is None else 1.0 - float(curve[0])

    def _counts(self, ranks: Ranks) -> list[int]:
        return [round(fraction * ranks.shape[1]) for fraction in self.fractions]

    def _hidden(self, marked: Bools) -> Bools:
        n, mel, frames = self.values.shape
        if marked.shape[1] == frames:
            return np.broadcast_to(marked[:, None, :], self.values.shape)
        return marked.reshape(n, mel, frames)

    def _curve(self, hidden: Iterator[Bools]) -> Float64 | None:
        if not self.full > self.zero:
            return None
        scores = [self._mean_score(bins) for bins in hidden]
        return (np.array(scores) - self.zero) / (self.full - self.zero)

    def _mean_score(self, hidden: Bools) -> float:
        if not hidden.any():
            return self.full
        return self.empty if hidden.all() else _mean_score(self.values, hidden, self.imputer, self.score)


def _mean_score(values: Float32, hidden: Bools, imputer: Imputer, score: ScoreWindows) -> float:
    return float(np.mean(score(np.where(hidden, imputer(values, hidden), values))))


def removing(
    values: Float32, normal: Float32, imputer: Imputer, score: ScoreWindows, fractions: Sequence[float]
) -> Removing:
    """Return clips ready to be taken apart; `normal` ones may be none. Shapes (n, mel, frames)."""
    empty = _mean_score(values, np.ones(values.shape, dtype=bool), imputer, score)
    return Removing(
        values=values,
        imputer=imputer,
        score=score,
        fractions=tuple(fractions),
        full=float(np.mean(score(values))),
        empty=empty,
        zero=float(np.mean(score(normal))) if len(normal) else empty,
    )


def area(curve: Float64) -> float:
    """Return the mean height of a curve whose points are evenly spaced, by the trapezoidal rule."""
    return float((curve[1:] + curve[:-1]).mean() / 2.0)
