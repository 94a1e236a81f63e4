"""The table as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from training.errors import TrainingError
from training.faithfulness.figures import FaithfulnessTable, Figure, OverPercentiles, Row

SCHEMA = 1


def tree_of_table(table: FaithfulnessTable) -> dict[str, object]:
    """Return the table as JSON-able; what cannot be said is None."""
    return {"schema": SCHEMA, **asdict(table)}


def table_of_tree(tree: Mapping[str, Any]) -> FaithfulnessTable:
    """Return the table that `tree_of_table` made a tree of, also after JSON.

    Raises:
        TrainingError: The tree was written by another version of this software.
    """
    if tree.get("schema") != SCHEMA:
        raise TrainingError(
            f"faithfulness: a table of schema {tree.get('schema')} cannot be read, here it is {SCHEMA}; "
            "make it anew"
        )
    plain = {key: _frozen(value) for key, value in tree.items() if key not in {"schema", "rows"}}
    return FaithfulnessTable(**plain, rows=tuple(_row(row) for row in tree["rows"]))


def _row(tree: Mapping[str, Any]) -> Row:
    return Row(
        **{key: tree[key] for key in ("name", "is_chance", "draws")},
        by_percentile={key: _over_percentiles(over) for key, over in tree["by_percentile"].items()},
        figures={key: Figure(**figure) for key, figure in tree["figures"].items()},
        removal={key: tuple(curve) for key, curve in tree["removal"].items()},
    )


def _over_percentiles(tree: Mapping[str, Any]) -> OverPercentiles:
    plain = {key: _frozen(value) for key, value in tree.items() if key != "area"}
    return OverPercentiles(**plain, area=Figure(**tree["area"]))


def _frozen(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    return tuple(value) if isinstance(value, list) else value
