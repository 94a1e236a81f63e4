"""How far a limit has come from the one that was learned, by steps of which each was accepted on its own.

Ten small steps move a limit as far as one large one that nobody would accept. So the first limit is kept: it
says what it would raise now.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Chain:
    """The limit that was learned, and those that were accepted in its place, one after the other."""

    first: Calibration
    """What was learned: from a recording, or with the bundle."""
    steps: tuple[str, ...] = ()
    """Digests of the limits since then, oldest first; the last one judges now."""

    def limit_of(self, calibration: Calibration, budget: float) -> float:
        """Return the limit of a calibration in units of the first one's, both for so many alarms a week."""
        return self.first.value(calibration.limit_raw(budget), self.first.limit_raw(budget))
