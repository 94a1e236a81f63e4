"""What stands in a cell of the report: a mean over seeds, with the lowest and the highest in brackets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from training.benchmark.rows import Row

NONE = "-"
GROUPS = ("+6dB", "+0dB", "-6dB", "fault")
"""In the order of the shared notes."""


def number(value: float, digits: int) -> str:
    """Return a number with so many digits behind the point, and no zero before it: .912."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def spread(values: Iterable[float | None], digits: int, *, factor: float = 1.0) -> str:
    """Return `mean (lowest to highest)` of `factor` times what is known; without brackets where it is one."""
    known = [value * factor for value in values if value is not None]
    if not known:
        return NONE
    mean = number(sum(known) / len(known), digits)
    if len(known) == 1:
        return mean
    return f"{mean} ({number(min(known), digits)} to {number(max(known), digits)})"


def figure(rows: Sequence[Row], name: str, digits: int) -> str:
    """Return the spread of a figure over rows."""
    return spread((row.figures.get(name) for row in rows), digits)


def cost(rows: Sequence[Row], name: str, digits: int, *, factor: float = 1.0) -> str:
    """Return the spread of a cost over rows."""
    return spread((row.costs.get(name) for row in rows), digits, factor=factor)


def at_limit(rows: Sequence[Row]) -> str:
    """Return `recall / share of false windows` at each row's own limit."""
    recall = figure(rows, "recall_at_limit", 2)
    if recall == NONE:
        return NONE
    return f"{recall} / {spread((row.figures['false_share_at_limit'] for row in rows), 1, factor=100.0)} %"


def groups(rows: Sequence[Row]) -> str:
    """Return the mean count of events found at 1 % and their number, by group: `31.3/40 ...`."""
    found: Counter[str] = Counter()
    whole: dict[str, str] = {}
    for row in rows:
        for name, text in row.groups.items():
            hits, _, whole[name] = text.partition("/")
            found[name] += int(hits)
    names = [name for name in GROUPS if name in whole] + sorted(set(whole) - set(GROUPS))
    return " ".join(f"{found[name] / len(rows):.3g}/{whole[name]}" for name in names) or NONE


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    rule = ["---"] * len(headings)
    return [f"| {' | '.join(cells)} |" for cells in (headings, rule, *lines)]
