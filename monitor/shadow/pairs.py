"""Which window of a candidate stands beside which of the live bundle: the one whose middle is nearest.

Where both cut alike that is the window of the very same samples. Where they do not, a window of the live
bundle waits until the candidate has heard past its middle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from monitor.messages import SAME_TIME_S, Quality, Score

WAITING_MAX = 256
"""Windows of the live bundle that may wait; the oldest then counts as not judged by the candidate."""


class Pairs:
    """Of one source. Both kinds of scores come in order of time."""

    def __init__(self) -> None:
        self._waiting: deque[Score] = deque()
        self._before: Score | None = None
        """The candidate's last window before the next one's middle."""

    def of_live(self, score: Score) -> Iterator[tuple[Score, Score | None]]:
        """Take a window of the live bundle; yield those that need wait no longer, with what stands beside."""
        self._waiting.append(score)
        yield from self._unjudged()
        if len(self._waiting) > WAITING_MAX:
            yield self._waiting.popleft(), None

    def of_candidate(self, score: Score) -> Iterator[tuple[Score, Score | None]]:
        """Take a window of the candidate; yield the live ones whose middle it has heard, in order."""
        while self._waiting and middle_s(self._waiting[0]) <= middle_s(score) + SAME_TIME_S:
            live = self._waiting.popleft()
            yield live, _nearest(live, self._before, score)
            yield from self._unjudged()
        self._before = score

    def _unjudged(self) -> Iterator[tuple[Score, Score | None]]:
        """Yield what the live bundle could not judge: the candidate is not asked either."""
        while self._waiting and self._waiting[0].span.quality is not Quality.OK:
            yield self._waiting.popleft(), None


def middle_s(score: Score) -> float:
    """Return the stream time of a window's middle."""
    return (score.span.start_s + score.span.end_s) / 2.0


def _nearest(live: Score, before: Score | None, after: Score) -> Score | None:
    """Return the nearer of two windows; None: the live one's middle lies in neither."""
    at_s = middle_s(live)
    found = min(
        (one for one in (before, after) if one is not None), key=lambda one: abs(middle_s(one) - at_s)
    )
    is_over_it = found.span.start_s - SAME_TIME_S <= at_s <= found.span.end_s + SAME_TIME_S
    return found if is_over_it else None
