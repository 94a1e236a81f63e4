"""Log-mels with known events, made without sound, and a describer that has heard what is normal there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.describe import Describer
from monitor.explanation import Explanation
from monitor.frontend import FrontendParameters
from monitor.messages import Inference, LogMel, Quality, Span, read_only

PARAMETERS = FrontendParameters()
FRAMES, HOP = 64, 32
UTC_S = 1_700_000_000.0
SPREAD_DB = 2.5

Event = Callable[[NDArray[np.float64], NDArray[np.intp]], None]
"""Changes levels in dB, shape (mel, frames), in place; frames are numbered from its own first, 0."""


def span_of(first_frame: int, *, frames: int = FRAMES, quality: Quality = Quality.OK) -> Span:
    start_s = first_frame * PARAMETERS.hop_s
    return Span(
        source_id="m",
        first_sample=first_frame * PARAMETERS.hop_samples,
        start_s=start_s,
        end_s=start_s + frames * PARAMETERS.hop_s,
        start_utc_s=UTC_S + start_s,
        quality=quality,
        level_dbfs=-30.0 if quality is Quality.OK else None,
    )


@dataclass
class Machine:
    """Steady noise, a falling spectrum; every frame is the same in whatever pieces it is asked for."""

    seed: int = 0
    parameters: FrontendParameters = PARAMETERS
    frames: int = FRAMES
    hop: int = HOP
    event: Event | None = None
    event_at: int = 0
    model: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    known: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def mean_db(self) -> NDArray[np.float64]:
        return np.linspace(10.0, -20.0, self.parameters.mel_bands)

    def level_db(self, frame: int) -> NDArray[np.float64]:
        if frame not in self.known:
            random = np.random.default_rng([self.seed, frame])
            noise = SPREAD_DB * random.standard_normal(self.parameters.mel_bands)
            level = (self.mean_db + noise)[:, None]
            if self.event is not None and frame >= self.event_at:
                self.event(level, np.array([frame - self.event_at]))
            self.known[frame] = level[:, 0]
        return self.known[frame]

    def logmel(self, first_frame: int) -> LogMel:
        frames = range(first_frame, first_frame + self.frames)
        values = np.stack([self.level_db(frame) for frame in frames], axis=1) / 10.0
        span = span_of(first_frame, frames=self.frames)
        return LogMel(span=span, values=read_only(values.astype(np.float32)))

    def inference(self, logmel: LogMel) -> Inference | None:
        if self.model is None:
            return None
        told = self.model(logmel.values)
        error = ((logmel.values - told) ** 2).astype(np.float32)
        return Inference(logmel.span, 1.0, read_only(error), read_only(told), "model")

    def windows(self, first_frame: int, count: int) -> Iterator[tuple[LogMel, Inference | None]]:
        for number in range(count):
            logmel = self.logmel(first_frame + number * self.hop)
            yield logmel, self.inference(logmel)

    def describer(self, normal_windows: int = 30) -> Describer:
        """A describer that has heard this machine run normally, up to the first frame of its event."""
        describer = new_describer(self)
        first = self.event_at - (normal_windows + 1) * self.hop
        for logmel, inference in self.windows(first, normal_windows):
            describer.hear(logmel, inference, normal=True)
        return describer


def new_describer(machine: Machine) -> Describer:
    return Describer(
        machine.parameters,
        mean=[float(x) / 10.0 for x in machine.mean_db],
        std=[SPREAD_DB / 10.0] * machine.parameters.mel_bands,
        hop_frames=machine.hop,
    )


AT = 4000
"""Where events begin: late enough for any normal sound before them."""


def described(event: Event | None, *, windows: int = 10, seed: int = 0) -> Explanation:
    """What is said of an event after so many windows."""
    machine = Machine(seed=seed, event=event, event_at=AT)
    describer = machine.describer()
    explanation = None
    for logmel, inference in machine.windows(AT, windows):
        explanation = describer.describe("e", logmel, inference)
    assert explanation is not None
    return explanation


def louder(bands: slice, db: float) -> Event:
    def change(level: NDArray[np.float64], _frames: NDArray[np.intp]) -> None:
        level[bands] += db

    return change


def knocks(bands: slice, db: float, at: Sequence[float] = (), every: float | None = None) -> Event:
    """Knocks of two frames, at these frames or every so many."""

    def change(level: NDArray[np.float64], frames: NDArray[np.intp]) -> None:
        for column, frame in enumerate(frames):
            since = (
                frame % every if every is not None else min((frame - a for a in at if frame >= a), default=9)
            )
            if math.floor(since) < 2:
                level[bands, column] += db

    return change
