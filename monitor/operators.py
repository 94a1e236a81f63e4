"""What operators ask for and by which way, as values that desk, store and publishing share."""

from __future__ import annotations

import enum
from dataclasses import dataclass

WHOLE_BOX = ""
"""In place of a source's id, in rows of the store: the box itself."""


class Origin(str, enum.Enum):
    """The way by which a command came."""

    MQTT = "mqtt"
    """A document on a command topic."""
    SPARKPLUG = "sparkplug"
    """A tag that a host has written."""
    PAGE = "page"
    """The technicians' page on this box."""
    SIGNAL = "signal"
    """SIGHUP to the daemon."""
    TERMINAL = "terminal"
    """The command line on this box."""
    DAEMON = "daemon"
    """Nobody: the daemon notes what it does."""


AFAR = frozenset({Origin.MQTT, Origin.SPARKPLUG})
"""Ways by which whoever reaches the broker may come, under any name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source's scores are held against. All values are in units of the calibrated alarm limit."""

    limit: float
    """The alarm is raised at or above it; 1.0 unless an operator has set another."""
    warning_value: float
    """The warning is raised at or above it; at most `limit`."""
    deadband: float
    """Both clear below themselves minus this."""
    on_delay_s: float
    """The score must stay at or above the limit this long."""
    off_delay_s: float
    """The score must stay below limit - deadband this long."""
    set_by: str | None = None
    """Which operator changed any of them last; None: all are as configured."""
    set_utc_s: float | None = None
    """When that was; None: all are as configured."""


LIMIT_KEYS = ("limit", "warning_value", "deadband", "on_delay_s", "off_delay_s")
"""What an operator may set, by the names that commands, configuration and Limits share."""
