"""How long a score has stayed on one side of a level, in sound that was really judged."""

from __future__ import annotations

from monitor.messages import SAME_TIME_S, Quality, Span

DOUBT_S = 60.0
"""So much sound must pass without a dropped window; as long as health says that the source can't keep up.

So much more sound may be too quiet to be judged than is judged, while the machine counts as running.
"""


class Delay:
    """A stopwatch that starts at the end of the first window for which something holds."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        """May be changed while it runs: what has been counted counts."""
        self._elapsed_s: float | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and not reset."""
        return self._elapsed_s is not None

    def hold(self, advance_s: float) -> bool:
        """Count a further window, or start; return whether the delay is over."""
        self._elapsed_s = 0.0 if self._elapsed_s is None else self._elapsed_s + advance_s
        return self._elapsed_s >= self.delay_s - SAME_TIME_S

    def reset(self) -> None:
        """Forget what was counted."""
        self._elapsed_s = None


class Doubt:
    """Keeps an alarm uncertain while windows are dropped now and then, lest it flips with each of them."""

    def __init__(self) -> None:
        self._until_s: float | None = None

    def note(self, span: Span) -> None:
        """Take a window that could not be judged."""
        if span.quality is Quality.DROPPED:
            self._until_s = span.end_s + DOUBT_S

    def holds(self, span: Span) -> bool:
        """Say whether a judged window comes too soon after a dropped one for the alarm to be certain."""
        if self._until_s is None:
            return False
        # a stream that has begun anew counts from 0 again
        if not self._until_s - DOUBT_S <= span.end_s + SAME_TIME_S < self._until_s:
            self._until_s = None
        return self._until_s is not None


class TooQuiet:
    """Weighs sound that was too quiet to be judged against sound that was judged.

    unjudged is ahead by DOUBT_S -> in doubt
    judged has made up for it    -> no longer

    Else an alarm would say normal for ever of a machine that is hardly ever judged and never off. Sound of a
    machine that is off counts on neither side: one that goes off and on all day is in doubt too.
    """

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self.in_doubt = False
        """Whether more goes unjudged than is judged."""

    def miss(self, advance_s: float) -> None:
        """Take sound that was too quiet, of a machine that counts as running."""
        self._ahead_s = min(DOUBT_S, self._ahead_s + advance_s)
        self.in_doubt = self.in_doubt or self._ahead_s >= DOUBT_S - SAME_TIME_S

    def judge(self, advance_s: float) -> None:
        """Take sound that was judged."""
        self._ahead_s = max(0.0, self._ahead_s - advance_s)
        self.in_doubt = self.in_doubt and self._ahead_s > SAME_TIME_S


class Progress:
    """How much newly heard sound each window brings."""

    def __init__(self) -> None:
        self._heard_to_s: float | None = None

    def advance(self, span: Span) -> tuple[float, bool]:
        """Return the seconds that this window adds, and whether some before it were never judged.

        Windows overlap, so a window adds what lies after the end of the one before it. Where windows are
        missing only the window itself is added: time that nobody heard proves nothing.
        """
        heard_to_s = span.start_s if self._heard_to_s is None else self._heard_to_s
        hole = span.start_s > heard_to_s + SAME_TIME_S
        self._heard_to_s = span.end_s
        return max(0.0, span.end_s - max(heard_to_s, span.start_s)), hole
