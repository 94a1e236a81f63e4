"""What was fitted to a machine's normal scores, and the questions it answers.

Evaluation is plain arithmetic on a few numbers, so that the daemon asks it for every window.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

from monitor.calibration.tail import Tail
from monitor.errors import CalibrationError

DAYS_PER_WEEK = 7.0
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The tail of one machine's normal scores under one bundle.

    It predicts only what the sound it was fitted to is like: a season or a way of running that was never
    heard is in no interval.
    """

    bundle_id: str
    """The only bundle whose raw scores it may judge."""
    fitted_utc_s: float
    """When the fit was made, by the clock of the machine that made it."""
    source: str
    """Where the normal sound came from, for people."""
    hop_s: float
    """From one window to the next."""
    gap_s: float
    """High windows that are less than this apart are one stretch, and one alarm."""
    windows: int
    """Judged windows that were used."""
    set_aside_windows: int
    """Windows left out because they do not belong to the rest."""
    clusters: int
    """Separate stretches that reach the threshold."""
    centre: float
    """Median of the raw scores: value 0."""
    largest: float
    """The largest raw score used."""
    tail: Tail
    """The best estimate."""
    draws: tuple[Tail, ...]
    """Equally probable tails: their spread is the uncertainty."""
    below_levels: tuple[float, ...]
    """Raw scores from the centre to the threshold, rising."""
    below_per_day: tuple[float, ...]
    """Separate stretches a day that reached each of below_levels, falling; the last is the tail's rate."""

    @property
    def exposure_h(self) -> float:
        """Hours of judged sound."""
        return self.windows * self.hop_s / 3600.0

    def expected_per_day(self, raw: float) -> float:
        """Return how many false alarms a day a limit at `raw` would raise; never more than windows a day."""
        return min(self._rate(self.tail, raw), 86400.0 / self.hop_s)

    def limit_raw(self, false_alarms_per_week: float) -> float:
        """Return the raw score that normal sound reaches at most so often, by the best estimate.

        Raises:
            CalibrationError: The budget is not above 0.
        """
        return self._level(self.tail, _per_day(false_alarms_per_week))

    def limit_interval(self, false_alarms_per_week: float) -> tuple[float, float]:
        """Return the 90 % interval of limit_raw."""
        per_day = _per_day(false_alarms_per_week)
        return _interval([self._level(draw, per_day) for draw in self.draws])

    def false_alarms_interval(self, false_alarms_per_week: float) -> tuple[float, float]:
        """Return the 90 % interval of the false alarms a week that the limit for this budget will raise."""
        limit = self.limit_raw(false_alarms_per_week)
        return _interval([self._rate(draw, limit) * DAYS_PER_WEEK for draw in self.draws])

    def value(self, raw: float, limit_raw: float) -> float:
        """Return `raw` in units of the limit: 0.0 is the median of normal sound, 1.0 the limit."""
        return (raw - self.centre) / (limit_raw - self.centre)

    def _rate(self, tail: Tail, raw: float) -> float:
        if raw >= tail.threshold:
            return tail.rate_above(raw)
        share = tail.rate_per_day / self.below_per_day[-1]
        right = bisect.bisect_right(self.below_levels, raw)
        if right == 0:
            return self.below_per_day[0] * share
        low, high = self.below_levels[right - 1], self.below_levels[right]
        part = (raw - low) / (high - low)
        return share * (self.below_per_day[right - 1] * (1.0 - part) + self.below_per_day[right] * part)

    def _level(self, tail: Tail, per_day: float) -> float:
        if per_day <= tail.rate_per_day:
            return tail.level_of(per_day)
        wanted = per_day * self.below_per_day[-1] / tail.rate_per_day
        # from the threshold down: the highest level that is still reached as often as wanted
        for right in range(len(self.below_levels) - 1, 0, -1):
            fewer, more = self.below_per_day[right], self.below_per_day[right - 1]
            if wanted <= more:
                part = (wanted - fewer) / (more - fewer)
                low, high = self.below_levels[right - 1], self.below_levels[right]
                return max(high - part * (high - low), self.below_levels[1])
        # more alarms than the sound can raise: the lowest limit that still lies above the centre
        return self.below_levels[1]


def _per_day(false_alarms_per_week: float) -> float:
    if not (math.isfinite(false_alarms_per_week) and false_alarms_per_week > 0):
        raise CalibrationError(
            f"false_alarms_per_week {false_alarms_per_week} must be a number above 0; 1.0 is usual"
        )
    return false_alarms_per_week / DAYS_PER_WEEK


def _interval(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in INTERVAL)
    return low, high
