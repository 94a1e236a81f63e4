"""What came of a plant, a row a machine, trouble first: for a terminal, as CSV, JSON and one HTML file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from training.fleet.artefacts import Artefacts

Cell = str | int | float | None
SHOWN = 40
"""So many rows go to the terminal; the files have all."""
WIDEST = 60
"""Characters of a cell on the terminal."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
tr.failed td { background: #fdecea; } tr.partly td { background: #fff6e0; }
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One machine."""

    machine: str
    state: str
    """`done`; `partly`: there is a result, and something was left out; `failed`: there is none."""
    figures: Mapping[str, Cell]
    """By column, the same columns in each row of a table."""
    trouble: float
    """What rows of the same state are sorted by, the highest first."""
    remark: str
    """What was wrong, with its remedy; empty where nothing was."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A table of all machines."""

    title: str
    rows: tuple[Row, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was done."""
        return all(row.state == "done" for row in self.rows)

    @property
    def sorted_rows(self) -> list[Row]:
        """The rows by trouble: failed, partly done, done; then by figure, then by name."""
        order = ("failed", "partly", "done")
        return sorted(self.rows, key=lambda row: (order.index(row.state), -row.trouble, row.machine))

    @property
    def counts(self) -> str:
        """How many rows are in which state, as words."""
        found = {
            state: sum(row.state == state for row in self.rows) for state in ("done", "partly", "failed")
        }
        return f"{len(self.rows)} machines: " + ", ".join(
            f"{count} {state}" for state, count in found.items()
        )


def trouble_of(value: float | None, *, low_is_bad: bool = False) -> float:
    """Return a figure as something to sort by; one that is not known comes first."""
    if value is None:
        return math.inf
    return -value if low_is_bad else value


def write_summary(out: Artefacts, name: str, summary: Summary) -> None:
    """Write NAME.csv, NAME.json and NAME.html."""
    out.write_text(f"{name}.csv", csv_of_summary(summary))
    out.write_text(f"{name}.json", json_of_summary(summary))
    out.write_text(f"{name}.html", html_of_summary(summary))


def text_of_summary(summary: Summary) -> str:
    """Return the worst rows as a table for a terminal, with the counts below."""
    table = _table(summary)
    cells = [[_shortened(cell) for cell in row] for row in table[: SHOWN + 1]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    if len(table) > SHOWN + 1:
        lines.append(f"... and {len(table) - SHOWN - 1} more")
    return "\n".join([*lines, summary.counts, ""])


def csv_of_summary(summary: Summary) -> str:
    """Return all rows as CSV with a header."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows(_table(summary))
    return sink.getvalue()


def json_of_summary(summary: Summary) -> str:
    """Return all rows as JSON; what is not known is null."""
    rows = [
        {"machine": row.machine, "state": row.state, **row.figures, "remark": row.remark or None}
        for row in summary.sorted_rows
    ]
    tree = {"schema": 1, "title": summary.title, "complete": summary.is_complete, "machines": rows}
    return json.dumps(tree, indent=1, allow_nan=False) + "\n"


def html_of_summary(summary: Summary) -> str:
    """Return all rows as a page that needs no other file."""
    header, *rows = _table(summary)
    states = [row.state for row in summary.sorted_rows]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join(
        f'<tr class="{state}">' + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for state, row in zip(states, rows, strict=True)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(summary.title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(summary.title)}</h1><p>{escape(summary.counts)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></html>\n"
    )


def _table(summary: Summary) -> list[list[str]]:
    rows = summary.sorted_rows
    columns = list(rows[0].figures) if rows else []
    cells = [
        [row.machine, row.state, *(_text(row.figures[key]) for key in columns), row.remark] for row in rows
    ]
    return [["machine", "state", *columns, "remark"], *cells]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _shortened(cell: str) -> str:
    cell = " ".join(cell.split())
    return cell if len(cell) <= WIDEST else cell[: WIDEST - 3] + "..."


def named(what: Sequence[str], most: int = 3) -> str:
    """Return the first few of many sentences, and how many there are."""
    more = f"; and {len(what) - most} more" if len(what) > most else ""
    return "; ".join(what[:most]) + more
