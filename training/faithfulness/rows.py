"""From what was measured in each draw to a row of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.faithfulness.clips import Float64
from training.faithfulness.figures import COLUMNS, Figure, OverPercentiles, Row, column_of
from training.faithfulness.measuring import Measured


def row_of_draws(name: str, draws: Sequence[Measured], percentiles: Sequence[int], *, is_chance: bool) -> Row:
    """Return the row of a method (one draw) or of chance: means over the draws, with their spread."""
    keys = draws[0].per_clip
    clips = {key: np.array([draw.per_clip[key] for draw in draws]) for key in keys}
    over = {key: _over_percentiles(key, values, percentiles) for key, values in clips.items()}
    if "ff_normal" in clips:
        over["ff_gain"] = _gain(clips["ff_frame"], clips["ff_normal"], percentiles)
    return Row(
        name=name,
        is_chance=is_chance,
        draws=len(draws),
        by_percentile=over,
        figures={key: figure_of_values([draw.figures[key] for draw in draws]) for key in COLUMNS},
        removal={
            key: tuple(np.mean([draw.removal[key] for draw in draws], axis=0).tolist())
            for key in draws[0].removal
        },
    )


def figure_of_values(values: Sequence[float | None]) -> Figure:
    """Return mean and standard deviation of what is known; None where nothing is, or but one value."""
    known = [value for value in values if value is not None]
    if not known:
        return Figure(None, None)
    return Figure(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None)


def with_lift_over(row: Row, random: Row) -> Row:
    """Return the row with its lifts over the measured random row, where a ratio says something."""
    return replace(row, by_percentile=_lifted(row.by_percentile, random.by_percentile))


def area_over(values: Float64, percentiles: Sequence[int]) -> float:
    """Return the mean height of `values` over the percentiles, by the trapezoidal rule."""
    if len(percentiles) == 1:
        return float(values[0])
    widths = np.diff(np.asarray(percentiles, dtype=np.float64))
    return float(((values[1:] + values[:-1]) / 2.0 * widths).sum() / widths.sum())


def _over_percentiles(key: str, values: Float64, percentiles: Sequence[int]) -> OverPercentiles:
    """Summarise shape (draws, percentiles, clips)."""
    clips = values.mean(axis=0)
    return _summary(values.mean(axis=2), _standard_error(clips), percentiles, lift=column_of(key).lift)


def _gain(frame: Float64, normal: Float64, percentiles: Sequence[int]) -> OverPercentiles:
    """Summarise the difference of two such, over different clips."""
    errors = np.hypot(_standard_error(frame.mean(axis=0)), _standard_error(normal.mean(axis=0)))
    return _summary(frame.mean(axis=2) - normal.mean(axis=2), errors, percentiles, lift=False)


def _summary(by_draw: Float64, errors: Float64, percentiles: Sequence[int], *, lift: bool) -> OverPercentiles:
    """Summarise shape (draws, percentiles)."""
    values = by_draw.mean(axis=0)
    shares = (100.0 - np.asarray(percentiles)) / 100.0
    return OverPercentiles(
        values=tuple(values.tolist()),
        errors=tuple(errors.tolist()),
        spreads=tuple(figure_of_values(list(column)).spread for column in by_draw.T.tolist()),
        area=figure_of_values([area_over(draw, percentiles) for draw in by_draw]),
        lifts=tuple((values / shares).tolist()) if lift else None,
    )


def _standard_error(clips: Float64) -> Float64:
    count = clips.shape[1]
    return clips.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(clips))


def _lifted(
    found: Mapping[str, OverPercentiles], random: Mapping[str, OverPercentiles]
) -> dict[str, OverPercentiles]:
    return {
        key: replace(over, lifts_over_random=_ratios(over.values, random[key].values))
        if key != "ff_gain"
        else over
        for key, over in found.items()
    }


def _ratios(values: Sequence[float], chance: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(
        None if by_lot <= 0.0 else value / by_lot for value, by_lot in zip(values, chance, strict=True)
    )
