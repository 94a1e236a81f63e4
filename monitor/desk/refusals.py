"""How many refusals are answered: a flood of them fills neither the disk, nor the line, nor the record."""

from __future__ import annotations

UNREADABLE_ANSWERED = 30
"""Of what is no command: so many within WITHIN_S are answered and kept on record ..."""
REFUSED_ANSWERED = 300
"""... and so many of commands that are refused; operators may have pressed a button for every source."""
WITHIN_S = 60.0
"""Further ones are counted, and the count is kept on record."""


class Refusals:
    """Decides which refusals are answered. Belongs to one thread."""

    def __init__(self, answered: int) -> None:
        """Have so many answered within WITHIN_S."""
        self._answered = answered
        self.unanswered = 0
        """Not answered since the start."""
        self._began_s = -WITHIN_S
        self._in_window = 0
        self._to_note = 0

    def answer_one(self, now_s: float) -> bool:
        """Count one more, at a monotonic time; say whether it is to be answered."""
        if now_s - self._began_s >= WITHIN_S:
            self._began_s, self._in_window = now_s, 0
        self._in_window += 1
        if self._in_window <= self._answered:
            return True
        self.unanswered += 1
        self._to_note += 1
        return False

    def to_note(self, now_s: float) -> int:
        """Return how many were not answered and are not on record yet; 0 while there may be more soon."""
        return self._to_note if now_s - self._began_s >= WITHIN_S else 0

    def noted(self, count: int) -> None:
        """Take it that so many are on record now."""
        self._to_note -= count
