"""All that is measured of recorded sound in one place: levels, quality, hum, speech, variety.

A recording is measured while it is made, files that are there already by monitor.recording.heard.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.errors import SpeechCheckError
from monitor.frontend import StreamFrontend
from monitor.listening import Ear
from monitor.messages import AudioBlock, Float32, Quality, Window
from monitor.privacy.speech import SpeechDetector
from monitor.recording.hum import HumMeter
from monitor.recording.sound_meter import NOT_HEARD, Facts, SoundMeasures, SoundMeter
from monitor.recording.speech_share import SPEECH, SpeechMeter
from monitor.recording.variety import Minute, VarietyMeter


class QualityMeter:
    """Measures blocks and the windows cut from them."""

    def __init__(self, ear: Ear, detector: SpeechDetector | None = None) -> None:
        """`detector`: one that is open already; None: it opens its own."""
        grid = ear.grid
        self._sound = SoundMeter()
        self._hum = HumMeter(window_samples=grid.window_samples, sample_rate_hz=grid.sample_rate_hz)
        self._frontend = StreamFrontend(ear.frontend)
        self._variety = VarietyMeter(ear.hop_s)
        self._speech: SpeechMeter | None = None
        self._no_speech_because = ""
        try:
            self._speech = SpeechMeter(detector)
        except SpeechCheckError as error:
            self._no_speech_because = str(error)

    def add(self, block: AudioBlock, windows: Iterable[Window]) -> list[tuple[Window, Float32]]:
        """Take the next block, at the device's rate, and the windows that it completed.

        Returns those of good quality, each with its log-mel, shape (mel, frames).
        """
        self._sound.add_block(block)
        good = [(one, logmel) for one in windows if (logmel := self._add_window(one)) is not None]
        self._if_possible(block)
        return good

    def add_tail(self, windows: Iterable[Window]) -> None:
        """Take the last windows; one that was padded at the end is no gap of the source."""
        for window in windows:
            if window.span.quality not in NOT_HEARD:
                self._add_window(window)

    def facts(self) -> Facts:
        """Return what another meter takes of the sound so far, but for variety.

        SPEECH is among it only where it was looked for.
        """
        speech: Facts = {}
        try:
            speech = {} if self._speech is None else self._speech.facts()
        except SpeechCheckError as error:
            self._give_up_speech(error)
        return {**self._sound.facts(), **self._hum.facts(), **speech}

    def take(self, facts: Facts, minutes: Iterable[Minute]) -> None:
        """Take what another meter has measured of sound that follows, and the minutes of its good windows."""
        self._sound.take(facts)
        self._hum.take(facts)
        if self._speech is not None and SPEECH in facts:
            self._speech.take(facts)
        elif self._speech is not None:
            self._give_up_speech(SpeechCheckError("the speech check failed on a file"))
        for minute in minutes:
            self._variety.take(minute)

    def measures(self) -> SoundMeasures:
        """Return what has been measured so far."""
        speech = None
        try:
            speech = None if self._speech is None else self._speech.share()
        except SpeechCheckError as error:
            self._give_up_speech(error)
        return self._sound.measures(
            self._hum.hum(),
            speech_share=speech,
            no_speech_because=self._no_speech_because,
            variety=self._variety.variety(),
        )

    def _add_window(self, window: Window) -> Float32 | None:
        """Take a window, and return its log-mel if it is a good one."""
        self._sound.add_window(window)
        if window.span.quality not in NOT_HEARD:
            self._hum.add(window.samples)
        if window.span.quality is not Quality.OK:
            return None
        logmel = self._frontend.logmel_from_window(window).values
        self._variety.add(logmel)
        return logmel

    def _if_possible(self, block: AudioBlock) -> None:
        if self._speech is None:
            return
        try:
            self._speech.add(block)
        except SpeechCheckError as error:
            self._give_up_speech(error)

    def _give_up_speech(self, error: SpeechCheckError) -> None:
        """A recording is worth having without the check; the report says that it was not made."""
        self._speech, self._no_speech_because = None, str(error)
