"""How much of a model's error goes when marked frames are replaced: as in the paper, and more strictly.

    x' = m filled + (1 - m) x        FF = max(0, 1 - MSE(j(x'), x') / MSE(j(x), x))

The paper (arXiv 2601.12660, as its code has it) fills with g(x) and judges by g, the model under test. That
favours the error map, whose largest bins are what g(x) replaces, and makes FF of two models a ratio of other
errors each. So the same is taken with a foreign imputer and one judge for all. A clip without any error has
none to lose: FF 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.faithfulness.clips import Bools, Float32, Float64
from training.faithfulness.models import Imputer, Reconstruct


@dataclass(frozen=True, slots=True)
class Removal:
    """Clips, what fills their marked frames, and who judges what is left."""

    values: Float32
    """Shape (n, mel, frames)."""
    fill: Callable[[Bools], Float32]
    """Hidden bins -> values for them, both (n, mel, frames)."""
    judge: Reconstruct
    """Of clips."""
    before: Float64
    """Shape (n,), the judge's error of the clips as they are."""

    def faithfulness(self, marks: Bools) -> Float64:
        """Return FF of each clip, shape (n,), when the frames of `marks`, shape (n, frames), are replaced."""
        hidden = np.broadcast_to(marks[:, None, :], self.values.shape)
        after = mean_squared_error(self.judge, np.where(hidden, self.fill(hidden), self.values))
        left = np.divide(after, self.before, out=np.ones_like(after), where=self.before > 0.0)
        return np.maximum(0.0, 1.0 - left)


def mean_squared_error(reconstruct: Reconstruct, values: Float32) -> Float64:
    """Return the error of each clip over all its bins, shape (n,)."""
    return np.asarray(np.square(reconstruct(values).astype(np.float64) - values).mean(axis=(1, 2)))


def removal_by_itself(values: Float32, reconstruct: Reconstruct) -> Removal:
    """Return the paper's: the model under test fills, with what it made of the whole clip, and judges."""
    filled = reconstruct(values)
    before = np.square(filled.astype(np.float64) - values).mean(axis=(1, 2))
    return Removal(values, lambda _: filled, reconstruct, np.asarray(before))


def removal_by_imputer(values: Float32, imputer: Imputer, judge: Reconstruct) -> Removal:
    """Return one in which a foreign imputer fills and a common judge judges."""
    return Removal(values, lambda hidden: imputer(values, hidden), judge, mean_squared_error(judge, values))
