"""Where the edge node hands things back to the daemon, and how it is getting on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.errors import CommandError
from monitor.messages import Score
from monitor.publish.signals import PlantSignals
from monitor.publish.sparkplug.phase import Phase, SessionCounts


@dataclass(frozen=True, slots=True)
class EdgeCalls:
    """What the daemon does for the edge node; called by the node's thread, and must not block for long."""

    on_command: Callable[[str | None, bytes | CommandError], object]
    """A command document (`command/1`) to a source, or None: to the box; or why none could be read."""
    offline_score: Callable[[Score], object]
    """A score that nobody can be told now: for the store, which thins them."""
    flush_scores: Callable[[], object]
    """Hosts can be told again: the running period's highest scores need not wait for its end."""
    signals: PlantSignals | None = None
    """Where what a host writes of the machines goes; None: nobody asks."""


@dataclass(frozen=True, slots=True)
class EdgeState:
    """How the edge node is getting on."""

    phase: Phase
    """Where it stands; hosts are told only when it is BORN."""
    connects: int
    """Connections that a broker accepted."""
    failed_connects: int
    """Attempts that did not get as far as that, and connections that were lost."""
    last_error: str
    """What last went wrong with the connection; empty when nothing has since it was made."""
    session: SessionCounts
    """Births, rebirths, and how samples get on."""
    records: int
    """Records of the store that have arrived as far as one can know."""
    unsendable: int
    """Records given up, because no tags could be made of them."""
    commands: int
    """Commands handed on."""
    refused: int
    """Messages not handed on: kept by the broker, or for a device that this node does not have."""
    malformed: int
    """Messages that could not be read."""

    @property
    def word(self) -> str:
        """How status says it: `connected`, `away`, or `waiting` for the primary host."""
        return {Phase.BORN: "connected", Phase.WAITING: "waiting"}.get(self.phase, "away")
