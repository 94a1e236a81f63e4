"""How much of a CPU core's time candidates may take: in stretches, so that what is judged hangs together.

An alarm counts seconds in a row. Windows skipped one by one would never add up to an alarm, of either bundle;
so there is judging until the credit is used up, and then a rest until it is full again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STRETCH_S = 60.0
"""The credit is what so long a time earns: with a share of 0.1 it is six seconds of work."""


class CpuBudget:
    """A credit in seconds of one core that fills with time. Belongs to the shadow thread."""

    def __init__(self, share: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with all the credit there can be."""
        self.share = share
        """Of one core's time; may be changed at any moment."""
        self._monotonic = monotonic
        self._credit_s = share * STRETCH_S
        self._at_s = monotonic()
        self._is_used_up = False
        self.spent_s = 0.0
        """Seconds of work since the start."""

    def spend(self, seconds: float) -> None:
        """Take it that so much time was spent; what is overdrawn is to be earned first."""
        self._fill()
        self.spent_s += seconds
        self._credit_s -= seconds
        self._is_used_up = self._is_used_up or self._credit_s <= 0.0

    @property
    def rests(self) -> bool:
        """Whether candidates rest: from when the credit is used up until it is full again."""
        self._fill()
        if self._is_used_up and self._credit_s >= self.share * STRETCH_S:
            self._is_used_up = False
        return self._is_used_up

    def _fill(self) -> None:
        now_s = self._monotonic()
        earned_s = (now_s - self._at_s) * self.share
        self._at_s = now_s
        self._credit_s = min(self._credit_s + earned_s, self.share * STRETCH_S)
