"""The tables of docs/explanations.md: every method of every model, beside chance and beside the paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from training.benchmark.cells import NONE, number, spread, table
from training.benchmark.prose import paragraph
from training.benchmark.quoted import SOURCE, quoted_rows
from training.explain.page import title_of_row
from training.explain.study.compared import Compared, percentiles_of
from training.explain.study.paper import paper_curve, paper_mean
from training.explain.study.plan import SET
from training.explain.study.prose import INSIDE
from training.faithfulness import COLUMNS, column_of

CHANCE = ("random", "random_smoothed", "oracle")
TIMES = ("frame_auc", "inside_auc", "onset_median_s", "onset_missed")
REMOVALS = ("deletion_frames", "insertion_frames", "deletion_bins", "insertion_bins")


def percentile_section(found: Compared, figure: str, heading: str) -> list[str]:
    """Return the table of one figure at each percentile: methods by models, the paper's rows between them."""
    percentiles = percentiles_of(figure)
    methods = list(dict.fromkeys(method for kind in found.kinds for method in found.methods(kind)))
    lines = [
        line
        for method in methods
        for kind in found.kinds
        for line in _lines(found, figure, kind, method, percentiles)
    ]
    lines += [
        line
        for row in CHANCE
        for kind in found.kinds
        for line in _lines(found, figure, kind, row, percentiles)
    ]
    lines += [_paper_line(figure, "", row, percentiles) for row in CHANCE if paper_curve(figure, "", row)]
    if not lines:
        return []
    meaning = column_of(figure).meaning
    return [
        f"### {heading}",
        "",
        f"{meaning[0].upper()}{meaning[1:]}.",
        "",
        *table(["", *(f"{percentile}th" for percentile in percentiles), "mean", "over random"], lines),
        "",
    ]


def _lines(
    found: Compared, figure: str, kind: str, row: str, percentiles: Sequence[int]
) -> Iterator[list[str]]:
    curves = found.curves(kind, figure, row)
    if not curves:
        return
    cells = [number(float(np.mean([curve[p] for curve in curves])), 3) for p in percentiles]
    lifts = spread(found.lifts(kind, figure, row), 2) if column_of(figure).lift and row != "random" else NONE
    yield [f"{title_of_row(row)}, {kind}", *cells, spread(found.means(kind, figure, row), 3), lifts]
    if paper_curve(figure, kind, row):
        yield _paper_line(figure, kind, row, percentiles)


def _paper_line(figure: str, kind: str, row: str, percentiles: Sequence[int]) -> list[str]:
    curve: Mapping[int, float] = paper_curve(figure, kind, row)
    cells = [number(curve[p], 3) if p in curve else NONE for p in percentiles]
    mean = paper_mean(figure, kind, row)
    name = f"*paper: {title_of_row(row)}{f', {kind}' if kind else ''}*"
    return [name, *cells, NONE if mean is None else number(mean, 3), NONE]


def plain_section(found: Compared, keys: Sequence[str], heading: str) -> list[str]:
    """Return the table of figures without a percentile: methods by models."""
    rows = [
        *dict.fromkeys(method for kind in found.kinds for method in found.methods(kind)),
        *CHANCE,
    ]
    lines = [
        [f"{title_of_row(row)}, {kind}", *(spread(found.plain(kind, key, row), 3) for key in keys)]
        for row in rows
        for kind in found.kinds
        if row in CHANCE or row in found.methods(kind)
    ]
    meanings = [f"- {key}: {COLUMNS[key].meaning}." for key in keys]
    return [f"### {heading}", "", *meanings, "", *table(["", *keys], lines), ""]


def inside_section(found: Compared, notes: Path) -> list[str]:
    """Return the table of the bundles' own error maps on all windows, beside the shared notes' detectors."""
    ours = {
        kind: [part.whole.get("inside_auc") for part in found.of(kind) if part.whole] for kind in found.kinds
    }
    whole = {
        kind: [part.whole.get("frame_auc") for part in found.of(kind) if part.whole] for kind in found.kinds
    }
    lines = [
        [f"{kind}, the bundle's own error map", str(len(values)), spread(values, 3), spread(whole[kind], 3)]
        for kind, values in ours.items()
        if values
    ]
    if not lines:
        return []
    quoted = quoted_rows(notes, SET) if notes.is_file() else []
    lines += [
        [row.detector, "quoted", row.cells.get("inside_auc", NONE), row.cells.get("frame_auc", NONE)]
        for row in quoted
        if _value(row.cells.get("inside_auc", "")) is not None
    ]
    means = {kind: _mean(values) for kind, values in ours.items() if values}
    best = max(means, key=lambda kind: means[kind])
    peers = [value for row in quoted if (value := _value(row.cells.get("inside_auc", ""))) is not None]
    verdict = [f"Best of ours: {best}, {number(means[best], 3)}"]
    if "ae" in means and best != "ae":
        verdict.append(f"{number(means[best] - means['ae'], 3)} above the error map of the AE")
    if peers:
        verdict.append(
            f"{number(means[best] - max(peers), 3)} above the best quoted one ({number(max(peers), 3)})"
        )
    return [
        "## Right in time, on all windows",
        "",
        paragraph(f"{INSIDE} {SOURCE}."),
        "",
        *table(["map", "seeds", "inside", "frame AUC"], lines),
        "",
        f"{'; '.join(verdict)}. (A difference below 0 means that it is not beaten.)",
        "",
    ]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def _value(cell: str) -> float | None:
    try:
        return float(cell.rstrip("*"))
    except ValueError:
        return None
