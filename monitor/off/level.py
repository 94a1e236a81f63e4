"""Off because it is quiet: a level, a time below it, and how much louder it must become."""

from __future__ import annotations

from datetime import datetime, timezone

from monitor.config.off import OffLevel
from monitor.messages import Quality, Span

UNHEARD = frozenset({Quality.ABSENT, Quality.SILENT, Quality.FLAT, Quality.GAP})
"""Windows whose level says nothing of a machine: lost samples are silence, a dead microphone is quiet."""
SAME_TIME_S = 1e-6


class LevelCondition:
    """Follows the level of one source. Belongs to the thread that judges.

    below_dbfs for after_s, heard all the time -> off
    below_dbfs + hysteresis_db                 -> on, at once
    unheard for after_s while off              -> on: nobody knows that it is off
    """

    def __init__(self, section: OffLevel, *, was_off: bool = False) -> None:
        """`was_off`: go on from before a restart or a reload."""
        self._section = section
        self.off = was_off
        """Whether it holds."""
        self.reason = f"level below {section.below_dbfs:g} dBFS, as before" if was_off else ""
        """In words: the level at which it went off; it stands still while it holds."""
        self.too_quiet = was_off
        """Whether the last window cannot be of a machine that runs, for however short a time."""
        self._quiet_from: Span | None = None
        self._unheard_from_s: float | None = None

    def hear(self, span: Span) -> None:
        """Take the next window; its quality is that of the input."""
        if span.quality in UNHEARD or span.level_dbfs is None:
            self._miss(span)
            return
        self._unheard_from_s = None
        louder_db = self._section.hysteresis_db if self.off else 0.0
        if span.level_dbfs >= self._section.below_dbfs + louder_db:
            self.off = self.too_quiet = False
            self._quiet_from = None
            return
        self.too_quiet = True
        if self.off:
            return
        first = self._quiet_from or span
        self._quiet_from = first
        if span.end_s - first.end_s >= self._section.after_s - SAME_TIME_S:
            self.off = True
            self.reason = (
                f"level {span.level_dbfs:.1f} dBFS, below {self._section.below_dbfs:g} since "
                f"{utc_text(first.start_utc_s)}"
            )

    def _miss(self, span: Span) -> None:
        self._quiet_from = None
        if not self.off:
            self.too_quiet = False
            return
        if self._unheard_from_s is None or span.end_s < self._unheard_from_s:
            self._unheard_from_s = span.end_s
        if span.end_s - self._unheard_from_s >= self._section.after_s - SAME_TIME_S:
            self.off = self.too_quiet = False


def utc_text(utc_s: float) -> str:
    """Return a time for a person, to the second."""
    return f"{datetime.fromtimestamp(utc_s, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
