"""Tells in the log that the engine cannot keep up: when it begins, now and then, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.health import SourceFacts
from monitor.keeping_up import percent, share_of
from monitor.logs import Log

TELL_AFTER_S = 5.0
"""From the first dropped window to the warning, so that the share that it names means something."""
TELL_EVERY_S = 600.0
"""While it lasts the warning is repeated so often, never for each window."""
NAMED = 5
"""So many sources are named, those that lose most."""


class OverloadLog:
    """Belongs to one thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._since_s: float | None = None
        self._tell_at_s = 0.0
        self._told = False
        self._dropped_before = 0

    def look(self, facts: Sequence[SourceFacts], now_s: float) -> None:
        """Take how all sources are at monotonic time `now_s`; an engine that hangs is told elsewhere."""
        if any(fact.stands_still for fact in facts):
            return
        dropped = sum(fact.dropped_windows for fact in facts)
        late = [fact for fact in facts if not fact.keeps_up]
        if not late:
            self._end(dropped, now_s)
            return
        if self._since_s is None:
            self._since_s, self._tell_at_s = now_s, now_s + TELL_AFTER_S
        if now_s < self._tell_at_s:
            return
        self._tell_at_s, self._told = now_s + TELL_EVERY_S, True
        worst = sorted(late, key=lambda fact: fact.lately.dropped_share, reverse=True)[:NAMED]
        self._log.warning(
            "can't keep up: windows are dropped, and the alarms of their sources are uncertain",
            share=percent(share_of([fact.lately for fact in facts])),
            sources_late=len(late),
            worst={fact.capture.source_id: percent(fact.lately.dropped_share) for fact in worst},
            remedy="fewer sources, a larger window.hop_frames, a faster backend or a smaller model; "
            "wheeltapper engine bench says what this box can do",
        )

    def _end(self, dropped: int, now_s: float) -> None:
        if self._since_s is not None and self._told:
            lasted_s = round(now_s - self._since_s)
            self._log.info("keeps up again", lasted_s=lasted_s, dropped=dropped - self._dropped_before)
        self._since_s, self._told, self._dropped_before = None, False, dropped
