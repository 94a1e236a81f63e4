"""What stands in for hidden bins when the model under test shall not fill them in itself.

A clip of which a band is hidden from end to end gets 0 there, the mean of standardised normal sound.
"""

from __future__ import annotations

import numpy as np

from training.faithfulness.clips import Bools, Float32
from training.faithfulness.models import Imputer, Reconstruct

MEAN_OF_NORMAL = 0.0


def interpolated(values: Float32, hidden: Bools) -> Float32:
    """Return each band drawn straight from the last visible frame to the next; level beyond the outermost."""
    frames = values.shape[2]
    at = np.arange(frames, dtype=np.int32)
    before = np.maximum.accumulate(np.where(hidden, np.int32(-1), at), axis=2)
    after = np.minimum.accumulate(np.where(hidden, np.int32(frames), at)[:, :, ::-1], axis=2)[:, :, ::-1]
    clip, band, frame = np.nonzero(hidden)
    left, right = before[clip, band, frame], after[clip, band, frame]
    none_left, none_right = left < 0, right == frames
    left, right = np.where(none_left, right, left), np.where(none_right, left, right)
    unseen = none_left & none_right
    left[unseen] = right[unseen] = 0
    low, high = values[clip, band, left], values[clip, band, right]
    share = ((frame - left) / np.maximum(right - left, 1)).astype(np.float32)
    filled = values.copy()
    filled[clip, band, frame] = np.where(unseen, MEAN_OF_NORMAL, low + share * (high - low))
    return filled


def mean_of_visible(values: Float32, hidden: Bools) -> Float32:
    """Return the mean of each band over the clip's visible frames, in every frame."""
    visible = (~hidden).sum(axis=2, keepdims=True)
    total = np.where(hidden, 0.0, values).sum(axis=2, keepdims=True, dtype=np.float64)
    mean = np.where(visible > 0, total / np.maximum(visible, 1), MEAN_OF_NORMAL)
    return np.broadcast_to(mean, values.shape).astype(np.float32)


def reconstructed(reconstruct: Reconstruct) -> Imputer:
    """Return an imputer of windows that takes what `reconstruct` makes of them, hidden or not."""

    def impute(values: Float32, hidden: Bools) -> Float32:
        del hidden
        return reconstruct(values)

    return impute


def centred(imputer: Imputer, mean: Float32) -> Imputer:
    """Return the same imputer for values of which `mean` is normal, shape (mel, 1), where 0 is not.

    Only what is hidden from end to end comes out otherwise.
    """

    def impute(values: Float32, hidden: Bools) -> Float32:
        return np.asarray(imputer(values - mean, hidden) + mean, dtype=np.float32)

    return impute
