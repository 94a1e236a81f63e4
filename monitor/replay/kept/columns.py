"""The columns of a clip's pictures: one frame each, or several where the clip is long."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.messages import Float32

MOST_COLUMNS = 4096
"""A longer clip has several frames in a column: the highest error of them, the mean of the others."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How frames become columns."""

    frames: int
    """That fill the clip, the last one maybe partly."""
    frame_s: float
    """From one frame to the next."""
    together: int
    """Frames in a column."""

    @property
    def width_px(self) -> int:
        """How many columns there are."""
        return math.ceil(self.frames / self.together)

    @property
    def column_s(self) -> float:
        """Seconds that a column shows."""
        return self.frame_s * self.together

    def reduced(self, values: Float32, reduce: Callable[..., Float32]) -> Float32:
        """Put the frames of each column, the last axis, into one; NaN where any of them is not known."""
        if self.together == 1:
            return values
        missing = -values.shape[-1] % self.together
        padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)], mode="edge")
        return np.asarray(reduce(padded.reshape(*values.shape[:-1], -1, self.together), axis=-1), np.float32)


def columns_of_clip(duration_s: float, frame_s: float) -> Columns:
    """Return the columns that a clip fills; at least one."""
    frames = max(1, math.ceil(duration_s / frame_s - 1e-6))
    return Columns(frames, frame_s, math.ceil(frames / MOST_COLUMNS))
