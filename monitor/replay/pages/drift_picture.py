"""The days of normal sound as a picture, with the numbers and dates that a person reads from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.drift.likeness import DAY_S
from monitor.drift.proposal import Proposal
from monitor.replay.kept.normal import NormalDay
from monitor.replay.pages.words import Tongue, rfc3339

WIDTH, HEIGHT, EDGE = 640, 180, 8
STEPS = tuple(factor * 10.0**power for power in range(-1, 7) for factor in (1, 2, 5))
"""Between two numbers on the scale; the smallest that needs no more than MOST_STEPS."""
MOST_STEPS = 5
DATED_BETWEEN = 5
"""Of so many days one in the middle is dated, too."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number or a date beside the picture."""

    percent: float
    """Of the picture's height from above, or of its width from the left."""
    text: str
    """In the reader's language."""
    is_limit: bool = False
    """Whether the limit lies there."""


@dataclass(frozen=True, slots=True)
class Column:
    """One day of it."""

    x: float
    """Where it begins."""
    width: float
    """How wide it is."""
    date: str
    """UTC."""
    median: str
    """Of its scores."""
    high: str
    """What one window in a hundred exceeds."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Two lines over the days, as points of an SVG of WIDTH x HEIGHT."""

    median: str
    """Of the days' medians."""
    high: str
    """Of what one window in a hundred exceeds."""
    limit_y: float
    """Where 1 lies."""
    scores: Sequence[Tick]
    """Numbers on the left, from the lowest up."""
    dates: Sequence[Tick]
    """Dates below, from the first to the last."""
    columns: Sequence[Column]
    """The days, oldest first."""
    rests_on: tuple[float, float] | None
    """Where the days of the proposal begin, and how wide they are together; None: nothing is proposed."""
    words: str
    """How far the median has come, and since when."""
    more: str
    """The same of what one window in a hundred exceeds, and where the limit is."""


def picture_of(days: Sequence[NormalDay], proposal: Proposal | None, tongue: Tongue) -> Picture | None:
    """Return the days as lines; None: there are fewer than two.

    With a proposal scores are in units of the present limit, else of the calibration, whose 1 is reached
    about once a week.
    """
    unit = 1.0 if proposal is None else proposal.scale
    known = [
        NormalDay(one.start_utc_s, unit * one.median, unit * one.high)
        for one in days
        if math.isfinite(one.median) and math.isfinite(one.high)
    ]
    if len(known) < 2:
        return None
    top = max(1.1, *(one.high for one in known))
    low = min(0.0, *(one.median for one in known))
    first, last = known[0], known[-1]
    scale_x = (WIDTH - 2 * EDGE) / (last.start_utc_s + DAY_S - first.start_utc_s)

    def x(utc_s: float) -> float:
        return EDGE + scale_x * (utc_s - first.start_utc_s)

    def y(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / (top - low)

    def line(values: Sequence[float]) -> str:
        middles = [x(one.start_utc_s + 0.5 * DAY_S) for one in known]
        return " ".join(f"{at:.1f},{y(value):.1f}" for at, value in zip(middles, values, strict=True))

    dated = [first, *known[len(known) // 2 :][: len(known) >= DATED_BETWEEN], last]
    return Picture(
        median=line([one.median for one in known]),
        high=line([one.high for one in known]),
        limit_y=round(y(1.0), 1),
        scores=[
            Tick(round(100 * y(value) / HEIGHT, 1), text, is_limit)
            for value, text, is_limit in _scale(low, top, tongue)
        ],
        dates=[
            Tick(round(100 * x(one.start_utc_s + 0.5 * DAY_S) / WIDTH, 1), date_of(one.start_utc_s))
            for one in dated
        ],
        columns=[_column(one, x(one.start_utc_s), scale_x * DAY_S, tongue) for one in known],
        rests_on=None if proposal is None else _span(x(proposal.first_utc_s), x(proposal.end_utc_s)),
        words=tongue(
            "Median of normal scores: {then} on {first}, {now} on {last}",
            then=tongue.number(first.median, 2),
            now=tongue.number(last.median, 2),
            first=date_of(first.start_utc_s),
            last=date_of(last.start_utc_s),
        ),
        more=tongue(
            "One window in a hundred exceeds {then} on {first}, {now} on {last}. The limit is at {limit}.",
            then=tongue.number(first.high, 2),
            now=tongue.number(last.high, 2),
            first=date_of(first.start_utc_s),
            last=date_of(last.start_utc_s),
            limit=tongue.number(1.0),
        ),
    )


def date_of(utc_s: float) -> str:
    """Return the date of a UTC day: days of normal sound are such."""
    return rfc3339(utc_s)[:10]


def _scale(low: float, top: float, tongue: Tongue) -> list[tuple[float, str, bool]]:
    """Return the numbers beside the picture: values, as they are written, and whether it is the limit."""
    step = next((one for one in STEPS if (top - low) / one <= MOST_STEPS), STEPS[-1])
    values = [step * place for place in range(math.ceil(low / step), math.floor(top / step) + 1)]
    digits = 1 if step < 1.0 else 0
    limit = tongue("limit {value}", value=tongue.number(1.0, digits))
    told = [(value, tongue.number(value, digits), False) for value in values if abs(value - 1.0) > 0.5 * step]
    return sorted([*told, (1.0, limit, True)])


def _column(one: NormalDay, x: float, width: float, tongue: Tongue) -> Column:
    median, high = tongue.number(one.median, 2), tongue.number(one.high, 2)
    return Column(round(x, 1), round(width, 1), date_of(one.start_utc_s), median, high)


def _span(begin: float, end: float) -> tuple[float, float]:
    """Return where a stretch begins within the picture, and its width."""
    begin, end = max(begin, float(EDGE)), min(end, float(WIDTH - EDGE))
    return round(begin, 1), round(max(0.0, end - begin), 1)
