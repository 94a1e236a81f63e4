"""What operators ask for and by which way, as values that desk, store and publishing share."""

from __future__ import annotations

import enum

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
