"""Rows of the shared notes on other detectors, quoted as they stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = "../shared/bench/NUMBERS.md"
COLUMNS = {
    "window AUC": "window_auc",
    "recall at 1 %": "recall_at_1pc",
    "recall / false at its own limit": "at_limit",
    "false at own limit": "at_limit",
    "frame AUC": "frame_auc",
    "inside": "inside_auc",
    "+6 dB, 0 dB, -6 dB, faults at 1 %": "groups",
}
"""Heading there -> our name of the column."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """One row of a table of the notes."""

    detector: str
    cells: Mapping[str, str]
    """By our name of the column, as written there."""


def quoted_rows(notes: Path, name: str) -> list[Quoted]:
    """Return the rows of the table under the heading `## name:`; none where the notes have no such table."""
    lines = _section(notes, f"{name}:")
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    if len(table) < 3:
        return []
    columns = [COLUMNS.get(heading, "") for heading in table[0]]
    return [
        Quoted(
            cells[0],
            {column: _without_bold(cell) for column, cell in zip(columns, cells, strict=True) if column},
        )
        for cells in table[2:]
    ]


def _without_bold(cell: str) -> str:
    return cell[2:-2] if cell.startswith("**") else cell


def quoted_line(notes: Path, heading: str) -> str:
    """Return the text under a heading that begins so, as one line; empty where there is none."""
    return " ".join(line.strip() for line in _section(notes, heading) if line.strip())


def _section(notes: Path, heading: str) -> list[str]:
    """Return the lines between a heading `## ...` that begins so and the next."""
    found: list[str] = []
    inside = False
    for line in notes.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            inside = line.removeprefix("## ").startswith(heading)
        elif inside:
            found.append(line)
    return found
