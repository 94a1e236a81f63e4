"""What was measured of a recording while it was made, kept beside it: a restart goes on counting.

    PLACE    a line of JSON a minute: what a meter found since the line before, and the file that it is of

About 5 kB a minute. A line of a file that is not there any more, or that was measured in another way, does
not count, and half a line, which a power cut leaves, neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.errors import SpeechCheckError
from monitor.listening import Ear
from monitor.messages import AudioBlock, Float32, Window
from monitor.privacy.speech import SpeechDetector
from monitor.recording.heard import how_heard
from monitor.recording.quality_meter import QualityMeter
from monitor.recording.sound_meter import Facts, SoundMeasures
from monitor.recording.variety import MinuteSums, VarietyMeter, mean_db
from monitor.store.files import FILE_MODE

DIGITS = 9
"""Of every number: a count of samples is exact, and a level far beyond what it means."""


class MeasuredPart(BaseModel):
    """What was measured of a part of a recording."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal[1] = Field(default=1, description="Version of this line.")
    how: str = Field(description="Digest of how it was measured.")
    file: str | None = Field(
        description="What must be there for it to count; null: nothing, it is of no sound."
    )
    seconds: float = Field(default=0.0, description="Of sound.")
    lost_s: float = Field(default=0.0, description="Never arrived, or nobody could take it.")
    off_s: float = Field(default=0.0, description="Left out, the machine being off or out of service.")
    facts: dict[str, list[float]] = Field(default={}, description="By QualityMeter.facts.")
    minutes: tuple[tuple[list[float], int], ...] = Field(
        default=(), description="As VarietyMeter takes them."
    )


class KeptMeter:
    """Measures a recording through all its runs. Not thread-safe; a disk that refuses costs figures alone."""

    def __init__(self, ear: Ear, place: Path, files: Collection[str]) -> None:
        """Take up what was kept of these files of the recording."""
        self._ear, self._place = ear, place
        self._how = hashlib.sha256(repr(how_heard(ear)).encode()).hexdigest()[:16]
        self._detector: SpeechDetector | None = None
        with contextlib.suppress(SpeechCheckError):  # the meters say why nobody looks
            self._detector = SpeechDetector()
        self._whole = self._new_meter()
        self.measured_s = self.lost_s = self.off_s = 0.0
        """Of how much sound the measures are, how much was lost, and how much left out."""
        for part in self._kept():
            if part.file is None or part.file in files:
                with contextlib.suppress(KeyError, ValueError):  # somebody has changed it
                    self._take(part)
        self._unkept: list[MeasuredPart] = []
        self._seconds: float
        self._lost_s: float
        self._off_s: float
        self._begin()

    def add(self, block: AudioBlock, windows: Iterable[Window]) -> list[tuple[Window, Float32]]:
        """Take the next block and its windows, as QualityMeter.add does."""
        self._has_news = True
        self._seconds += len(block.samples) / block.sample_rate_hz
        good = self._present.add(block, windows)
        for _, logmel in good:
            self._minutes.add(mean_db(logmel))
        return good

    def add_tail(self, windows: Iterable[Window]) -> None:
        """Take the last windows, as QualityMeter.add_tail does."""
        self._has_news = True
        self._present.add_tail(windows)

    def pass_over(self, *, lost_s: float = 0.0, off_s: float = 0.0) -> None:
        """Count time of which there is no sound."""
        self._lost_s += lost_s
        self._off_s += off_s
        self.lost_s += lost_s
        self.off_s += off_s

    @property
    def unkept_off_s(self) -> float:
        """How much of `off_s` a kill would cost."""
        return self._off_s

    def measures(self) -> SoundMeasures:
        """Return what was measured of all that counts, up to now."""
        self._end_part()
        return self._whole.measures()

    def keep(self, file: str | None) -> None:
        """Keep what was measured up to now, for `file` is whole; None: only what has no sound in it."""
        if file is None:
            if not self._lost_s and not self._off_s:
                return
            time = MeasuredPart(how=self._how, file=None, lost_s=self._lost_s, off_s=self._off_s)
            self._lost_s = self._off_s = 0.0
            self._write([time])
            return
        self._end_part()
        parts, self._unkept = self._unkept, []
        self._write([part.model_copy(update={"file": file}) for part in parts])

    def _end_part(self) -> None:
        if not self._has_news:
            return
        facts = {name: _rounded(values) for name, values in self._present.facts().items()}
        part = MeasuredPart(
            how=self._how,
            file="",
            seconds=self._seconds,
            lost_s=self._lost_s,
            off_s=self._off_s,
            facts=facts,
            minutes=tuple((_rounded(total), count) for total, count in self._minutes.taken()),
        )
        self._take(part.model_copy(update={"lost_s": 0.0, "off_s": 0.0}))  # which are counted at once
        self._unkept.append(part)
        self._begin()

    def _begin(self) -> None:
        self._present = self._new_meter()
        self._minutes = MinuteSums(VarietyMeter(self._ear.hop_s).per_minute)
        self._seconds = self._lost_s = self._off_s = 0.0
        self._has_news = False

    def _new_meter(self) -> QualityMeter:
        return QualityMeter(self._ear, self._detector)

    def _take(self, part: MeasuredPart) -> None:
        facts: Facts = {name: np.array(values, np.float64) for name, values in part.facts.items()}
        if facts:
            self._whole.take(facts, [(np.array(total, np.float64), count) for total, count in part.minutes])
        self.measured_s += part.seconds
        self.lost_s += part.lost_s
        self.off_s += part.off_s

    def _kept(self) -> Iterator[MeasuredPart]:
        try:
            lines = self._place.read_bytes().split(b"\n")
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValidationError):
                part = MeasuredPart.model_validate_json(line)
                if part.how == self._how:
                    yield part

    def _write(self, parts: Iterable[MeasuredPart]) -> None:
        text = "".join(f"{part.model_dump_json()}\n" for part in parts)
        with contextlib.suppress(OSError):
            handle = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(handle, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                half = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                file.write((b"\n" if half else b"") + text.encode())


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
