"""Whether work has moved: what systemd's watchdog is fed with, in place of a timer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.health import SourceFacts
from monitor.messages import CaptureState


@dataclass(frozen=True, slots=True)
class _Work:
    """What was done of one source's sound; numbers that stand still mean that nothing was."""

    captured: int
    """Samples that arrived or were reported lost: a capture that waits for its device reports loss."""
    windowed: int
    """Samples that are in a window which was to be judged."""
    judged: int
    """Windows that have a score, or were found unfit for one."""


class WatchdogEvidence:
    """Decides when systemd's watchdog is fed: when all work has moved since it was fed last.

    It is asked often. Work that pauses for less than the watchdog's time is no fault, work that stands
    still is one from the last feeding on.
    """

    def __init__(self) -> None:
        self._fed_s: float | None = None
        self._done: dict[str, _Work] = {}
        self._turns = 0

    def feeds(self, sources: Sequence[SourceFacts], *, turns: int, every_s: float) -> bool:
        """Say whether to feed it now: not before `every_s` have passed, and only if everything moved since.

        `turns`: how often the judging thread has come round. The first call only looks.
        """
        now_s = time.monotonic()
        if self._fed_s is not None:
            if now_s - self._fed_s < every_s or turns == self._turns:
                return False
            if not all(self._has_moved(facts) for facts in sources):
                return False
        first = self._fed_s is None
        self._fed_s, self._turns = now_s, turns
        self._done = {facts.capture.source_id: _work_of(facts) for facts in sources}
        return not first

    def _has_moved(self, facts: SourceFacts) -> bool:
        """Say whether a source was captured, and judged if there was anything to judge, or has ended.

        A source whose windows are all dropped has not moved: its engine hangs or is far too slow.
        """
        if facts.capture.state is CaptureState.ENDED:
            return True
        now, before = _work_of(facts), self._done.get(facts.capture.source_id)
        if before is None:  # it came while the daemon ran
            return now.captured > 0
        # a source that was begun anew counts from 0 again
        captured = now.captured != before.captured
        return captured and (now.judged != before.judged or now.windowed == before.windowed)


def _work_of(facts: SourceFacts) -> _Work:
    return _Work(
        captured=facts.capture.received_samples + facts.capture.lost_samples,
        windowed=0 if facts.ledger is None else facts.ledger.windowed,
        judged=facts.windows,
    )
