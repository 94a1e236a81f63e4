"""What every figure stands beside: frames by lot, stretches by lot, and the truth.

The lots of a clip hang on the seed, the draw and the clip's own file and start, never on its place among the
others.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from training.faithfulness.clips import Clips, Float32, Float64, Importance, importance_of_maps

REACH = 2
"""Frames, and bands, to either side over which random maps are smoothed."""


def lots_of_clips(
    names: Sequence[str], shape: tuple[int, ...], purpose: str, seed: int, draw: int
) -> Float64:
    """Return even draws from [0, 1) for each clip, shape (n, *shape); another purpose gives others."""
    lots = np.empty((len(names), *shape))
    for name, out in zip(names, lots, strict=True):
        of_clip = zlib.crc32(f"{purpose}:{name}".encode())
        np.random.default_rng([seed, draw, of_clip]).random(out=out)
    return lots


def random_frames(clips: Clips, seed: int, draw: int) -> Importance:
    """Return bins, and so frames, that are important by lot."""
    maps = lots_of_clips(clips.names, clips.values.shape[1:], "random", seed, draw)
    return importance_of_maps("random", maps.astype(np.float32))


def random_smoothed(clips: Clips, seed: int, draw: int) -> Importance:
    """Return the same, each the mean over REACH bins to every side: important stretches and patches.

    The lots reach as far beyond the clip's edges, so that no frame is favoured.
    """
    _, mel, frames = clips.values.shape
    lots = lots_of_clips(clips.names, (mel + 2 * REACH, frames + 2 * REACH), "smoothed", seed, draw)
    return importance_of_maps("random_smoothed", _mean_of_neighbours(lots).astype(np.float32))


def oracle(clips: Clips, seed: int, draw: int) -> Importance:
    """Return what the truth says: wrong frames, and the wrong bins of clips whose band is known.

    Which of the wrong frames come first is left to the lots of the ranking.
    """
    del seed, draw
    frames = np.broadcast_to(clips.truth_frames[:, None, :], clips.values.shape)
    bins = frames if clips.truth_bins is None else clips.truth_bins
    bins = np.where(clips.banded[:, None, None], bins, frames)
    return Importance("oracle", clips.truth_frames.astype(np.float32), bins.astype(np.float32))


Draw = Callable[[Clips, int, int], Importance]
"""(clips, seed, draw) -> what is important in them."""
CHANCE: Mapping[str, Draw] = {"random": random_frames, "random_smoothed": random_smoothed, "oracle": oracle}
"""The rows beside the methods, in the order in which they stand."""


def _mean_of_neighbours(lots: Float64) -> Float32 | Float64:
    width = 2 * REACH + 1
    total = np.pad(lots, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    squares = total[:, width:, width:] - total[:, :-width, width:] - total[:, width:, :-width]
    return np.asarray((squares + total[:, :-width, :-width]) / width**2)
