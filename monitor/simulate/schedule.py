"""When which fault is heard, and what is true of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from monitor.config.sources import FaultKind
from monitor.errors import SourceError
from monitor.messages import Float32
from monitor.simulate.chunk import Chunk

FADE_S = 0.02
"""How long a fault takes to come and to go, within its own duration."""
KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the schedule."""

    kind: str
    """One of monitor.config.sources.FaultKind."""
    start_s: float
    """Stream time."""
    duration_s: float
    """From the beginning of its fade in to the end of its fade out."""
    severity: float = 1.0
    """Factor on amplitude; 1.0 is plainly audible to a person beside the machine."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is wrong with a stretch of sound, known because it was made."""

    kind: str
    """One of monitor.config.sources.FaultKind."""
    onset_s: float
    """Stream time at which the fade in begins."""
    offset_s: float
    """Stream time at which the fade out has ended."""
    low_hz: float
    """Lower edge of the band in which the fault raises the energy most, never above 8 kHz."""
    high_hz: float
    """Upper edge of that band."""
    period_s: float | None
    """From one repetition to the next at nominal speed; None if the fault does not repeat."""


class Schedule:
    """The faults in time, repeated or not.

    Raises:
        SourceError: A fault is unknown or impossible, or does not fit into the time until the schedule
            starts again.
    """

    def __init__(self, faults: Sequence[Fault], repeat_every_s: float | None) -> None:
        if repeat_every_s is not None and repeat_every_s <= 0:
            raise SourceError(f"simulated machine: repeat_every_s {repeat_every_s} must be above 0")
        for fault in faults:
            _check(fault, repeat_every_s)
        self._faults = tuple(faults)
        self._repeat_every_s = repeat_every_s

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that ever occur, each once, in a fixed order."""
        return tuple(kind for kind in KINDS if any(fault.kind == kind for fault in self._faults))

    def occurrences(self, from_s: float, until_s: float) -> Iterator[tuple[Fault, float]]:
        """Yield each fault with its onset, for those heard anywhere in [from_s, until_s)."""
        for fault in self._faults:
            if self._repeat_every_s is None:
                first, last = 0, 0
            else:
                first = max(0, math.floor((from_s - fault.start_s - fault.duration_s) / self._repeat_every_s))
                last = math.floor((until_s - fault.start_s) / self._repeat_every_s)
            for cycle in range(first, last + 1):
                onset_s = fault.start_s + cycle * (self._repeat_every_s or 0.0)
                if onset_s < until_s and onset_s + fault.duration_s > from_s:
                    yield fault, onset_s

    def gate(self, kind: str, chunk: Chunk) -> Float32 | None:
        """Return shape (n,): the severity of a kind at each sample, 0 where absent; None if absent in all."""
        times_s = chunk.times_s()
        total: Float32 | None = None
        end_s = chunk.start_s + chunk.samples / chunk.sample_rate_hz
        for fault, onset_s in self.occurrences(chunk.start_s, end_s):
            if fault.kind != kind:
                continue
            inside_s = np.minimum(times_s - onset_s, onset_s + fault.duration_s - times_s)
            one = (fault.severity * np.clip(inside_s / FADE_S, 0.0, 1.0)).astype(np.float32)
            total = one if total is None else np.maximum(total, one)
        return total if total is not None and total.any() else None


def _check(fault: Fault, repeat_every_s: float | None) -> None:
    if fault.kind not in KINDS:
        raise SourceError(
            f"simulated machine: fault kind {fault.kind!r} is not known; known are {', '.join(KINDS)}"
        )
    if not (fault.start_s >= 0 and fault.duration_s > 0 and fault.severity > 0):
        raise SourceError(
            f"simulated machine: fault {fault.kind} with start_s {fault.start_s}, duration_s "
            f"{fault.duration_s}, severity {fault.severity}; start_s must be at least 0, the others above 0"
        )
    if repeat_every_s is not None and fault.start_s + fault.duration_s > repeat_every_s:
        raise SourceError(
            f"simulated machine: fault {fault.kind} ends at {fault.start_s + fault.duration_s} s, but the "
            f"schedule starts again after repeat_every_s {repeat_every_s}; make repeat_every_s longer"
        )
