"""Whether a machine runs, as far as is known, and what says that it is off."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class OffCause(str, enum.Enum):
    """Which condition says that a machine is off."""

    LEVEL = "level"
    """It is too quiet to be running."""
    SCHEDULE = "schedule"
    """The times of the configuration say so."""
    SIGNAL = "signal"
    """The plant's control says so."""
    SETTLING = "settling"
    """None of them any more: it has just started."""


@dataclass(frozen=True, slots=True)
class MachineOff:
    """That a machine counts as off, and why."""

    causes: tuple[OffCause, ...]
    """At least one; all conditions that hold, or SETTLING alone."""
    reason: str
    """In words, as `level -70.2 dBFS, below -60 since 12:03:10 UTC`."""
    since_utc_s: float
    """When it went off: the end of the first window that was so decided."""


class SignalState(str, enum.Enum):
    """What the plant's control says of a machine."""

    RUNNING = "running"
    OFF = "off"
    MISSING = "missing"
    """Nothing that can be relied on, so that the machine counts as running."""


@dataclass(frozen=True, slots=True)
class MachineCondition:
    """Whether a machine runs, as far as is known."""

    off: MachineOff | None = None
    """None: it counts as running, and is judged."""
    signal: SignalState | None = None
    """None: no signal is configured."""
    signal_missing: str = ""
    """Why the signal is missing, for a person; empty: it is not."""


RUNS = MachineCondition()
"""A machine of which nothing says that it is off."""
