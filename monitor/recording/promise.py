"""Says what an alarm limit can promise from so much sound, in words for whoever has to trust it."""

from __future__ import annotations

from monitor.calibration import Calibration

HOURS_OF_WEEK = 168.0
WIDE = 10.0
"""An interval that reaches so many times the budget is called wide."""


def promise_of(calibration: Calibration, false_alarms_per_week: float) -> list[str]:
    """Return what the limit for this budget promises, as sentences."""
    fewest, most = calibration.false_alarms_interval(false_alarms_per_week)
    sentences = [
        (
            f"at most {false_alarms_per_week:g} a week, 90 % interval {fewest:.2g} to {most:.3g}, from "
            f"{calibration.exposure_h:.2f} h of sound that the model never learned from"
        )
    ]
    if most > WIDE * false_alarms_per_week:
        sentences.append(
            "the interval is wide because there was little sound for the limit: record for longer and learn "
            f"again (`--hours` with a larger number goes on), or count on up to {most:.3g} a week"
        )
    if calibration.exposure_h * false_alarms_per_week < HOURS_OF_WEEK:
        sentences.append(
            "it holds for sound like what was recorded: other loads, shifts and weather were not heard"
        )
    return sentences
