"""Error maps small enough to travel: area means of the cells, in steps of a 255th of the greatest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CoarseMap:
    """A down-sampled error map and the scale that undoes its rounding."""

    cells: NDArray[np.uint8]
    """Shape (rows, columns); row 0 is the lowest frequency."""
    scale: float
    """Squared error per step: error = cell * scale."""


def area_weights(cells: int, onto: int) -> Float64:
    """Return shape (onto, cells): how much of each of `onto` equal parts a cell fills; rows sum to 1."""
    edges = np.linspace(0.0, cells, onto + 1)
    starts = np.arange(cells)
    overlap = np.minimum(edges[1:, None], starts + 1.0) - np.maximum(edges[:-1, None], starts)
    return np.asarray(np.maximum(overlap, 0.0) * onto / cells)


def area_mean(values: Float32, shape: tuple[int, int]) -> Float64:
    """Return `values` at `shape`, each cell the exact mean of the area it covers; never finer than `values`.

    The mean over all cells stays the same, also where `shape` does not divide that of `values`.
    """
    rows, columns = fitting_shape(values.shape, shape)
    return np.asarray(
        area_weights(values.shape[0], rows)
        @ values.astype(np.float64)
        @ area_weights(values.shape[1], columns).T
    )


def fitting_shape(fine: tuple[int, ...], wanted: tuple[int, int]) -> tuple[int, int]:
    """Return `wanted`, but no more rows or columns than `fine` has: no detail is invented."""
    return min(fine[0], wanted[0]), min(fine[1], wanted[1])


def coarse_map(error_map: Float32, shape: tuple[int, int]) -> CoarseMap:
    """Down-sample and round an error map, shape (mel, frames); a cell is off by half a step at most.

    Raises:
        ValueError: A value is not a finite number.
    """
    if not np.isfinite(error_map).all():
        raise ValueError("the error map holds values that are not numbers")
    means = area_mean(error_map, shape)
    scale = float(means.max()) / 255.0
    steps = np.rint(means / scale) if scale > 0.0 else np.zeros_like(means)
    return CoarseMap(cells=steps.astype(np.uint8), scale=scale)


def row_edges_hz(band_edges_hz: Float64, rows: int) -> tuple[float, ...]:
    """Return the rows + 1 frequencies between the rows of a map of mel bands.

    `band_edges_hz`, shape (bands + 2,): band b peaks at b + 1. The border between two bands is taken
    half-way between their peaks, so that row r of R covers bands r*B/R to (r+1)*B/R.
    """
    bands = len(band_edges_hz) - 2
    positions = np.linspace(0.5, bands + 0.5, rows + 1)
    return tuple(float(hz) for hz in np.interp(positions, np.arange(bands + 2), band_edges_hz))
