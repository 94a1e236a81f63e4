"""Sequences of faults, drawn by lot: the same seed gives the same sequence, and a sequence has a text."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fault_table import FAULTS, fit_together

SECOND_FAULT = 0.35
"""How often a fault comes while another is in force."""
ALARMED = 0.35
"""How often the microphone hears a faulty machine when the fault comes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault, or two at once, made and mended."""

    faults: tuple[str, ...]
    """Made in this order, mended in this order."""
    alarmed: bool
    """Whether an alarm stands before the fault comes, which nothing but normal sound may end."""
    hold_s: float
    """How long it lasts after it was told, or from the start if nothing tells it."""

    @property
    def text(self) -> str:
        """What `step_of_text` reads: `silence+kill -9!3.2`, with `!` for an alarm and `:` for none."""
        return "+".join(self.faults) + ("!" if self.alarmed else ":") + f"{self.hold_s:.1f}"


def step_of_text(text: str) -> Step:
    """Return the step that has this text."""
    alarmed = "!" in text
    names, _, hold_s = text.partition("!" if alarmed else ":")
    faults = tuple(names.split("+"))
    unknown = [name for name in faults if name not in FAULTS]
    if unknown:
        raise ValueError(f"unknown faults {unknown}; there are {', '.join(FAULTS)}")
    return Step(faults, alarmed, float(hold_s or 2.0))


def sequence_of_seed(
    seed: int, count: int, names: Iterable[str] = tuple(FAULTS), *, longest_s: float = 12.0
) -> list[Step]:
    """Return `count` steps; every fault comes once before one comes again."""
    chance = random.Random(seed)
    names = list(names)
    order: list[str] = []
    while len(order) < count:
        order += chance.sample(names, len(names))
    return [_step(name, names, chance, longest_s) for name in order[:count]]


def _step(name: str, names: Sequence[str], chance: random.Random, longest_s: float) -> Step:
    faults: tuple[str, ...] = (name,)
    if chance.random() < SECOND_FAULT:
        second = chance.choice(names)
        if fit_together((name, second)):
            faults = (name, second)
    alarmed = chance.random() < ALARMED
    hold_s = round(chance.uniform(0.5, longest_s), 1)
    return Step(faults, alarmed, hold_s)
