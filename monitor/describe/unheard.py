"""Windows of an event that could not be judged: breaks in the sound, and clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from monitor.messages import Quality, Span


@dataclass(slots=True)
class Stretch:
    """From the first to the last of such windows."""

    start_utc_s: float = math.inf
    """Start of the first."""
    end_utc_s: float = -math.inf
    """End of the last."""
    windows: int = 0
    """How many."""
    level_dbfs: float = -100.0
    """Mean level, where there was any sound at all."""

    def add(self, start_utc_s: float, end_utc_s: float, windows: int, level_dbfs: float) -> None:
        """Take more windows."""
        self.start_utc_s = min(self.start_utc_s, start_utc_s)
        self.end_utc_s = max(self.end_utc_s, end_utc_s)
        self.windows += windows
        self.level_dbfs += (max(level_dbfs, -100.0) - self.level_dbfs) * windows / self.windows


@dataclass(slots=True)
class Unheard:
    """What could not be judged, by what was wrong with it."""

    breaks: Stretch = field(default_factory=Stretch)
    """Gaps, silence, standing still, no device."""
    clipped: Stretch = field(default_factory=Stretch)
    """At full scale."""

    def add(self, span: Span) -> None:
        """Take a window that could not be judged."""
        stretch = self.clipped if span.quality is Quality.CLIPPED else self.breaks
        level = -100.0 if span.level_dbfs is None else span.level_dbfs
        stretch.add(span.start_utc_s, span.end_utc_s, 1, level)

    def date_anew(self, by_s: float) -> None:
        """Move all times by `by_s`."""
        for stretch in (self.breaks, self.clipped):
            stretch.start_utc_s += by_s
            stretch.end_utc_s += by_s

    @property
    def end_utc_s(self) -> float:
        """When the last of it ended; minus infinity if there was none."""
        return max(self.breaks.end_utc_s, self.clipped.end_utc_s)

    @property
    def windows(self) -> int:
        """How many windows."""
        return self.breaks.windows + self.clipped.windows

    def take_over(self, earlier: Unheard, *, since_utc_s: float, until_utc_s: float) -> None:
        """Note that something came shortly before, if it ended between these times.

        That it was so is told; how long it was must not outweigh the event.
        """
        if not since_utc_s <= earlier.end_utc_s <= until_utc_s:
            return
        for own, other in ((self.breaks, earlier.breaks), (self.clipped, earlier.clipped)):
            if other.windows:
                own.add(other.start_utc_s, other.end_utc_s, 1, other.level_dbfs)
