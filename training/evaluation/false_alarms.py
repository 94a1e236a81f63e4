"""How often clear sound alarmed, beside what the calibration promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monitor.calibration import Calibration
from monitor.calibration.clusters import clusters_above, series_of_recordings
from training.evaluation.measures import poisson_interval
from training.evaluation.scored_windows import Float64

WEEK_S = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms on clear sound: measured, and promised by the calibration."""

    alarms: int
    """Separate stretches at value >= 1; high windows less than gap_s apart are one."""
    gap_s: float
    hours: float
    """Clear sound that could be judged."""
    per_week: float
    per_week_interval: tuple[float, float]
    """90 %, if alarms are a Poisson process."""
    promised_per_week: float
    """The budget that set value 1."""
    promised_interval: tuple[float, float]
    """90 %, as the calibration states it."""

    @property
    def kept(self) -> bool:
        """Whether the two intervals have any rate in common."""
        return (
            self.per_week_interval[0] <= self.promised_interval[1]
            and self.promised_interval[0] <= self.per_week_interval[1]
        )


def false_alarms_of_values(
    values: Mapping[str, Float64], calibration: Calibration, *, hop_s: float, budget_per_week: float
) -> FalseAlarms | None:
    """Count alarms in each file's values, shape (windows,), in order; NaN where not clear or not judged.

    The stretches are those that the calibration counts: its gap, and no stretch across a NaN or a file's
    end. None without clear sound.
    """
    gap_windows = max(1, round(calibration.gap_s / hop_s))
    series = series_of_recordings(list(values.values()), gap_windows)
    exposure_s = len(series.scores) * hop_s
    if exposure_s == 0.0:
        return None
    alarms = len(clusters_above(series, float(np.nextafter(1.0, 0.0)), gap_windows).peaks)
    low, high = poisson_interval(alarms)
    weeks = exposure_s / WEEK_S
    return FalseAlarms(
        alarms=alarms,
        gap_s=calibration.gap_s,
        hours=exposure_s / 3600.0,
        per_week=alarms / weeks,
        per_week_interval=(low / weeks, high / weeks),
        promised_per_week=budget_per_week,
        promised_interval=calibration.false_alarms_interval(budget_per_week),
    )
