"""Tables of the same clips, of a model trained with several seeds, as one: means and spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.errors import TrainingError
from training.faithfulness.chance import CHANCE
from training.faithfulness.figures import COLUMNS, FaithfulnessTable, OverPercentiles, Row
from training.faithfulness.rows import figure_of_values, with_lift_over


def table_over_seeds(tables: Sequence[FaithfulnessTable]) -> FaithfulnessTable:
    """Return one table with the mean of each figure over `tables`, at least one, and its spread over them.

    Standard errors over the clips are averaged: the clips are the same in all tables.

    Raises:
        TrainingError: The tables are not of the same clips, methods, percentiles and imputers.
    """
    first = tables[0]
    for other in tables[1:]:
        if _frame_of(other) != _frame_of(first):
            raise TrainingError(
                "faithfulness: tables of other clips, methods or settings cannot be averaged; explain the "
                "same clips with each seed"
            )
    rows = [_mean_row(of_seeds) for of_seeds in zip(*(table.rows for table in tables), strict=True)]
    by_lot = rows[-len(CHANCE)]
    return replace(first, rows=tuple(with_lift_over(row, by_lot) for row in rows))


def _frame_of(table: FaithfulnessTable) -> tuple[object, ...]:
    """Return what must be the same in tables that are averaged."""
    rows = tuple((row.name, row.draws, tuple(row.by_percentile)) for row in table.rows)
    return replace(table, rows=()), rows


def _mean_row(rows: Sequence[Row]) -> Row:
    first = rows[0]
    removal = {key: [row.removal[key] for row in rows if key in row.removal] for key in first.removal}
    return replace(
        first,
        by_percentile={
            key: _mean_over([row.by_percentile[key] for row in rows]) for key in first.by_percentile
        },
        figures={key: figure_of_values([row.figures[key].value for row in rows]) for key in COLUMNS},
        removal={key: tuple(np.mean(curves, axis=0).tolist()) for key, curves in removal.items()},
    )


def _mean_over(found: Sequence[OverPercentiles]) -> OverPercentiles:
    lifts = [over.lifts for over in found if over.lifts is not None]
    values = np.array([over.values for over in found])
    return OverPercentiles(
        values=tuple(values.mean(axis=0).tolist()),
        errors=tuple(np.mean([over.errors for over in found], axis=0).tolist()),
        spreads=tuple(figure_of_values(list(of_seeds)).spread for of_seeds in values.T.tolist()),
        area=figure_of_values([over.area.value for over in found]),
        lifts=tuple(np.mean(lifts, axis=0).tolist()) if lifts else None,
    )
