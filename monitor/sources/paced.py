"""Hands over sound that is made or stored, either as fast as it is read or as fast as it was recorded.

Real time is kept against the monotonic clock from the first read on: a reader that falls behind gets the
overdue blocks at once, and none is lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from monitor.errors import SourceError
from monitor.messages import AudioBlock, CaptureHealth, CaptureState, Float32
from monitor.sources.ledger import SampleLedger

Pace = Literal["real_time", "fast"]
BLOCK_S: dict[Pace, float] = {"real_time": 0.1, "fast": 1.0}
"""How much sound a block holds."""
WHOLE = "the sound has ended"
"""The reason of a source whose sound was heard to its end."""


class Sound(Protocol):
    """Sound that can be had at any moment."""

    device: str
    """What it is, for health."""
    sample_rate_hz: int

    def next_samples(self, count: int) -> Float32:
        """Return the next `count` samples, shape (count,), the caller's to keep; fewer only at the end.

        Raises:
            SourceError: The rest cannot be had; the text says why.
        """
        ...

    def close(self) -> None:
        """Release what it is read from; may be called again."""
        ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks a source goes by, so that tests may set them."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds that only ever rise: what real time is kept against."""
    wall: Callable[[], float] = time.time
    """Seconds since 1970 UTC: what blocks are dated by."""
    wait: Callable[[float], None] = time.sleep
    """Lets that many seconds pass on the monotonic clock."""


class PacedSource:
    """A source that reads a Sound; see monitor.sources for the contract."""

    def __init__(
        self,
        source_id: str,
        sound: Sound,
        pace: Pace,
        *,
        block_s: float | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        """Prepare to read `sound`; `block_s`: in real time, how much at once, default BLOCK_S."""
        self.source_ids: tuple[str, ...] = (source_id,)
        self._sound = sound
        self._real_time = pace == "real_time"
        block_s = block_s if block_s is not None and self._real_time else BLOCK_S[pace]
        self._block_samples = max(1, round(block_s * sound.sample_rate_hz))
        self._clocks = clocks or Clocks()
        self._ledger = SampleLedger(
            sound.sample_rate_hz, wall=self._clocks.wall, monotonic=self._clocks.monotonic
        )
        self._started_s: float | None = None
        self._finished = False
        self._reason = ""

    def read(self, timeout_s: float) -> Sequence[AudioBlock]:
        """Return the next block, or nothing when it is not due within `timeout_s`."""
        if self._finished:
            return []
        if self._started_s is None:
            self._started_s = self._clocks.monotonic()
            self._ledger.start(self._started_s)
        due_s = self._block_due_s(self._started_s)
        if self._real_time and not self._wait_until(due_s, timeout_s):
            return []
        try:
            samples = self._sound.next_samples(self._block_samples)
        except SourceError as error:
            self._end(str(error))
            return []
        if len(samples) < self._block_samples:
            self._end(WHOLE)
        if not len(samples):
            return []
        # in real time the stamp follows the wall clock; a fast reader runs ahead of it on purpose
        stamp = self._ledger.take(len(samples), ended_at_s=due_s if self._real_time else None)
        return [stamp.block(self.source_ids[0], samples)]

    @property
    def due_s(self) -> float | None:
        """When the next block is due, in real time; at once before the first read, which starts the clock."""
        if not self._real_time:
            return None
        if self._finished:
            return math.inf
        return self._clocks.monotonic() if self._started_s is None else self._block_due_s(self._started_s)

    @property
    def finished(self) -> bool:
        """Whether the sound has ended, or the source was closed."""
        return self._finished

    def health(self) -> Sequence[CaptureHealth]:
        """Return healthy until the end of the sound, then ended with the reason."""
        return [
            CaptureHealth(
                source_id=self.source_ids[0],
                state=CaptureState.ENDED if self._finished else CaptureState.HEALTHY,
                reason=self._reason,
                device=self._sound.device,
                received_samples=self._ledger.received_samples,
            )
        ]

    def close(self) -> None:
        """Release the sound; what was not read stays unread."""
        if not self._finished:
            self._end("closed")
        self._sound.close()

    def _block_due_s(self, started_s: float) -> float:
        return started_s + (self._ledger.position + self._block_samples) / self._sound.sample_rate_hz

    def _end(self, reason: str) -> None:
        self._finished = True
        self._reason = reason

    def _wait_until(self, due_s: float, timeout_s: float) -> bool:
        wait_s = due_s - self._clocks.monotonic()
        if wait_s > 0:
            self._clocks.wait(min(wait_s, max(timeout_s, 0.0)))
        return wait_s <= timeout_s or wait_s <= 0
