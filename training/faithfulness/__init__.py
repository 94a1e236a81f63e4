"""Which explanations can be trusted: how much of the score lies where a method points, beside chance.

    clips       what is explained, and what a method holds for important in it
    models      the models that answer, as callables, and how figures are taken
    marks       from a curve in time to marked frames, chunks and segments
    removal     what is left of a model's error when the marked frames are replaced (the paper's faithfulness)
    imputers    what replaces them, when the model under test shall not
    deletion    how the score falls and rises as the most important goes and comes
    precision   whether a curve is right in time: chunks, moments, onset
    overlap     whether a map is right in time and frequency
    chance      random frames, random frames in a row, and the truth
    figures     the table: methods and chance rows by figures, each with its meaning
    table       fills it: measuring takes every figure of one importance, rows puts draws together
    seeds       tables of several trainings as one
    tree        a table as JSON, and back
    windows     clips cut into what a model hears at once

NumPy in, NumPy out: what is a model and what explains it, only the caller knows.
"""

from training.faithfulness.clips import Clips, Importance, clips_of_sound, importance_of_maps
from training.faithfulness.figures import (
    COLUMNS,
    PERCENTILE_COLUMNS,
    Column,
    FaithfulnessTable,
    Figure,
    OverPercentiles,
    Row,
    column_of,
)
from training.faithfulness.imputers import centred, interpolated, mean_of_visible, reconstructed
from training.faithfulness.models import Imputer, Models, Settings
from training.faithfulness.seeds import table_over_seeds
from training.faithfulness.table import faithfulness_of_clips
from training.faithfulness.tree import table_of_tree, tree_of_table
from training.faithfulness.windows import imputer_in_windows

__all__ = [
    "COLUMNS",
    "PERCENTILE_COLUMNS",
    "Clips",
    "Column",
    "FaithfulnessTable",
    "Figure",
    "Importance",
    "Imputer",
    "Models",
    "OverPercentiles",
    "Row",
    "Settings",
    "centred",
    "clips_of_sound",
    "column_of",
    "faithfulness_of_clips",
    "importance_of_maps",
    "imputer_in_windows",
    "interpolated",
    "mean_of_visible",
    "reconstructed",
    "table_of_tree",
    "table_over_seeds",
    "tree_of_table",
]
