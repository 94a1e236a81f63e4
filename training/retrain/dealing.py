"""Which labelled events are learned from, and which are kept to judge by: by fault, by kind, not by chance.

    kinds of several faults            a third of the faults is held out whole; the rest is learned from
    kinds of one fault                 a third of its events is held out, which proves nothing at the gate
    kinds with few events              are held out whole: kinds that the model has never heard
    no anomaly                         a third is held out, where there are LEAST_EVENTS or more

What a fault is, the gate says (monitor.promotion.faults): whoever has learned one of its events knows the
others. An event's place follows from the ids of its kind, so that the same labels give the same deal on every
box. One more label of the kind may move others: each bundle's labels.json says what it learned itself. A kind
is called as it was written first, in whatever letter case others write it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from monitor.promotion.faults import faults
from training.retrain.said import SaidEvent

LEAST_EVENTS = 3
"""Two to learn from and one to judge by. One alone was no help on flights (docs/ablations.md)."""
HELD_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Deal:
    """Who serves what."""

    learned: tuple[SaidEvent, ...]
    """Learned from: anomalies, and what is no anomaly."""
    held_out: tuple[SaidEvent, ...]
    """Kept apart, to judge by."""
    unseen_kinds: tuple[str, ...]
    """Kinds of which nothing is learned, in alphabetical order; UNNAMED may be one."""
    of_learned_faults: tuple[SaidEvent, ...] = ()
    """Of `held_out` those of a fault that is learned from: the gate takes them as known."""

    @property
    def learned_kinds(self) -> tuple[str, ...]:
        """Kinds of anomalies that are learned from, in alphabetical order."""
        return tuple(sorted({event.kind for event in self.learned if event.rating == "anomaly"}))


def dealt(events: Iterable[SaidEvent]) -> Deal:
    """Return who serves what."""
    groups: dict[tuple[str, str], list[SaidEvent]] = {}
    for event in events:
        groups.setdefault((event.rating, event.kind.casefold()), []).append(event)
    learned: list[SaidEvent] = []
    held_out: list[SaidEvent] = []
    known: list[SaidEvent] = []
    unseen: set[str] = set()
    for (rating, _), written in sorted(groups.items()):
        group = [replace(event, kind=written[0].kind) for event in written]
        if rating == "anomaly" and len(group) < LEAST_EVENTS:
            held_out += group
            unseen.add(group[0].kind)
            continue
        apart = _whole_faults(group) if rating == "anomaly" else []
        if not apart:
            count = math.ceil(HELD_SHARE * len(group)) if len(group) >= LEAST_EVENTS else 0
            apart = sorted(group, key=_place)[:count]
            known += apart if rating == "anomaly" else []
        held_out += apart
        learned += [event for event in group if event not in apart]
    return Deal(tuple(learned), tuple(held_out), tuple(sorted(unseen)), tuple(known))


def _whole_faults(group: Sequence[SaidEvent]) -> list[SaidEvent]:
    """Return the events of a third of a kind's faults; none, where too few events were left to learn from."""
    found = sorted(faults(group), key=lambda fault: min(map(_place, fault)))
    apart: list[SaidEvent] = []
    left = math.ceil(HELD_SHARE * len(found))
    for fault in found:
        if left and len(group) - len(apart) - len(fault) >= LEAST_EVENTS - 1:
            apart += fault
            left -= 1
    return apart


def _place(event: SaidEvent) -> bytes:
    return hashlib.sha256(event.event_id.encode()).digest()
