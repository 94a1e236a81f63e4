"""Fills the table: every figure for every method, and for chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.errors import TrainingError
from training.faithfulness.chance import CHANCE, Draw
from training.faithfulness.clips import Bools, Clips, Importance
from training.faithfulness.figures import FaithfulnessTable, Row
from training.faithfulness.measuring import Bench, bench_of_clips
from training.faithfulness.models import Models, Settings
from training.faithfulness.rows import row_of_draws, with_lift_over


def faithfulness_of_clips(
    clips: Clips, methods: Sequence[Importance], models: Models, settings: Settings | None = None
) -> FaithfulnessTable:
    """Return what each method reaches on the clips, beside random frames, random stretches and the truth.

    Anomalous clips without a wrong frame are left out of all figures, and named in the table. The order of
    the clips changes nothing, for the lots of a clip hang on its file and start.

    Raises:
        TrainingError: No anomalous clip has a wrong frame, or a method has another number of clips or frames.
    """
    settings = settings or Settings()
    _require_fitting(clips, methods)
    bench = bench_of_clips(clips, models, settings)
    chance = [_row_of_chance(bench, name, draw) for name, draw in CHANCE.items()]
    rows = [_row_of_method(bench, method, clips) for method in methods] + chance
    return FaithfulnessTable(
        percentiles=settings.percentiles,
        fractions=settings.fractions,
        anomalous=len(bench.wrong.values),
        normal=len(bench.normal.values),
        banded=int(bench.wrong.banded.sum()),
        left_out=tuple(np.array(clips.names)[clips.anomalous & ~clips.annotated].tolist()),
        removed_by=models.removed_by,
        seed=settings.seed,
        onset_threshold_share=settings.quiet_share,
        rows=tuple(with_lift_over(row, chance[0]) for row in rows),
    )


def _row_of_method(bench: Bench, method: Importance, clips: Clips) -> Row:
    measured = bench.measured(_only(method, clips.annotated), _only(method, ~clips.anomalous), 0)
    return row_of_draws(method.name, [measured], bench.settings.percentiles, is_chance=False)


def _row_of_chance(bench: Bench, name: str, importance: Draw) -> Row:
    seed = bench.settings.seed
    draws = [
        bench.measured(importance(bench.wrong, seed, draw), importance(bench.normal, seed, draw), draw)
        for draw in range(bench.settings.draws)
    ]
    return row_of_draws(name, draws, bench.settings.percentiles, is_chance=True)


def _only(method: Importance, chosen: Bools) -> Importance:
    maps = None if method.maps is None else method.maps[chosen]
    return replace(method, curves=method.curves[chosen], maps=maps)


def _require_fitting(clips: Clips, methods: Sequence[Importance]) -> None:
    if not clips.truth_frames.any():
        raise TrainingError(
            "faithfulness: no anomalous clip has a frame that is known to be wrong; give clips with events "
            "whose times are known (truth.csv)"
        )
    names = [method.name for method in methods]
    taken = sorted({name for name in names if name in CHANCE or names.count(name) > 1})
    if taken:
        raise TrainingError(f"faithfulness: {', '.join(taken)} names two rows; give each method its own name")
    for method in methods:
        shape = clips.values.shape if method.maps is not None else clips.truth_frames.shape
        given = method.curves.shape if method.maps is None else method.maps.shape
        if given != shape:
            raise TrainingError(
                f"faithfulness: {method.name} is given for clips of {given}, the clips are {shape}; "
                "explain the clips that are judged"
            )
