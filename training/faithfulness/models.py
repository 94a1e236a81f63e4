"""The models that answer, as callables, and how the figures are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError
from training.faithfulness.clips import Bools, Float32

Reconstruct = Callable[[Float32], Float32]
"""Windows (n, mel, frames) -> what normal sound would have been there, same shape."""
ScoreWindows = Callable[[Float32], NDArray[np.floating]]
"""Windows (n, mel, frames) -> how unusual each is, (n,); high means unusual."""
Imputer = Callable[[Float32, Bools], Float32]
"""(values, hidden), both (n, mel, frames) -> values for the hidden bins; what it says of others is not used.

`hidden` is True where a bin is to be replaced; all bands of a frame, unless single bins are removed.
"""

PERCENTILES = tuple(range(90, 100))
"""The paper's."""


@dataclass(frozen=True, slots=True)
class Models:
    """Who answers. All hear windows of Clips.window_frames, standardised per band."""

    reconstruct: Reconstruct
    """The model under test."""
    score: ScoreWindows
    """Of windows, for deletion and insertion; a clip's is the mean. Best one that only grows with error."""
    judge: Reconstruct
    """One for all models of a comparison: its error says what a foreign imputation took away."""
    imputers: Mapping[str, Imputer]
    """Name -> what replaces marked frames in place of the model under test. They are given whole clips."""
    removed_by: str = "linear"
    """Which of the imputers takes bins away for deletion and insertion."""

    def __post_init__(self) -> None:
        if self.removed_by not in self.imputers:
            raise TrainingError(
                f"imputer {self.removed_by!r} for deletion is not among {', '.join(self.imputers)}; add it"
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """How the figures are taken."""

    percentiles: tuple[int, ...] = PERCENTILES
    """Of a clip's curve; frames at or above are marked. Rising."""
    draws: int = 5
    """So many draws by lot stand behind each chance row."""
    seed: int = 1_986
    """Of all lots."""
    steps: int = 10
    """Of the curves of deletion and insertion; 0 leaves both out."""
    up_to: float = 1.0
    """Share of frames (or bins) at the end of these curves; see training.faithfulness.deletion."""
    chunk_s: float = 1.0
    """Of the paper's chunks and segments."""
    quiet_share: float = 0.75
    """Of the normal clips that stay below the threshold of onsets from end to end."""
    batch_windows: int = 256
    """A model is given at most so many windows at once."""

    @property
    def fractions(self) -> tuple[float, ...]:
        """Share of frames (or bins) at each point of the curves of deletion and insertion; empty: none."""
        return tuple(self.up_to * step / self.steps for step in range(self.steps + 1)) if self.steps else ()
