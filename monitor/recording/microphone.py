"""Checks a microphone before hours are recorded with it: a few seconds, heard and not written.

Says what forbids recording (nothing, almost silent, clipped, standing still), what to mend first, and what
speaks for another place of the microphone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from monitor.frontend import FrontendParameters, StreamFrontend, band_edges_hz
from monitor.listening import BlockWindows, Ear
from monitor.messages import AudioBlock, Float32, Quality
from monitor.recording.quality_meter import QualityMeter
from monitor.recording.sound_meter import SoundMeasures
from monitor.recording.sound_report import Verdict, lines_of_measures, verdicts_of_sound
from monitor.sources import Source

CHECK_S = 20.0
"""Long enough for a level and for the mains, short enough to be repeated while one moves the microphone."""
FORBIDDING = frozenset({"nothing", "almost-silent", Quality.CLIPPED.value, Quality.FLAT.value})
"""Verdicts with which nothing that is recorded would be of use."""
RUMBLE_HZ = 100.0
RUMBLE_SHARE = 0.98
"""Wind, handling and a shaking mount put nearly all power below RUMBLE_HZ; so do few machines."""
UPPER_HZ = 4000.0
MUFFLED_DB = 60.0
"""A microphone behind a cover, or far away, hears so much less above UPPER_HZ than below."""
READ_TIMEOUT_S = 0.5
PATIENCE = 2.0
"""By the clock, times the length: a device that gives nothing is not waited for any longer."""


@dataclass(frozen=True, slots=True)
class MicrophoneReport:
    """How a microphone hears its machine."""

    measures: SoundMeasures
    """Of the seconds that were heard."""
    hints: tuple[Verdict, ...]
    """What speaks for another place."""
    ended: str
    """Why listening ended early; empty if it did not."""

    @property
    def forbids(self) -> tuple[Verdict, ...]:
        """What makes recording useless; empty if nothing does."""
        return tuple(v for v in verdicts_of_sound(self.measures) if v.code in FORBIDDING)

    def lines(self) -> list[str]:
        """Return it for a person."""
        ended = [f"{'ended':10} {self.ended}"] if self.ended else []
        hints = [f"  - {hint.text}" for hint in self.hints]
        return [*ended, *lines_of_measures(self.measures), *hints]


class MicrophoneCheck:
    """Listens to blocks until it has heard enough; what it is given it measures and forgets."""

    def __init__(self, ear: Ear, wanted_s: float | None = None) -> None:
        """`wanted_s` of stream time, gaps included; None: CHECK_S."""
        self._ear = ear
        self._meter = QualityMeter(ear)
        self._windows = BlockWindows("check", ear)
        self._frontend = StreamFrontend(ear.frontend)
        self._power: list[Float32] = []
        self._rate_hz = 0
        self._end: int | None = None
        self.wanted_s = CHECK_S if wanted_s is None else wanted_s
        """How long it listens."""
        self.heard_s = 0.0
        """Stream time so far."""

    @property
    def complete(self) -> bool:
        """Whether it has heard enough."""
        return self.heard_s >= self.wanted_s

    def add(self, block: AudioBlock) -> None:
        """Take the next block, at the device's rate; what came before the first is no loss."""
        lost = 0 if self._end is None else block.lost_samples
        block = replace(block, first_sample=(self._end or 0) + lost, lost_samples=lost)
        self._end = block.end_sample
        self.heard_s += (block.lost_samples + len(block.samples)) / block.sample_rate_hz
        self._rate_hz = block.sample_rate_hz
        whole = self._windows.add(block)
        self._meter.add(block, whole)
        good = [window for window in whole if window.span.quality is Quality.OK]
        self._power += [_power(self._frontend.logmel_from_window(window).values) for window in good]

    def report(self, ended: str = "") -> MicrophoneReport:
        """Return what was found; `ended` says why listening ended early."""
        mean = np.mean(self._power, axis=0) if self._power else np.zeros(0, np.float32)
        hints = _hints(mean, self._rate_hz, self._ear.frontend.parameters)
        return MicrophoneReport(self._meter.measures(), hints, ended)


def check_microphone(source: Source, ear: Ear, *, stopped: Callable[[], bool]) -> MicrophoneReport:
    """Listen for CHECK_S of stream time, gaps included, and report; the source stays open."""
    check = MicrophoneCheck(ear)
    given_up_s = time.monotonic() + PATIENCE * check.wanted_s
    while not check.complete and time.monotonic() < given_up_s and not stopped():
        for block in source.read(READ_TIMEOUT_S):
            check.add(block)
        if source.finished:
            break
    return check.report("" if check.complete else source.health()[0].reason or "no sound came")


def _power(logmel: Float32) -> Float32:
    return np.asarray((10.0**logmel).mean(axis=1), np.float32)


def _hints(power: Float32, rate_hz: int, parameters: FrontendParameters) -> tuple[Verdict, ...]:
    """Return what the mean mel power, shape (mel,), and the device's rate say about the place."""
    if not len(power):
        return ()
    middles_hz = band_edges_hz(parameters)[1:-1]
    found = []
    if power[middles_hz < RUMBLE_HZ].sum() > RUMBLE_SHARE * power.sum():
        text = (
            f"nearly all of the sound is below {RUMBLE_HZ:g} Hz: wind, or a mount that shakes? Shield the "
            "microphone, or fix it where nothing moves it"
        )
        found.append(Verdict("rumble", text))
    if rate_hz < parameters.sample_rate_hz:
        text = f"the device gives {rate_hz} Hz: nothing above {rate_hz / 2:g} Hz is heard; set sample_rate_hz"
        found.append(Verdict("narrow", text))
    else:
        upper, lower = power[middles_hz >= UPPER_HZ].mean(), power[middles_hz < UPPER_HZ].mean()
        if 10.0 * np.log10(max(float(upper), 1e-20) / max(float(lower), 1e-20)) < -MUFFLED_DB:
            text = (
                f"above {UPPER_HZ:g} Hz there is {MUFFLED_DB:g} dB less than below: is the microphone "
                "covered, far away, or behind a filter? Bearings and leaks are heard up there: go nearer"
            )
            found.append(Verdict("muffled", text))
    return tuple(found)
