"""Which anomalies are of one fault: of one kind, and less than a day apart. A fault is one case.

A bearing that fails raises the alarm again and again until somebody repairs it: twelve events of one bad day
prove what one does, and who has learned from some of them knows the others by heart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from monitor.promotion.pairing import FOUND_WITHIN_S, Lasting, spells
from monitor.promotion.records import Pairs

FAULT_APART_S = 86_400.0
"""From the end of an event to the beginning of the next of its kind: after more it is another fault."""


class Faulty(Lasting, Protocol):
    """Whatever has a beginning, an end, and a kind."""

    @property
    def kind(self) -> str:
        """The fault code that people gave, in lower case; empty: none, which is a kind like any other."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An event that both were asked for."""

    start_utc_s: float
    """When it began."""
    end_utc_s: float
    """When it had cleared."""
    kind: str
    """As Faulty."""
    live: bool
    """Whether the live bundle finds it."""
    candidate: bool
    """Whether the candidate does."""


F = TypeVar("F", bound=Faulty)


def faults(events: Iterable[F]) -> list[list[F]]:
    """Return events by the fault that they are of, each fault's in order of time."""
    kinds: dict[str, list[F]] = {}
    for one in events:
        kinds.setdefault(one.kind, []).append(one)
    return [fault for kind in kinds.values() for fault in spells(kind, apart_s=FAULT_APART_S)]


def cases(answered: Iterable[Answered]) -> Pairs:
    """Return faults as cases: who finds none of the events of its first minutes has missed a fault.

    By those that come later it is found in any case: it grows until nobody can miss it.
    """
    pairs = Pairs()
    for fault in faults(answered):
        until_utc_s = fault[0].start_utc_s + FOUND_WITHIN_S
        first = [one for one in fault if one.start_utc_s <= until_utc_s]
        pairs = pairs.plus(live=any(one.live for one in first), candidate=any(one.candidate for one in first))
    return pairs
