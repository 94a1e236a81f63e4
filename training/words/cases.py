"""A stream with events whose kind, band and period are known because they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.runtime import Engine
from monitor.config import InputQualityConfig, WindowConfig
from monitor.explanation import SoundKind
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, inferences_from_logmels, open_ear
from monitor.messages import AudioBlock, Inference, LogMel, Quality, Span, Window


@dataclass(frozen=True, slots=True)
class Event:
    """What was put into a stream, and what should be said of it."""

    name: str
    """What it is to whoever made it, such as `bearing`."""
    kind: SoundKind
    """What it should be called."""
    onset_s: float
    """Stream time."""
    offset_s: float
    """Stream time."""
    low_hz: float
    """Lower edge of the band in which it changes the sound most."""
    high_hz: float
    """Upper edge of that band."""
    loudness: str
    """How loud it is, as the tables say it: a severity or dB above the machine."""
    period_s: float | None = None
    """From one repetition to the next; None: does not repeat, or too fast for frames."""
    change_db: float | None = None
    """Power in the band above normal, where it is known."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One window of a stream, as the daemon's judging thread has it."""

    span: Span
    """Where it lies, and whether it could be judged."""
    logmel: LogMel | None
    """None where it could not."""
    inference: Inference | None
    """None where it could not, or where no bundle knows the machine."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stretch of one machine's sound with events in it."""

    name: str
    """Unique in a measurement."""
    machine: str
    """Row of the tables."""
    heard: Sequence[Heard]
    """Every window, in order."""
    events: Sequence[Event]
    """In order of time; none overlaps another."""


class Hearing:
    """The daemon's path from blocks to inferences, for any number of streams."""

    def __init__(self, bundle: Path | None, engine: Engine | None) -> None:
        """With `engine` None windows are heard without a model: `bundle` gives the front end only."""
        self.ear = open_ear(bundle, WindowConfig(), InputQualityConfig())
        self._engine = engine

    def heard(self, blocks: Iterator[AudioBlock]) -> list[Heard]:
        """Return every window of a stream's blocks."""
        windows, frontend = BlockWindows("words", self.ear), StreamFrontend(self.ear.frontend)
        out = [self._one(window, frontend) for block in blocks for window in windows.add(block)]
        return out + [self._one(window, frontend) for window in windows.finish()]

    def _one(self, window: Window, frontend: StreamFrontend) -> Heard:
        if window.span.quality is not Quality.OK:
            return Heard(window.span, None, None)
        logmel = frontend.logmel_from_window(window)
        if self._engine is None:
            return Heard(window.span, logmel, None)
        (inference,) = inferences_from_logmels(self._engine, [logmel])
        return Heard(window.span, logmel, inference)
