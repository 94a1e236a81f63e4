"""Counts the samples of one opened input, so that every block says where it lies and what is missing.

The index of a sample is its place since the source first opened, lost ones counted; restarts do not reset
it. All channels of one device share one ledger: they are lost and found together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.messages import AudioBlock, Float32, read_only
from monitor.sources.clock import StreamClock


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where the samples of one block lie, the same for all channels."""

    first_sample: int
    """Index since the source first opened, lost samples counted."""
    lost_samples: int
    """Missing immediately before first_sample."""
    sample_rate_hz: int
    """The device's own."""
    captured_utc_s: float
    """When the first sample reached the converter, by the source's clock anchor."""

    def block(self, source_id: str, samples: Float32) -> AudioBlock:
        """Return the block that holds `samples` of one channel, made finite, within [-1, 1], read-only.

        `samples` are the block's from now on. A decoder may hand over NaN; one of them would silence a
        resampler for good, so it becomes 0.
        """
        sound = np.ascontiguousarray(samples, dtype=np.float32)
        # written so that NaN fails it; the usual case costs two quick looks and no copy
        if len(sound) and not (sound.min() >= -1.0 and sound.max() <= 1.0):
            sound = np.clip(np.nan_to_num(sound, posinf=1.0, neginf=-1.0), -1.0, 1.0)
        return AudioBlock(
            source_id=source_id,
            samples=read_only(sound[:]),  # a view: the flag of somebody's own array stays
            sample_rate_hz=self.sample_rate_hz,
            first_sample=self.first_sample,
            lost_samples=self.lost_samples,
            captured_utc_s=self.captured_utc_s,
        )


class SampleLedger:
    """The sample count and the clock of one opened input. Not thread-safe."""

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.received_samples = 0
        self.lost_samples = 0
        self._unreported = 0  # counted as lost, but not in any block yet
        self._clock = StreamClock(sample_rate_hz, wall=wall, monotonic=monotonic)

    @property
    def position(self) -> int:
        """The index of the next sample, if none is lost before it."""
        return self.received_samples + self.lost_samples

    def start(self, at_s: float) -> None:
        """Declare that the next sample is captured at monotonic time `at_s`."""
        self._clock.anchor(self.position, at_s)

    def change_rate(self, sample_rate_hz: int) -> None:
        """Count from here on at another rate: another device has taken the place of the first."""
        if sample_rate_hz != self.sample_rate_hz:
            self._clock.change_rate(self.position, sample_rate_hz)
            self.sample_rate_hz = sample_rate_hz

    def take(self, count: int, *, lost: int = 0, ended_at_s: float | None = None) -> Stamp:
        """Enter `lost` missing samples, then `count` that are there, and return where those lie.

        `ended_at_s` is when the last of them was captured, on the monotonic clock, if that was observed.
        """
        self.lost_samples += lost
        lost, self._unreported = lost + self._unreported, 0
        first = self.position
        stamp = Stamp(
            first_sample=first,
            lost_samples=lost,
            sample_rate_hz=self.sample_rate_hz,
            captured_utc_s=self._clock.utc_s(first),
        )
        self.received_samples += count
        if ended_at_s is not None:
            self._clock.observe(self.position, ended_at_s)
        return stamp

    def reveal_loss(self, count: int, *, ended_at_s: float) -> None:
        """Learn that `count` samples went missing unnoticed up to then; the next block reports them."""
        self.lost_samples += count
        self._unreported += count
        self._clock.anchor(self.position, ended_at_s)

    def missing_at(self, now_s: float) -> int:
        """Return how many samples are overdue at monotonic time `now_s`, by the clock; never below 0."""
        overdue_s = now_s - self._clock.monotonic_s(self.position)
        return max(0, int(overdue_s * self.sample_rate_hz))
