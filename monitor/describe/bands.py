"""Mel bands as places in frequency: groups to look at one by one, and the Hz that a run of bands covers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.frontend import FrontendParameters, band_edges_hz

Float64 = NDArray[np.float64]

GROUPS = 8
"""Stretches of neighbouring bands whose course in time an event remembers."""


class Bands:
    """The bands of one front end; constants only."""

    def __init__(self, parameters: FrontendParameters) -> None:
        self.count = parameters.mel_bands
        self.groups = min(GROUPS, self.count)
        """At least one band each."""
        starts = np.linspace(0, self.count, self.groups + 1).round().astype(np.intp)
        self.group_starts: NDArray[np.intp] = starts
        """Shape (groups + 1,): group g holds the bands from group_starts[g] to group_starts[g + 1]."""
        self.group_of: NDArray[np.intp] = np.repeat(np.arange(self.groups), np.diff(starts))
        """Shape (mel,), the group of each band."""
        self.hop_s = parameters.hop_s
        """From one frame to the next."""
        self.bin_hz = parameters.sample_rate_hz / parameters.n_fft
        """From one bin of a frame's spectrum to the next."""
        # there and back through mel they may lie a rounding error outside
        edges = np.clip(band_edges_hz(parameters), parameters.f_min_hz, parameters.f_max_hz)
        middles = (edges[1:-2] + edges[2:-1]) / 2.0
        self.cells_hz: Float64 = np.concatenate([edges[:1], middles, edges[-1:]])
        """Shape (mel + 1,): band b is nearest to the frequencies from cells_hz[b] to cells_hz[b + 1]."""

    def hz_of(self, first: int, last: int) -> tuple[float, float]:
        """Return the edges of the bands `first` to `last`, both within."""
        return float(self.cells_hz[first]), float(self.cells_hz[last + 1])

    def bands_of(self, low_hz: float, high_hz: float) -> slice:
        """Return the bands whose middle lies within these frequencies; at least one."""
        middles = (self.cells_hz[1:] + self.cells_hz[:-1]) / 2.0
        first = int(np.searchsorted(middles, low_hz))
        end = int(np.searchsorted(middles, high_hz, side="right"))
        first = min(first, self.count - 1)
        return slice(first, max(end, first + 1))

    def group_quarters(self, values: NDArray[Any]) -> tuple[Float64, Float64]:
        """Return the means of the highest and of the lowest quarter of each group's bands.

        Shapes (groups, frames). So a tone of a few bands shows as plainly as a noise that fills the group.
        """
        sizes = np.diff(self.group_starts)
        if sizes.min() == sizes.max():
            size = int(sizes[0])
            quarter = max(size // 4, 1)
            ordered = np.sort(values.reshape(self.groups, size, -1), axis=1)
            high, low = ordered[:, -quarter:], ordered[:, :quarter]
            return np.add.reduce(high, axis=1) / quarter, np.add.reduce(low, axis=1) / quarter
        high = np.empty((self.groups, values.shape[1]))
        low = np.empty_like(high)
        for group, size in enumerate(sizes):
            quarter = max(int(size) // 4, 1)
            ordered = np.sort(values[self.group_starts[group] : self.group_starts[group + 1]], axis=0)
            high[group], low[group] = ordered[-quarter:].mean(axis=0), ordered[:quarter].mean(axis=0)
        return high, low

    def group_means(self, values: Float64) -> Float64:
        """Return shape (groups,): the mean of each group's bands, from shape (mel,)."""
        return np.asarray(np.add.reduceat(values, self.group_starts[:-1]) / np.diff(self.group_starts))


def runs(chosen: NDArray[np.bool_], *, gap: int) -> list[tuple[int, int]]:
    """Return the first and last places of each run, those up to `gap` places apart joined."""
    at = np.flatnonzero(chosen)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > gap + 1)
    firsts, lasts = at[np.concatenate([[0], breaks + 1])], at[np.concatenate([breaks, [len(at) - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
