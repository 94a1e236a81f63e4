"""False alarms found on sound that was not used to fit, beside those that the calibration promised."""

from __future__ import annotations

import json
from pathlib import Path

from monitor.calibration import Calibration
from training.evaluation.evaluate import window_of_line
from training.evaluation.false_alarms import WEEK_S, false_alarms_of_values
from training.evaluation.scored_windows import ScoredWindow, values_where_clear
from training.evaluation.truth import events_of_truth

HOURS_PER_WEEK = WEEK_S / 3600.0
BUDGETS_PER_WEEK = (1.0, 7.0 * 24.0, 20.0 * 7.0 * 24.0)
"""One a week is the default, which minutes of sound cannot tell from none; so also one and twenty an hour."""


def promises_of_scores(scores: Path, truth: Path, calibration: Calibration) -> tuple[dict[str, float], ...]:
    """Return, for each of BUDGETS_PER_WEEK, what was promised and found on the clear windows of the streams.

    `scores` is what `wheeltapper score` writes. A record of numbers for each budget: `budget_per_week`,
    `limit_raw`, `hours` of clear sound, `expected_low` and `expected_high` (the 90 % interval of the rate
    that the calibration states, times the hours), `found`, and `kept`: 1 where the 90 % interval of the
    rate behind `found` overlaps the stated one.
    """
    windows = [_raw_window(line) for line in scores.read_text(encoding="utf-8").splitlines()]
    raw = values_where_clear(windows, events_of_truth(truth))
    found = []
    for budget in BUDGETS_PER_WEEK:
        limit = calibration.limit_raw(budget)
        values = {
            name: (series - calibration.centre) / (limit - calibration.centre) for name, series in raw.items()
        }
        alarms = false_alarms_of_values(values, calibration, hop_s=calibration.hop_s, budget_per_week=budget)
        if alarms is None:
            continue
        weeks = alarms.hours / HOURS_PER_WEEK
        found.append(
            {
                "budget_per_week": budget,
                "limit_raw": limit,
                "hours": alarms.hours,
                "expected_low": alarms.promised_interval[0] * weeks,
                "expected_high": alarms.promised_interval[1] * weeks,
                "found": float(alarms.alarms),
                "kept": float(alarms.kept),
            }
        )
    return tuple(found)


def _raw_window(line: str) -> ScoredWindow:
    tree = json.loads(line)
    return window_of_line({**tree, "value": tree["raw"], "profile": None})
