"""Whether work has moved: what systemd's watchdog is fed with, in place of a timer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from monitor.health import SourceFacts
from monitor.messages import CaptureState

KNOWINGLY_ABSENT = {CaptureState.RECOVERING, CaptureState.FAILED, CaptureState.ENDED}
"""States in which no sound is expected, and everybody has been told so."""


class WatchdogEvidence:
    """Decides whether work has moved, so that systemd's watchdog is fed by work and not by a timer."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._asked_s = -float("inf")

    def due(self, every_s: float) -> bool:
        """Say whether `every_s` has passed since it last said so."""
        now_s = time.monotonic()
        if now_s - self._asked_s < every_s:
            return False
        self._asked_s = now_s
        return True

    def moved(self, facts: Sequence[SourceFacts]) -> bool:
        """Say whether every source was captured and judged since the last call, or is knowingly absent.

        A source whose windows are all dropped has not moved: its engine hangs or is far too slow.
        """
        result = True
        for fact in facts:
            now = (fact.capture.received_samples + fact.capture.lost_samples, fact.windows)
            before = self._seen.get(fact.capture.source_id)
            self._seen[fact.capture.source_id] = now
            if before is None or fact.capture.state in KNOWINGLY_ABSENT:
                continue
            result = result and now[0] > before[0] and now[1] > before[1]
        return result
