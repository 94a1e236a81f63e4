"""Where a session stands, and what has come of it so far."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from monitor.publish.sparkplug.history import HistoryCounts


class Phase(enum.Enum):
    """Where a node stands."""

    DOWN = "down"
    CONNECTING = "connecting"
    """The will is given, the broker has not answered."""
    WAITING = "waiting"
    """Connected; the primary host is not there, and nothing may be said."""
    BORN = "born"
    """Births are out; data flows."""
    LEAVING = "leaving"
    """The death is out, or nothing was said; the connection is about to end."""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What has happened so far."""

    births: int
    """Times that all births were sent."""
    rebirths_asked: int
    """By hosts; several may have been answered at once."""
    history: HistoryCounts
    """How samples are getting on."""
