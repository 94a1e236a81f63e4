"""Every sentence that our code can say in other languages, read from the calls of `worded` in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import monitor

ROOT = Path(monitor.__file__).parent


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `worded` with a code and a text that stand there as they are."""

    code: str
    text: str
    facts: frozenset[str | None]
    """Names that are given; None among them: there are more, from a mapping."""
    place: str
    """Where it stands."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the package by its path below it."""
    for path in sorted(ROOT.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def calls() -> list[Call]:
    """Return the sentences that stand in the code."""
    found = []
    for place, tree in sources():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            given = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            if node.func.id == "worded" and len(given) == 2:
                names = frozenset(one.arg for one in node.keywords)
                found.append(Call(str(given[0]), str(given[1]), names, f"{place}:{node.lineno}"))
    return found
