"""Says whether recorded sound is fit to learn from: levels, input quality, hum, and what to do about each.

Levels leave a constant offset out: it is no sound. Qualities are the daemon's own, window by window.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import AudioBlock, Quality, Window
from monitor.recording.hum import Hum
from monitor.recording.variety import LEAST_MINUTES, STATE_DB, Variety

LOWEST_DBFS = -200.0
"""Stands for digital zero."""
ALMOST_SILENT_DBFS = -75.0
"""A median level below it is what an unplugged input gives."""
TOO_QUIET_DBFS = -60.0
"""Below it the converter's and the preamplifier's own noise are near."""
REMEDIES = (
    (Quality.CLIPPED, 0.01, "clipped: lower the gain"),
    (Quality.GAP, 0.05, "samples were lost: check the cable, the sound server and the load of the box"),
    (Quality.FLAT, 0.01, "the samples stand still: check the cable and the converter"),
    (Quality.SILENT, 0.05, "silent in part: was something switched off or muted?"),
)
"""Quality, the share of windows above which it is told (absent ones count as gap), and what to do."""
STEADY_DB = 0.15
"""White noise at the model's rate spreads 0.11 dB from window to window, the quietest fan we have 0.3."""
STEADY_WINDOWS = 20
"""Fewer windows say nothing about how much levels vary."""
OFFSET = 0.01
HUM_DB = 15.0
"""In 400 windows of noise no line stood so far above its neighbours."""
HUM_DBFS = -80.0
MOST_SPEECH = 0.05
"""Quadcopters without anybody give 0.011, one factory recording of eight 0.07 (docs/privacy.md)."""
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that is wrong, or odd, with the sound."""

    code: str
    """For programs; never changes."""
    text: str
    """For people, with the remedy."""


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


def verdicts_of_sound(measures: SoundMeasures) -> list[Verdict]:
    """Return what is wrong, the worst first; empty when the sound is fit to learn from."""
    if measures.levels is None:
        text = "nothing was heard for as long as a window: is the device there? See `wheeltapper devices`"
        return [Verdict("nothing", text)]
    return [
        *_level_verdicts(measures, measures.levels),
        *_quality_verdicts(measures),
        *_content_verdicts(measures),
        *_hints(measures),
    ]


def _level_verdicts(measures: SoundMeasures, levels: Levels) -> list[Verdict]:
    median = f"the median level is {levels.median_dbfs:.1f} dBFS"
    if levels.median_dbfs < ALMOST_SILENT_DBFS:
        text = f"almost silent: is this the right device? ({median}; `wheeltapper devices` shows levels)"
        return [Verdict("almost-silent", text)]
    found = []
    if levels.median_dbfs < TOO_QUIET_DBFS:
        found.append(Verdict("too-quiet", f"too quiet: raise the gain, or move the microphone ({median})"))
    spread_db = levels.high_dbfs - levels.low_dbfs
    if spread_db < STEADY_DB and measures.heard_windows >= STEADY_WINDOWS:
        text = f"levels do not vary at all: is the machine running? ({spread_db:.2f} dB from 5 % to 95 %)"
        found.append(Verdict("steady", text))
    return found


def _quality_verdicts(measures: SoundMeasures) -> list[Verdict]:
    shares = dict(measures.shares)
    shares[Quality.GAP.value] += shares[Quality.ABSENT.value]
    return [
        Verdict(quality.value, f"{remedy} ({shares[quality.value]:.1%} of the windows)")
        for quality, limit, remedy in REMEDIES
        if shares[quality.value] > limit
    ]


def _content_verdicts(measures: SoundMeasures) -> list[Verdict]:
    found = []
    if (measures.speech_share or 0.0) > MOST_SPEECH:
        text = (
            f"somebody speaks in {measures.speech_share:.0%} of the time, and would be learned as the "
            "machine: record with nobody there"
        )
        found.append(Verdict("speech", text))
    variety = measures.variety
    if variety is not None and variety.minutes >= LEAST_MINUTES and variety.states == 1:
        text = (
            f"not enough variety: all {variety.minutes} minutes sound alike, within {STATE_DB:g} dB; one way "
            "of running was heard. If the machine has other speeds, loads or products, record those too: "
            "what was never heard will alarm"
        )
        found.append(Verdict("variety", text))
    return found


def _hints(measures: SoundMeasures) -> list[Verdict]:
    found = []
    hum = measures.hum
    if hum is not None and hum.above_neighbours_db > HUM_DB and hum.level_dbfs > HUM_DBFS:
        text = (
            f"a line at {hum.mains_hz:g} Hz stands {hum.above_neighbours_db:.0f} dB above its neighbours: "
            "the machine's own, or mains hum: try another supply, or a shielded cable"
        )
        found.append(Verdict("hum", text))
    if abs(measures.dc_offset) > OFFSET:
        text = (
            f"the samples have an offset of {measures.dc_offset:+.3f} of full scale: harmless if it stays, "
            "but another sound card, or its high-pass filter, would be better"
        )
        found.append(Verdict("offset", text))
    return found


def _words_of_variety(variety: Variety) -> str:
    states = "1 operating state" if variety.states == 1 else f"{variety.states} operating states"
    apart = f", up to {variety.apart_db:.1f} dB apart" if variety.states > 1 else ""
    return f"{states} in {variety.minutes} min{apart}"


def lines_of_measures(measures: SoundMeasures, also: Iterable[str] = ()) -> list[str]:
    """Return what was measured and what to do about it, as lines for a person; `also` is to be done too."""
    facts = {}
    if measures.levels is not None:
        levels = measures.levels
        facts["level"] = (
            f"{levels.median_dbfs:.1f} dBFS (median; 5 % of windows below {levels.low_dbfs:.1f}, "
            f"5 % above {levels.high_dbfs:.1f})"
        )
    facts["peak"] = f"{measures.peak_dbfs:.1f} dBFS"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in measures.shares.items())
    facts["windows"] = f"{measures.windows}: {shares}"
    if measures.hum is not None:
        above_db = measures.hum.above_neighbours_db
        facts["mains"] = f"at {measures.hum.mains_hz:g} Hz {above_db:.0f} dB above the neighbours"
    if measures.speech_share is not None:
        facts["speech"] = f"in {measures.speech_share:.1%} of the time"
    elif measures.no_speech_because:
        facts["speech"] = f"not looked for: {measures.no_speech_because}"
    if measures.variety is not None and measures.variety.minutes:
        facts["variety"] = _words_of_variety(measures.variety)
    facts["offset"] = f"{measures.dc_offset:+.5f} of full scale"
    texts = [*(verdict.text for verdict in verdicts_of_sound(measures)), *also]
    verdicts = [f"  - {text}" for text in texts]
    lines = [f"{name:10} {fact}" for name, fact in facts.items()]
    return [*lines, "verdict:", *(verdicts or ["  - nothing to complain of"])]
