"""The tables of what the detectors cost, and of whether their alarm limits keep what they state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.benchmark.cells import NONE, cost, number, table
from training.benchmark.plan import Plan
from training.benchmark.prose import COSTS, PROMISES, paragraph
from training.benchmark.quoted import SOURCE, quoted_line
from training.benchmark.rows import Row
from training.benchmark.tables import of, title

BUDGETS = {1.0: "one a week", 168.0: "one an hour", 3360.0: "twenty an hour"}
"""False alarms a week, as in training.benchmark.promises -> in words."""


def cost_section(rows: Sequence[Row], plan: Plan, name: str, notes: Path) -> list[str]:
    """Return what training and scoring cost on one set of streams."""
    found = [row for row in rows if row.set == name]
    if not found:
        return []
    lines = [
        [
            title(method, mine),
            cost(mine, "train_cpu_s", 0),
            cost(mine, "train_s", 1, factor=1 / 60),
            cost(mine, "epochs", 0),
            cost(mine, "score_cpu_s_per_hour", 1),
            cost(mine, "bundle_bytes", 2, factor=1e-6),
            _largest_parity(mine),
        ]
        for method, mine in of(found, plan)
    ]
    headings = ["detector", "training, CPU s", "training, min", "epochs", "scoring, CPU s per hour of sound"]
    return [
        f"## CPU ({name})",
        "",
        *table([*headings, "bundle, MB", "parity"], lines),
        "",
        paragraph(COSTS),
        "",
        paragraph(f"Quoted from {SOURCE}, measured at another time: {quoted_line(notes, 'CPU')}"),
        "",
    ]


def _largest_parity(rows: Sequence[Row]) -> str:
    known = [value for row in rows if (value := row.costs.get("parity")) is not None]
    return f"{max(known):.1e}" if known else NONE


def promise_section(rows: Sequence[Row], plan: Plan, name: str) -> list[str]:
    """Return the false alarms that calibrations stated, beside those that were found."""
    found = [row for row in rows if row.set == name and row.limit and row.promises]
    if not found:
        return []
    hours = found[0].promises[0]["hours"]
    lines = [
        [title(method, mine), _limits(mine), *(_kept(mine, budget) for budget in BUDGETS)]
        for method, mine in of(found, plan)
    ]
    return [
        f"## Is the promise kept? ({name})",
        "",
        paragraph(f"{PROMISES} Here that part is {number(hours, 2)} h."),
        "",
        *table(["detector", "limit, raw (90 %)", *BUDGETS.values()], lines),
        "",
    ]


def _limits(rows: Sequence[Row]) -> str:
    limits = [row.limit for row in rows if row.limit]
    return "; ".join(f"{it['raw']:.3g} ({it['low']:.3g} to {it['high']:.3g})" for it in limits)


def _kept(rows: Sequence[Row], budget: float) -> str:
    records = [it for row in rows for it in row.promises if it["budget_per_week"] == budget]
    each = [
        f"{it['found']:.0f} ({number(it['expected_low'], 2)} to {number(it['expected_high'], 2)})"
        for it in records
    ]
    return f"{'; '.join(each)}: {sum(it['kept'] for it in records):.0f} of {len(records)} kept"
