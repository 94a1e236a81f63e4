"""How a source is, as its capture knows it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class CaptureState(str, enum.Enum):
    """How a source is, in the order of escalation."""

    HEALTHY = "healthy"
    ALARMED = "alarmed"
    """A watchdog has tripped; the source is about to be restarted."""
    RECOVERING = "recovering"
    """Restarting; no sound yet."""
    FAILED = "failed"
    """Several restarts did not help; it goes on trying, slowly, for ever."""
    ENDED = "ended"
    """A file has been read to its end."""


@dataclass(frozen=True, slots=True)
class CaptureHealth:
    """The condition of one source, as its capture knows it."""

    source_id: str
    """The source's id, as in the configuration."""
    state: CaptureState
    """Where it stands in the escalation, at the moment of asking."""
    reason: str
    """Empty when healthy; else what was found, for a person."""
    device: str
    """What is being listened to: a device's stable name, a path, an address without password."""
    received_samples: int = 0
    """At the device's rate, since the source first opened."""
    lost_samples: int = 0
    """At the device's rate, since the source first opened."""
    overflows: int = 0
    """Times that the device said it had lost samples."""
    restarts: int = 0
    """Times that the source was opened again after a failure."""
