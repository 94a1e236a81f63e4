"""When to connect again: at once to the next broker, and more and more slowly once none will have us."""

from __future__ import annotations

LONGEST_S = 30.0
STEADY_S = 10.0
"""A connection that lasted as long was a good one; a shorter one counts as a failed attempt."""


class Retry:
    """Counts failures and says when the next attempt is due. All times are monotonic."""

    def __init__(self, servers: int) -> None:
        """`servers` is how many brokers there are to walk through."""
        self._servers = servers
        self._failures = 0
        self._accepted_s: float | None = None
        self._due_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to connect now."""
        return now_s >= self._due_s

    def note_accepted(self, now_s: float) -> None:
        """Take it that a broker has accepted the connection."""
        self._accepted_s = now_s

    def note_end(self, now_s: float) -> None:
        """Take it that the connection has ended, or never was."""
        lasted = self._accepted_s is not None and now_s - self._accepted_s >= STEADY_S
        self._accepted_s = None
        self._failures = 0 if lasted else self._failures + 1
        rounds = self._failures - self._servers
        self._due_s = now_s + (0.0 if rounds < 0 else min(LONGEST_S, 2.0 ** min(rounds, 10)))
