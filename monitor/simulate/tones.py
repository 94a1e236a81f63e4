"""The tones of whatever turns: one revolution as a table, read at the shaft's own pace.

All lines of a shaft are whole multiples (orders) of its speed, so that their sum repeats each turn:
one table holds them all and follows any drift of speed for the price of one look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.messages import Float32
from monitor.simulate.chunk import Float64
from monitor.simulate.drift import gain_from_db

TABLE_POINTS = 16_384
"""A line of order 200 read between these points is true to -60 dB of itself."""

Line = tuple[int, float]
"""(order of the shaft, RMS level in dBFS)."""


def side_bands(carrier: int, level_dbfs: float, spread_db: Sequence[float]) -> tuple[Line, ...]:
    """Return a carrier with pairs of side bands at one order, two orders, ... from it.

    Vanes and teeth are never quite alike, so that the pass frequency f is modulated at shaft rate and
    f +- k shaft appear (Randall, Vibration-based Condition Monitoring, 2011, section 5.3).
    """
    lines = [(carrier, level_dbfs)]
    for k, below_db in enumerate(spread_db, start=1):
        lines += [(carrier - k, level_dbfs - below_db), (carrier + k, level_dbfs - below_db - 1.5)]
    return tuple(lines)


def table_of(lines: Sequence[Line], *, phase_seed: int) -> Float32:
    """Return one revolution, shape (TABLE_POINTS + 1,), last point equal to the first."""
    spectrum = np.zeros(TABLE_POINTS // 2 + 1, dtype=np.complex128)
    random = np.random.default_rng(phase_seed)
    for order, level_dbfs in lines:
        amplitude = np.sqrt(2.0) * gain_from_db(level_dbfs)
        spectrum[order] += amplitude * np.exp(2j * np.pi * random.random()) * (TABLE_POINTS / 2)
    turn = np.fft.irfft(spectrum, TABLE_POINTS)
    return np.append(turn, turn[0]).astype(np.float32)


def read_table(table: Float32, turns: Float64) -> Float32:
    """Return the table's values at these revolutions, shape of `turns`, straight between points."""
    position = (turns - np.floor(turns)) * TABLE_POINTS
    index = position.astype(np.intp)
    between = (position - index).astype(np.float32)
    below = table[index]
    return below + between * (table[index + 1] - below)
