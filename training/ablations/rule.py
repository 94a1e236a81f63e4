"""When a difference counts as an answer: only if it has the same sign in every seed.

Of two variants that do not differ, one is above the other in all of n seeds once in 2^(n-1) times: in four
for three seeds. So an answer is a hint, and many comparisons give some by chance; the report says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

LEAST_SEEDS = 2


class Answer(Enum):
    """What the differences of two variants say."""

    ABOVE = "above"
    BELOW = "below"
    NONE = "no answer"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two variants compared by one figure, seed by seed."""

    by: str
    """Figure and head, for the reader."""
    differences: tuple[float, ...]
    """First minus second, one for each seed that both have."""

    @property
    def answer(self) -> Answer:
        """What they say."""
        if len(self.differences) < LEAST_SEEDS:
            return Answer.UNKNOWN
        if min(self.differences) > 0.0:
            return Answer.ABOVE
        if max(self.differences) < 0.0:
            return Answer.BELOW
        return Answer.NONE


def difference(by: str, first: Mapping[int, float | None], second: Mapping[int, float | None]) -> Difference:
    """Return the difference of two figures by seed, over the seeds that have both."""
    pairs = [(first[seed], second.get(seed)) for seed in sorted(first)]
    return Difference(by, tuple(a - b for a, b in pairs if a is not None and b is not None))


def sentence(first: str, second: str, differences: Sequence[Difference]) -> str:
    """Return what all figures together say of two variants, in one sentence."""
    by_answer: dict[Answer, list[Difference]] = {}
    for found in differences:
        by_answer.setdefault(found.answer, []).append(found)
    parts = []
    for answer, words in ((Answer.ABOVE, "above"), (Answer.BELOW, "below")):
        if found_here := by_answer.get(answer):
            seeds = min(len(found.differences) for found in found_here)
            parts.append(f"is {words} `{second}` in all {seeds} seeds by {_listed(found_here)}")
    if none := by_answer.get(Answer.NONE):
        names = ", ".join(found.by for found in none)
        parts.append(f"by {names} differences to `{second}` are within the spread over seeds: no answer")
    if unknown := by_answer.get(Answer.UNKNOWN):
        names = ", ".join(found.by for found in unknown)
        parts.append(f"was not measured with enough seeds beside `{second}` by {names}")
    return f"`{first}` {'; '.join(parts)}."


def _listed(differences: Sequence[Difference]) -> str:
    return ", ".join(f"{found.by} ({np.mean(found.differences):+.3f})" for found in differences)
