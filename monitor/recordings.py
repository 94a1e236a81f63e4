"""Hears a sound file as the daemon hears a microphone, as fast as the machine allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.runtime import Engine
from monitor.config import FileSource
from monitor.errors import AudioFileError
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear, inferences_from_logmels
from monitor.messages import Inference, Quality, Span, Window
from monitor.sources import open_sources
from monitor.sources.paced import WHOLE

BATCH = 64
"""Windows that go to the engine together."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of a file's windows, by number."""

    first: int = 0
    """A multiple of BATCH: batches then are those of the whole file."""
    end: int | None = None
    """After the last, a multiple too; None: to the end of the file."""


EVERYTHING = Stretch()


def inferences_of_file(
    path: Path, ear: Ear, engine: Engine, *, channel: int = 1, stretch: Stretch = EVERYTHING
) -> Iterator[tuple[Span, Inference | None]]:
    """Yield every window of a sound file, or of a stretch, in order; None where the input cannot be judged.

    A stretch gives the same numbers, to the bit, as the whole file does there: decoding and resampling begin
    at the file's start, the front end so many windows earlier that no frame is computed in other company, and
    the engine gets the same batches.

    Raises:
        AudioFileError: The file is missing, empty or not decodable; or, after all the windows before the
            place, it is damaged in the middle.
    """
    config = FileSource(id="file", kind="file", path=path, channel=channel, pace="fast")
    (source,) = open_sources([config])
    judge = _Judge(ear, engine, stretch)
    windows = BlockWindows("file", ear)
    try:
        while not source.finished:
            for block in source.read(1.0):
                yield from judge.add(windows.add(block))
            if judge.is_done:
                return
        yield from judge.add(windows.finish(), to_the_end=True)
        reason = source.health()[0].reason
        if reason != WHOLE:
            raise AudioFileError(f"{reason}; mend it or leave it out")
    finally:
        source.close()


class _Judge:
    """Front end and engine for the windows of one stretch, batch by batch."""

    def __init__(self, ear: Ear, engine: Engine, stretch: Stretch) -> None:
        self._frontend, self._engine, self._stretch = StreamFrontend(ear.frontend), engine, stretch
        self._reach = -(-ear.grid.window_samples // ear.grid.hop_samples) + 1
        """How many windows back the company in which a frame is computed is decided."""
        self._next = 0
        self._waiting: list[Window] = []

    @property
    def is_done(self) -> bool:
        """Whether all windows of the stretch were judged."""
        end = self._stretch.end
        return end is not None and self._next - len(self._waiting) >= end

    def add(
        self, windows: Sequence[Window], *, to_the_end: bool = False
    ) -> Iterator[tuple[Span, Inference | None]]:
        """Take the file's next windows; yield those that are judged now."""
        for window in windows:
            self._take(window)
        while len(self._waiting) >= BATCH and not self.is_done:
            yield from self._judged(self._waiting[:BATCH])
            del self._waiting[:BATCH]
        if to_the_end and not self.is_done:
            yield from self._judged(self._waiting)

    def _take(self, window: Window) -> None:
        index, self._next = self._next, self._next + 1
        if index >= self._stretch.first:
            self._waiting.append(window)
        elif index >= self._stretch.first - self._reach and window.span.quality is Quality.OK:
            self._frontend.logmel_from_window(window)

    def _judged(self, windows: Sequence[Window]) -> Iterator[tuple[Span, Inference | None]]:
        good = [self._frontend.logmel_from_window(w) for w in windows if w.span.quality is Quality.OK]
        answers = iter(inferences_from_logmels(self._engine, good) if good else [])
        for window in windows:
            yield window.span, next(answers) if window.span.quality is Quality.OK else None


def raw_scores_of_file(path: Path, ear: Ear, engine: Engine, *, channel: int = 1) -> NDArray[np.float64]:
    """Return the model's score of every window, shape (windows,); NaN where the input cannot be judged.

    Raises:
        AudioFileError: The file is missing, empty, damaged or not decodable.
    """
    answers = inferences_of_file(path, ear, engine, channel=channel)
    return np.array([np.nan if answer is None else answer.raw for _, answer in answers], dtype=np.float64)
