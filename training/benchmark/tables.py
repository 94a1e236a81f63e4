"""The tables of how well the detectors do, each from whatever rows are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.benchmark.cells import NONE, at_limit, figure, groups, number, spread, table
from training.benchmark.plan import CONTROLS, RECIPE, Plan
from training.benchmark.prose import CLIPS, paragraph
from training.benchmark.quoted import SOURCE, quoted_rows
from training.benchmark.rows import Row

STREAM_COLUMNS = {
    "window_auc": "window AUC",
    "recall_at_1pc": "recall at 1 %",
    "at_limit": "recall / false at its own limit",
    "frame_auc": "frame AUC",
    "inside_auc": "inside",
    "groups": "+6 dB, 0 dB, -6 dB, faults at 1 %",
}
QUOTED = """
Rows marked quoted, trials and packages: one run each, on the streams of all of ../shared/data, from
"""
CHANCE = {"window_auc": ".5", "frame_auc": ".5", "inside_auc": ".5"}


def stream_section(rows: Sequence[Row], plan: Plan, name: str, notes: Path) -> list[str]:
    """Return the section of one set of streams; empty where nothing was measured."""
    found = [row for row in rows if row.set == name]
    if not found:
        return []
    events, hours = found[0].figures["events"] or 0.0, found[0].figures["hours"] or 0.0
    lines = [["chance", NONE, NONE, *(CHANCE.get(column, NONE) for column in STREAM_COLUMNS)]]
    lines += [
        [title(method, mine), str(len(mine)), heads(mine), *_stream_cells(mine)]
        for method, mine in of(found, plan)
    ]
    lines += [
        [quoted.detector, "quoted", NONE, *(quoted.cells.get(column, NONE) for column in STREAM_COLUMNS)]
        for quoted in quoted_rows(notes, name)
    ]
    without = sorted({row.no_limit_because for row in found if row.costs.get("train_s") and not row.limit})
    return [
        f"## {name}: {events:.0f} events in {number(hours, 2)} h",
        "",
        *table(["detector", "seeds", "head", *STREAM_COLUMNS.values()], lines),
        "",
        paragraph(f"{QUOTED} {SOURCE}, which explains the asterisk."),
        *(f"Without an alarm limit, so that none can be judged: {reason}." for reason in without),
        "",
    ]


def of(rows: Sequence[Row], plan: Plan) -> list[tuple[str, list[Row]]]:
    """Return the rows of each method that has any, in the plan's order."""
    pairs = [(m.name, [row for row in rows if row.method == m.name]) for m in plan.methods]
    return [(name, found) for name, found in pairs if found]


def title(method: str, rows: Sequence[Row]) -> str:
    """Return how a method is called in a table."""
    if method == RECIPE:
        return f"**{method}** (the recipe)"
    return f"{method} (control)" if rows[0].kind in (*CONTROLS, "dense") else method


def heads(rows: Sequence[Row]) -> str:
    """Return which heads scored a method, over its seeds; the head is chosen anew for each."""
    return ", ".join(sorted({row.head for row in rows if row.head})) or NONE


def _stream_cells(rows: Sequence[Row]) -> list[str]:
    return [
        figure(rows, "window_auc", 3),
        figure(rows, "recall_at_1pc", 2),
        at_limit(rows),
        figure(rows, "frame_auc", 3),
        figure(rows, "inside_auc", 3),
        groups(rows),
    ]


def clip_section(rows: Sequence[Row], plan: Plan, names: Sequence[str]) -> list[str]:
    """Return the table of the clips, AUC / pAUC for each set; empty where nothing was measured."""
    found = [row for row in rows if row.set in names]
    if not found:
        return []
    lines = [["chance", NONE, NONE, *(".5 / .5" for _ in names)]]
    for control in CONTROLS:
        measured = {row.set: row.controls[control] for row in found}
        cells = [_pair([measured[name]]) if name in measured else NONE for name in names]
        lines.append([f"{control} (control)", NONE, NONE, *cells])
    for method, mine in of(found, plan):
        by_set = [[row for row in mine if row.set == name] for name in names]
        cells = [_pair([row.figures for row in each]) if each else NONE for each in by_set]
        lines.append([title(method, mine), str(max(map(len, by_set))), heads(mine), *cells])
    counts = {row.set: f"{row.figures['normal']:.0f} + {row.figures['anomalous']:.0f}" for row in found}
    sizes = ", ".join(f"{name} {counts[name]}" for name in names if name in counts)
    return [
        "## ToyCar, clips of precomputed log-mel: AUC / pAUC",
        "",
        *table(["detector", "seeds", "head", *names], lines),
        "",
        paragraph(f"{CLIPS} Normal + anomalous test clips: {sizes}."),
        *_beaten(found, plan, names),
        "",
    ]


def _pair(figures: Sequence[object]) -> str:
    dicts = [found for found in figures if isinstance(found, dict)]
    return f"{spread((d['auc'] for d in dicts), 3)} / {spread((d['pauc'] for d in dicts), 3)}"


def _beaten(rows: Sequence[Row], plan: Plan, names: Sequence[str]) -> list[str]:
    """Return, for each set, which methods do better than the Gaussian in the mean over seeds."""
    lines = []
    for name in names:
        here = [row for row in rows if row.set == name]
        better = []
        for method, mine in of(here, plan):
            gains = [(row.figures["auc"] or 0.0) - (row.controls["gaussian"]["auc"] or 0.0) for row in mine]
            better += [method] if sum(gains) > 0 else []
        if here:
            lines.append(f"- {name}: above the Gaussian in the mean: {', '.join(better) or 'none'}")
    return ["", *lines]
