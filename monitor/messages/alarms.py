"""An alarm, the states it may be in, and one change of it with its reason."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from monitor.explanation import Explanation


class AlarmState(str, enum.Enum):
    """ISA-18.2 / IEC 62682 alarm states (OPC UA Part 9 is the free equivalent)."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    """Active, nobody has seen it."""
    ACKNOWLEDGED = "acknowledged"
    """Active, seen."""
    RETURNED = "returned"
    """Returned to normal before anyone acknowledged it."""
    SHELVED = "shelved"
    """Set aside by an operator for a time; still evaluated, not annunciated."""
    OUT_OF_SERVICE = "out_of_service"
    """Taken out by an operator until put back; still evaluated, not annunciated."""
    SUPPRESSED = "suppressed"
    """Suppressed by design, so that nothing is evaluated; an open event stays open.

    The machine is off, or no bundle of its source is live yet.
    """


class ChangeReason(str, enum.Enum):
    """What made an alarm change."""

    LIMIT = "limit"
    """The score stayed at or above the limit for the on-delay."""
    CLEARED = "cleared"
    """The score stayed below limit - deadband for the off-delay."""
    WARNING = "warning"
    """The score reached the warning level."""
    WARNING_CLEARED = "warning_cleared"
    """The score fell below the warning level - deadband."""
    UNCERTAIN = "uncertain"
    """The input cannot be judged; the state is frozen."""
    CERTAIN = "certain"
    """The input can be judged again."""
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SHELVING_EXPIRED = "shelving_expired"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    LIMITS = "limits"
    """An operator changed what scores are held against, or gave it back to the configuration."""
    MACHINE_OFF = "machine_off"
    """The machine counts as off."""
    MACHINE_ON = "machine_on"
    """The machine runs and has settled."""
    NO_BUNDLE = "no_bundle"
    """No bundle of the source is live: nothing can be judged."""
    BUNDLE_LIVE = "bundle_live"
    """A bundle judges the source that had none."""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One change of one source's alarm. Stored before it is sent."""

    source_id: str
    """Whose alarm changed: the source's id, as in the configuration."""
    event_id: str | None
    """The event this belongs to; None while no event is open."""
    old_state: AlarmState
    """Before the change; equals new_state when only a warning or the input's quality changed."""
    new_state: AlarmState
    """After the change."""
    reason: ChangeReason
    """The one cause; a step with several causes is several changes."""
    at_utc_s: float
    """When it changed."""
    event_start_utc_s: float | None
    """When the event's first window at or above the limit began."""
    peak: float | None
    """The highest value of the event so far, in units of the limit."""
    warning: bool
    """Whether the score is at or above the warning level."""
    uncertain: bool
    """Whether the input can not be judged at present."""
    active: bool
    """Whether the score is at or above the limit, whatever an operator has set aside."""
    shelved_until_utc_s: float | None = None
    """When shelving ends at the latest; None: not shelved."""
    actor: str | None = None
    """Who gave the command; None when the sound did it."""
    note: str | None = None
    """What the operator wrote with the command; None when nothing."""
    explanation: Explanation | None = None
    """What the event sounded like, as far as it was known then; None: no event is open, or nothing is."""
    off_reason: str | None = None
    """Why the machine counts as off, in words; None: it counts as running."""
    acknowledged: bool | None = None
    """Whether nothing waits to be acknowledged, whatever was set aside; None: by an earlier version."""
