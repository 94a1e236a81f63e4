"""Measures sound: levels, peak, offset, and the quality of its windows.

Levels leave a constant offset out: it is no sound. Qualities are the daemon's own, window by window.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import AudioBlock, Quality, Window
from monitor.recording.hum import Hum
from monitor.recording.variety import Variety

LOWEST_DBFS = -200.0
"""Stands for digital zero."""
OF_INPUT = (Quality.GAP, Quality.SILENT, Quality.FLAT, Quality.CLIPPED, Quality.ABSENT)
"""What can be wrong with sound itself; the other qualities say what a daemon did with it."""
NOT_HEARD = frozenset({Quality.GAP, Quality.ABSENT})
"""Such windows hold zeros in place of sound: their level means nothing."""


@dataclass(frozen=True, slots=True)
class Levels:
    """RMS levels of windows."""

    median_dbfs: float
    """Half of the windows are louder."""
    low_dbfs: float
    """5 % of the windows are quieter."""
    high_dbfs: float
    """5 % of the windows are louder."""


@dataclass(frozen=True, slots=True)
class SoundMeasures:
    """What was measured of some sound."""

    windows: int
    """All of them, at the embedded bundle's grid."""
    heard_windows: int
    """Those without lost samples: the ones with a level."""
    levels: Levels | None
    """None when no window was heard whole."""
    peak_dbfs: float
    """The largest sample, at the device's rate."""
    dc_offset: float
    """Mean of all samples, in units of full scale."""
    shares: Mapping[str, float]
    """Quality -> its share of all windows, 0 to 1, for each of OF_INPUT."""
    hum: Hum | None
    """The stronger of the two lines of the mains; None when no window was heard whole."""
    speech_share: float | None = None
    """Share of the time in which somebody speaks; None where nobody looked."""
    no_speech_because: str = ""
    """Why nobody could look for speech; empty where it was looked for, or never asked."""
    variety: Variety | None = None
    """In how many ways the machine was heard; None where nobody looked."""


Facts = Mapping[str, NDArray[np.float64]]
"""What a meter has measured, by name, for another meter to take."""


class SoundMeter:
    """Measures blocks and the windows cut from them. Eight bytes a window are all that grows."""

    def __init__(self) -> None:
        self._levels = array("d")
        self._qualities: Counter[Quality] = Counter()
        self._peak = 0.0
        self._sum = 0.0
        self._samples = 0

    def add_block(self, block: AudioBlock) -> None:
        """Take the next block, at the device's rate."""
        if len(block.samples):
            self._peak = max(self._peak, float(block.samples.max()), -float(block.samples.min()))
            self._sum += float(block.samples.sum(dtype=np.float64))
            self._samples += len(block.samples)

    def add_window(self, window: Window) -> None:
        """Take the next window."""
        self._qualities[window.span.quality] += 1
        if window.span.quality not in NOT_HEARD:
            self._levels.append(_dbfs_from_power(float(np.var(window.samples, dtype=np.float64))))

    def facts(self) -> Facts:
        """Return what another meter takes of the sound so far."""
        return {
            "levels": np.array(self._levels, np.float64),
            "qualities": np.array([float(self._qualities[quality]) for quality in Quality]),
            "samples": np.array([self._peak, self._sum, float(self._samples)]),
        }

    def take(self, facts: Facts) -> None:
        """Take what another meter has measured of sound that follows."""
        self._levels.extend(facts["levels"].tolist())
        counts = zip(Quality, facts["qualities"].tolist(), strict=True)
        self._qualities.update({quality: int(count) for quality, count in counts})
        peak, total, samples = facts["samples"].tolist()
        self._peak, self._sum = max(self._peak, peak), self._sum + total
        self._samples += int(samples)

    def measures(
        self,
        hum: Hum | None = None,
        *,
        speech_share: float | None = None,
        no_speech_because: str = "",
        variety: Variety | None = None,
    ) -> SoundMeasures:
        """Return what has been measured so far, with what other meters found."""
        windows = sum(self._qualities.values())
        levels = None
        if self._levels:
            low, median, high = (float(x) for x in np.percentile(np.asarray(self._levels), [5, 50, 95]))
            levels = Levels(median_dbfs=median, low_dbfs=low, high_dbfs=high)
        return SoundMeasures(
            windows=windows,
            heard_windows=len(self._levels),
            levels=levels,
            peak_dbfs=_dbfs_from_power(self._peak**2),
            dc_offset=self._sum / max(self._samples, 1),
            shares={quality.value: self._qualities[quality] / max(windows, 1) for quality in OF_INPUT},
            hum=hum,
            speech_share=speech_share,
            no_speech_because=no_speech_because,
            variety=variety,
        )


def _dbfs_from_power(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 10 ** (LOWEST_DBFS / 10))))
