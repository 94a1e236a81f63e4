"""Hears a sound file as the daemon hears a microphone, as fast as the machine allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def inferences_of_file(
    path: Path, ear: Ear, engine: Engine, *, channel: int = 1, batch: int = 64
) -> Iterator[tuple[Span, Inference | None]]:
    """Yield every window of a sound file in order; None where the input cannot be judged.

    Raises:
        AudioFileError: The file is missing, empty or not decodable; or, after all the windows before the
            place, it is damaged in the middle.
    """
    config = FileSource(id="file", kind="file", path=path, channel=channel, pace="fast")
    (source,) = open_sources([config])
    windows, frontend = BlockWindows("file", ear), StreamFrontend(ear.frontend)
    waiting: list[Window] = []
    try:
        while not source.finished:
            for block in source.read(1.0):
                waiting += windows.add(block)
            while len(waiting) >= batch:
                yield from _judge(waiting[:batch], frontend, engine)
                del waiting[:batch]
        waiting += windows.finish()
        yield from _judge(waiting, frontend, engine)
        reason = source.health()[0].reason
        if reason != WHOLE:
            raise AudioFileError(f"{reason}; mend it or leave it out")
    finally:
        source.close()


def _judge(
    windows: Sequence[Window], frontend: StreamFrontend, engine: Engine
) -> Iterator[tuple[Span, Inference | None]]:
    good = [frontend.logmel_from_window(w) for w in windows if w.span.quality is Quality.OK]
    answers = iter(inferences_from_logmels(engine, good) if good else [])
    for window in windows:
        yield window.span, next(answers) if window.span.quality is Quality.OK else None


def raw_scores_of_file(path: Path, ear: Ear, engine: Engine, *, channel: int = 1) -> NDArray[np.float64]:
    """Return the model's score of every window, shape (windows,); NaN where the input cannot be judged.

    Raises:
        AudioFileError: The file is missing, empty, damaged or not decodable.
    """
    answers = inferences_of_file(path, ear, engine, channel=channel)
    return np.array([np.nan if answer is None else answer.raw for _, answer in answers], dtype=np.float64)
