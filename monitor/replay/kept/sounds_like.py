"""Which fault an event sounds like, by earlier ones that people named and whose error maps looked alike.

A kind speaks by its two nearest events, so that one label alone says nothing. It is named only where it is
near, and nearer than any other kind: what is not sure is not said. What it is worth: docs/replay.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VOICES = 2
"""A kind is as near as the mean of its so many nearest events, and needs as many labels."""
LEAST_SIMILARITY = 0.7
"""Of the kind that is named."""
LEAST_LEAD = 0.05
"""So much nearer than the next kind."""


@dataclass(frozen=True, slots=True)
class NamedEvent:
    """An earlier event of which people agree that it was this fault."""

    event_id: str
    """The event."""
    fault_code: str
    """As they wrote it."""
    start_utc_s: float
    """When it began."""
    similarity: float
    """To the event that is asked about; 1: the same bands raised in the same way."""


@dataclass(frozen=True, slots=True)
class SoundsLike:
    """What an event may be."""

    fault_code: str
    """As it was written for the nearest event."""
    labelled: int
    """So many earlier events were named so."""
    nearest: NamedEvent
    """The most alike of them."""
    similarity: float
    """Mean of its VOICES nearest."""


def sounds_like(named: Iterable[NamedEvent]) -> SoundsLike | None:
    """Return the fault that earlier events speak for; None: there is too little evidence for any."""
    kinds: dict[str, list[NamedEvent]] = {}
    for event in sorted(named, key=lambda one: -one.similarity):
        kinds.setdefault(event.fault_code.casefold(), []).append(event)
    ranked = sorted(kinds.values(), key=_nearness, reverse=True)
    known = [events for events in ranked if len(events) >= VOICES]
    if not known or known[0] is not ranked[0]:
        return None
    best = known[0]
    rival = _nearness(ranked[1]) if len(ranked) > 1 else 0.0
    if _nearness(best) < LEAST_SIMILARITY or _nearness(best) - rival < LEAST_LEAD:
        return None
    return SoundsLike(best[0].fault_code, len(best), best[0], _nearness(best))


def _nearness(events: Sequence[NamedEvent]) -> float:
    """Return how near a kind is, by its nearest events, most alike first."""
    voices = [event.similarity for event in events[:VOICES]]
    return sum(voices) / len(voices)
