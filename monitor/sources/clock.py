"""Tells when a sample was captured, in UTC, although three clocks disagree.

A converter's crystal counts samples, the monotonic clock counts seconds, and the wall clock may be in 1970
until NTP sets it. Samples are tied to the monotonic clock, and that to the wall clock, each by an anchor
that follows small drift slowly and large error at once. Stamps of successive samples never fall, unless
somebody sets the wall clock back.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 0.5
"""A larger disagreement is not drift: the anchor jumps."""
SETTLE_S = 60.0
"""Time constant, in stream time, with which a smaller one is followed: 100 ppm of drift lag 6 ms."""
BRAKE = 0.5
"""How fast stamps that run ahead are held back, in seconds per second of sound: never to a fall."""


class StreamClock:
    """UTC of the samples of one stream. Not thread-safe."""

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._rate_hz = sample_rate_hz
        self._sample = 0
        self._sample_s = monotonic()  # when that sample was captured, on the monotonic clock
        self._utc_base_s = wall() - monotonic()

    def anchor(self, sample: int, at_s: float) -> None:
        """Declare that `sample` was captured at monotonic time `at_s`, whatever was thought before."""
        self._sample, self._sample_s = sample, at_s

    def change_rate(self, sample: int, sample_rate_hz: int) -> None:
        """Count samples from `sample` on at another rate."""
        self._sample_s = self._monotonic_s(sample)
        self._sample, self._rate_hz = sample, sample_rate_hz

    def observe(self, sample: int, at_s: float) -> None:
        """Learn that `sample` was the next to be captured at monotonic time `at_s`."""
        predicted_s = self._monotonic_s(sample)
        elapsed_s = max(0.0, (sample - self._sample) / self._rate_hz)
        error_s = at_s - predicted_s
        if error_s > STEP_S:
            predicted_s = at_s
        elif error_s < -STEP_S:
            predicted_s -= min(-error_s, BRAKE * elapsed_s)
        else:
            predicted_s += error_s * min(1.0, elapsed_s / SETTLE_S)
        self._follow_wall_clock(elapsed_s)
        self._sample, self._sample_s = sample, predicted_s

    def utc_s(self, sample: int) -> float:
        """Return when `sample` was captured, in seconds since 1970 UTC."""
        return self._utc_base_s + self._monotonic_s(sample)

    def monotonic_s(self, sample: int) -> float:
        """Return when `sample` was captured, on the monotonic clock."""
        return self._monotonic_s(sample)

    def _monotonic_s(self, sample: int) -> float:
        return self._sample_s + (sample - self._sample) / self._rate_hz

    def _follow_wall_clock(self, elapsed_s: float) -> None:
        error_s = self._wall() - self._monotonic() - self._utc_base_s
        stepped = abs(error_s) > STEP_S
        self._utc_base_s += error_s if stepped else error_s * min(1.0, elapsed_s / SETTLE_S)
