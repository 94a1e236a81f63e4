"""Off because it is quiet: a level, a time below it, and how much louder it must become."""

from __future__ import annotations

from monitor.clock import utc_text
from monitor.config.off import OffLevel
from monitor.messages import DEAF_QUALITIES, SAME_TIME_S, Quality, Span

UNHEARD = DEAF_QUALITIES | {Quality.GAP}
"""Windows whose level says nothing of a machine: lost samples are silence, a dead microphone is quiet."""
STEADY_S = 60.0
"""After so long above the level, though not by the hysteresis, a machine that is off counts as running.

Less may be its surroundings. Without an end a hysteresis that is too large would suppress for ever.
"""


class LevelCondition:
    """Follows the level of one source. Belongs to the thread that judges.

    below_dbfs for after_s, heard all the time -> off
    below_dbfs + hysteresis_db                 -> on, at once
    never below below_dbfs for STEADY_S        -> on: it is not known to be off
    unheard for after_s while off              -> on: nobody knows that it is off
    """

    def __init__(self, section: OffLevel, *, was_off: bool = False) -> None:
        """`was_off`: go on from before a restart or another section, of which nobody knows the level.

        The first window that is heard then decides by `below_dbfs` alone.
        """
        self._section = section
        self.off = was_off
        """Whether it holds."""
        self.reason = f"level below {section.below_dbfs:g} dBFS, as before" if was_off else ""
        """In words: the level at which it went off; it stands still while it holds."""
        self.too_quiet = was_off
        """Whether the last window cannot be of a machine that runs, for however short a time."""
        self._hysteresis_db = 0.0 if was_off else section.hysteresis_db
        self._quiet_from: Span | None = None
        self._louder_from_s: float | None = None
        self._unheard_from_s: float | None = None

    def hear(self, span: Span) -> None:
        """Take the next window; its quality is that of the input."""
        if span.quality in UNHEARD or span.level_dbfs is None:
            self._miss(span)
            return
        self._unheard_from_s = None
        if self._can_run(span, span.level_dbfs - self._section.below_dbfs):
            self.off = self.too_quiet = False
            self._quiet_from = self._louder_from_s = None
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

    def _can_run(self, span: Span, above_db: float) -> bool:
        """Whether this window, with those before it, can be of a machine that runs."""
        if not self.off:
            return above_db >= 0.0
        hysteresis_db, self._hysteresis_db = self._hysteresis_db, self._section.hysteresis_db
        if above_db < 0.0:
            self._louder_from_s = None
            return False
        if self._louder_from_s is None or span.end_s < self._louder_from_s:  # the stream may have begun anew
            self._louder_from_s = span.start_s
        return above_db >= hysteresis_db or span.end_s - self._louder_from_s >= STEADY_S - SAME_TIME_S

    def _miss(self, span: Span) -> None:
        self._quiet_from = None
        if not self.off:
            self.too_quiet = False
            return
        if self._unheard_from_s is None or span.end_s < self._unheard_from_s:
            self._unheard_from_s = span.end_s
        if span.end_s - self._unheard_from_s >= self._section.after_s - SAME_TIME_S:
            self.off = self.too_quiet = False
