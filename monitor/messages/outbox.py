"""Records that wait to be sent, and who takes them from where."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the outbox: stored first, sent from the store, removed when the broker has it."""

    seq: int
    """Rises by insertion and is never used again."""
    kind: str
    """Which family of topics it goes to: `event`, `reply` or `score`."""
    source_id: str
    """The source it is about, which names the topic; empty: the whole box."""
    created_utc_s: float
    """When what it tells of happened; for a score, the end of the window."""
    body: Mapping[str, object] = field(default_factory=dict)
    """JSON-able; holds no topic, so that JSON and Sparkplug are made from the same row."""


class Reader(str, enum.Enum):
    """Who takes records out of the outbox, each at its own pace."""

    JSON = "json"
    """The JSON topics."""
    SPARKPLUG = "sparkplug"
    """The Sparkplug B edge node."""


@dataclass(frozen=True, slots=True)
class ReadTo:
    """How far a reader has come that has taken records and not yet marked them as sent."""

    seq: int = 0
    """The last event or reply that it took; 0: none."""
    score_seq: int = 0
    """The last score that it took; 0: none."""


class Outbox(Protocol):
    """Where records are taken from: the store, as whoever publishes sees it. Thread-safe."""

    def pending(
        self, limit: int, reader: Reader = Reader.JSON, *, after: ReadTo | None = None
    ) -> Sequence[Record]:
        """Return up to `limit` records that `reader` has not had: events and replies in order, then scores.

        With `after`, only what follows what it has taken already.
        """

    def mark_sent(self, seq: int, reader: Reader = Reader.JSON) -> None:
        """Remember that the broker has this record from `reader`."""
