"""All that is measured of recorded sound in one place: levels, quality, hum, speech, variety.

A recording is measured while it is made, files that are there already with measures_of_files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from monitor.config import FileSource
from monitor.errors import SpeechCheckError
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear
from monitor.messages import AudioBlock, Quality, Window
from monitor.prepared import nothing
from monitor.recording.hum import HumMeter
from monitor.recording.sound_report import NOT_HEARD, SoundMeasures, SoundMeter
from monitor.recording.speech_share import SpeechMeter
from monitor.recording.variety import VarietyMeter
from monitor.sources import open_sources

READ_TIMEOUT_S = 1.0


class QualityMeter:
    """Measures blocks and the windows cut from them."""

    def __init__(self, ear: Ear) -> None:
        grid = ear.grid
        self._sound = SoundMeter()
        self._hum = HumMeter(window_samples=grid.window_samples, sample_rate_hz=grid.sample_rate_hz)
        self._frontend = StreamFrontend(ear.frontend)
        self._variety = VarietyMeter(ear.hop_s)
        self._speech: SpeechMeter | None = None
        self._no_speech_because = ""
        try:
            self._speech = SpeechMeter()
        except SpeechCheckError as error:
            self._no_speech_because = str(error)

    def add(self, block: AudioBlock, windows: Iterable[Window]) -> None:
        """Take the next block, at the device's rate, and the windows that it completed."""
        self._sound.add_block(block)
        for window in windows:
            self._add_window(window)
        self._if_possible(block)

    def add_tail(self, windows: Iterable[Window]) -> None:
        """Take the last windows; one that was padded at the end is no gap of the source."""
        for window in windows:
            if window.span.quality not in NOT_HEARD:
                self._add_window(window)

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

    def _add_window(self, window: Window) -> None:
        self._sound.add_window(window)
        if window.span.quality not in NOT_HEARD:
            self._hum.add(window.samples)
        if window.span.quality is Quality.OK:
            self._variety.add(self._frontend.logmel_from_window(window).values)

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


def measures_of_files(files: Sequence[Path], ear: Ear, told: Callable[[], None] = nothing) -> SoundMeasures:
    """Return the measures of sound files in their order, each heard as the daemon hears it.

    `told` is called when a file has been heard.

    Raises:
        AudioFileError: One of them cannot be read.
    """
    meter = QualityMeter(ear)
    for path in files:
        windows = BlockWindows("file", ear)
        (source,) = open_sources([FileSource(id="file", kind="file", path=path, pace="fast")])
        try:
            while not source.finished:
                for block in source.read(READ_TIMEOUT_S):
                    meter.add(block, windows.add(block))
        finally:
            source.close()
        meter.add_tail(windows.finish())
        told()
    return meter.measures()
