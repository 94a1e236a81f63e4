"""Looks for mains hum: a line at 50 or 60 Hz that stands above its neighbours in the mean spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32

MAINS_HZ = (50.0, 60.0)
LINE_HZ = 0.6
"""The line may lie this far off: the width of a bin, more than any grid strays."""
NEAR_HZ, FAR_HZ = 2.0, 8.0
"""Neighbours lie this far from the line; the other mains frequency is not one of them."""
TOP_HZ = 80.0
"""Nothing above it is looked at."""


@dataclass(frozen=True, slots=True)
class Hum:
    """The stronger of the two lines, however weak."""

    mains_hz: float
    """50 or 60."""
    above_neighbours_db: float
    """Peak of the line over the median of the bins around; 0 if another line nearby is stronger."""
    level_dbfs: float
    """RMS level of the line alone."""


class HumMeter:
    """The mean low spectrum of windows of one length."""

    def __init__(self, *, window_samples: int, sample_rate_hz: int) -> None:
        frequencies = np.fft.rfftfreq(window_samples, 1 / sample_rate_hz)
        self._hz = frequencies[frequencies <= TOP_HZ]
        self._taper = np.hanning(window_samples)
        self._power = np.zeros(len(self._hz))
        self._windows = 0

    def add(self, samples: Float32) -> None:
        """Take one window, shape (window_samples,)."""
        sound = (samples - samples.mean()) * self._taper
        self._power += np.abs(np.fft.rfft(sound)[: len(self._hz)]) ** 2
        self._windows += 1

    def facts(self) -> dict[str, NDArray[np.float64]]:
        """Return what another meter takes of the windows so far."""
        return {"hum_power": self._power, "hum_windows": np.array([float(self._windows)])}

    def take(self, facts: Mapping[str, NDArray[np.float64]]) -> None:
        """Take what another meter has measured of further windows."""
        self._power = self._power + facts["hum_power"]
        self._windows += int(facts["hum_windows"][0])

    def hum(self) -> Hum | None:
        """Return the stronger line; None before the first window."""
        if not self._windows:
            return None
        # a sine of amplitude a has |X| = a n / 4 under a Hann taper, and the power a^2 / 2
        mean = 8.0 * self._power / self._windows / len(self._taper) ** 2
        return max((self._line(mean, mains) for mains in MAINS_HZ), key=lambda h: h.above_neighbours_db)

    def _line(self, mean: NDArray[np.float64], mains_hz: float) -> Hum:
        away = np.abs(self._hz - mains_hz)
        other = np.min([np.abs(self._hz - hz) for hz in MAINS_HZ if hz != mains_hz], axis=0)
        around = (away > NEAR_HZ) & (away <= FAR_HZ) & (other > NEAR_HZ)
        line = float(mean[away <= LINE_HZ].max())
        is_peak = line >= float(mean[away <= NEAR_HZ].max())
        floor = max(float(np.median(mean[around])), 1e-20)
        above_db = 10.0 * float(np.log10(max(line / floor, 1.0))) if is_peak else 0.0
        return Hum(mains_hz, above_db, 10.0 * float(np.log10(max(line, 1e-20))))
