"""Notices when samples stand still: digital zero or a stuck converter, block by block."""

from __future__ import annotations

from monitor.messages import Float32


class FlatLine:
    """How long one channel's samples have stood still. Looks at whole blocks only."""

    def __init__(self) -> None:
        self._value: float | None = None
        self.still_samples = 0
        """Samples at the end of what was heard that all have the same value; 0 unless a block's worth."""

    @property
    def value(self) -> float:
        """The value at which the samples stand, in [-1, 1]."""
        return self._value or 0.0

    def heard(self, samples: Float32) -> bool:
        """Enter the next block of the channel; say whether all of it stood still."""
        if not len(samples):
            return False
        # sound almost never begins and ends a block at the same value: a cheap first look
        if samples[0] != samples[-1] or samples.min() != samples.max():
            self._value, self.still_samples = None, 0
            return False
        value = float(samples[0])
        self.still_samples = self.still_samples + len(samples) if value == self._value else len(samples)
        self._value = value
        return True
