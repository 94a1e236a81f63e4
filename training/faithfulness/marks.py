"""From a curve in time to marked frames, to chunks and to the paper's segments.

The paper marks frames at or above the percentile of their clip's curve. Where values are equal that rule
marks more frames than it should, all of them on a level curve, and more frames removed look like more
faithfulness. So values are ranked first, equal ones by lot: always as many frames are marked as the rule
marks where no two are equal, and a level curve is worth exactly chance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from training.faithfulness.clips import Bools, Float32, Float64

Ranks = NDArray[np.int64]
"""Shape (n, k), in each row 0 for the least important to k - 1, no two alike."""
Chunks = NDArray[np.int64]
"""Shape (frames,), the number of each frame's chunk, rising from 0."""


def ranks_of_values(values: Float32 | Float64, lots: Float64) -> Ranks:
    """Return the place of each value in its row, both shape (n, k); equal ones in the order of `lots`."""
    order = np.lexsort((lots, values), axis=-1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return ranks


def marked_frames(ranks: Ranks, percentile: float) -> Bools:
    """Return where a rank is at or above the percentile of all ranks, shape (n, k).

    The percentile is NumPy's: linear between two ranks.
    """
    return np.asarray(ranks >= np.quantile(np.arange(ranks.shape[1]), percentile / 100.0))


def highest(ranks: Ranks, count: int) -> Bools:
    """Return the `count` most important of each row, shape (n, k)."""
    return np.asarray(ranks >= ranks.shape[1] - count)


def chunks_of_frames(frames: int, hop_s: float, chunk_s: float) -> Chunks:
    """Return in which chunk the middle of each frame lies; a rest under half a chunk joins the last one."""
    chunks = max(1, math.floor(frames * hop_s / chunk_s + 0.5))
    own = np.floor((np.arange(frames) + 0.5) * hop_s / chunk_s).astype(np.int64)
    # numbered anew, for no frame lies in some of them where chunks are shorter than hops
    return np.unique(np.minimum(own, chunks - 1), return_inverse=True)[1]


def chunks_with_any(frames: Bools, chunks: Chunks) -> Bools:
    """Return which chunks hold any True frame, shape (n, chunks) from (n, frames)."""
    firsts = np.flatnonzero(np.diff(chunks, prepend=-1))
    return np.asarray(np.logical_or.reduceat(frames, firsts, axis=1))


def segments_in_truth(marks: Bools, truth: Bools, chunks: Chunks) -> Bools:
    """Return the wrong frames of all chunks with a marked frame, shapes (n, frames): the paper's segments."""
    return chunks_with_any(marks, chunks)[:, chunks] & truth
