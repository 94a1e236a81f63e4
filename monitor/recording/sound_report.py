"""Says whether recorded sound is fit to learn from, and what to do about what was measured of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.messages import Quality
from monitor.recording.sound_meter import Levels, SoundMeasures
from monitor.recording.variety import LEAST_MINUTES, STATE_DB, Variety

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that is wrong, or odd, with the sound."""

    code: str
    """For programs; never changes."""
    text: str
    """For people, with the remedy."""


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
