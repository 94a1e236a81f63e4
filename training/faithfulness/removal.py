"""How much of a model's error goes when marked frames are replaced: as in the paper, and more strictly.

    x' = m filled + (1 - m) x        FF = max(0, 1 - MSE(j(x'), x') / MSE(j(x), x))

The paper (arXiv 2601.12660, as its code has it) fills with g(x) and judges by g, the model under test. That
favours the error map, whose largest bins are what g(x) replaces, and makes FF of two models a ratio of other
errors each. So the same is taken with a foreign imputer and one judge for all. A clip without any error has
none to lose: FF 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.models import Imputer, Reconstruct

Numbers = NDArray[np.int64]
"""Numbers of clips, shape (k,)."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Clips, what fills their marked frames, and who judges what is left."""

    values: Float32
    """Shape (n, mel, frames)."""
    fill: Callable[[Numbers, Bools], Float32]
    """(some of the clips, by number, and their hidden bins) -> values for these."""
    judge: Reconstruct
    """Of clips."""
    before: Float64
    """Shape (n,), the judge's error of the clips as they are."""

    def faithfulness(self, marks: Bools) -> Float64:
        """Return FF of each clip, shape (n,), when the frames of `marks`, shape (n, frames), are replaced."""
        return self._of_some(np.arange(len(self.values)), marks)

    def over(self, steps: Sequence[Bools]) -> Float64:
        """Return the same for several marks, shape (steps, n); unchanged clips are not asked again."""
        found = [self.faithfulness(steps[0])]
        for last, marks in itertools.pairwise(steps):
            changed = np.flatnonzero((marks != last).any(axis=1))
            now = found[-1].copy()
            if len(changed):
                now[changed] = self._of_some(changed, marks[changed])
            found.append(now)
        return np.array(found)

    def _of_some(self, clips: Numbers, marks: Bools) -> Float64:
        values, before = self.values[clips], self.before[clips]
        hidden = np.broadcast_to(marks[:, None, :], values.shape)
        after = mean_squared_error(self.judge, np.where(hidden, self.fill(clips, hidden), values))
        left = np.divide(after, before, out=np.ones_like(after), where=before > 0.0)
        return np.maximum(0.0, 1.0 - left)


def mean_squared_error(reconstruct: Reconstruct, values: Float32) -> Float64:
    """Return the error of each clip over all its bins, shape (n,)."""
    return np.asarray(np.square(reconstruct(values).astype(np.float64) - values).mean(axis=(1, 2)))


def removal_by_itself(values: Float32, reconstruct: Reconstruct) -> Removal:
    """Return the paper's: the model under test fills, with what it made of the whole clip, and judges."""
    filled = reconstruct(values)
    before = np.square(filled.astype(np.float64) - values).mean(axis=(1, 2))
    return Removal(values, lambda clips, _: filled[clips], reconstruct, np.asarray(before))


def removal_by_imputer(values: Float32, imputer: Imputer, judge: Reconstruct) -> Removal:
    """Return one in which a foreign imputer fills and a common judge judges."""
    before = mean_squared_error(judge, values)
    return Removal(values, lambda clips, hidden: imputer(values[clips], hidden), judge, before)
