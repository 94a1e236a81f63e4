"""All that an alarm knows, as facts that do not depend on each other, and the ISA-18.2 state they add up to.

Keeping facts and deriving the state is the way of OPC UA Part 9 (5.8.2): active, acknowledged, suppressed,
shelved and out of service change independently, and no combination of them can be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from monitor.errors import StoreError
from monitor.messages import AlarmState, ChangeReason


@dataclass(frozen=True, slots=True)
class AlarmSnapshot:
    """One source's alarm between two windows; what survives a restart."""

    source_id: str
    """Whose alarm this is: the source's id, as in the configuration."""
    active: bool = False
    """At or above the limit for the on-delay, and not cleared since."""
    event_id: str | None = None
    """The open event: from activation until it is both cleared and acknowledged."""
    event_start_utc_s: float | None = None
    """When the event's first window at or above the limit began."""
    peak: float | None = None
    """The highest value of the open event, in units of the limit."""
    acknowledged: bool = False
    """Whether somebody has seen the open event as it is now."""
    warning: bool = False
    """Reached the warning level, and has not fallen below it by the deadband since."""
    uncertain: bool = False
    """Whether the last window could not be judged, or too many lately; the state is frozen while it lasts."""
    shelved_until_utc_s: float | None = None
    """None: not shelved. One-shot shelving has an end too, so that it cannot last for ever."""
    shelved_one_shot: bool = False
    """Shelving ends as soon as the alarm clears."""
    shelved_for_s: float | None = None
    """For how long it was shelved: it lasts no longer, whatever the clock does. None: not shelved."""
    clock_boot: str | None = None
    """In which run of the box the wall clock stood so; None: not known."""
    clock_offset_s: float | None = None
    """How far it was ahead of the seconds since the box started; the times here go by it."""
    out_of_service: bool = False
    """Whether an operator has taken the alarm out; holds until it is put back."""
    absent: bool = False
    """Whether the configuration has the source no more; holds until it is there again."""
    off_reason: str | None = None
    """Why the machine counts as off, in words; None: it counts as running."""
    off_causes: str | None = None
    """The same as values of OffCause, with spaces between; None with `off_reason`."""
    off_since_utc_s: float | None = None
    """When it went off; None with `off_reason`."""
    unlearned: bool = False
    """Whether no bundle of the source is live, so that nothing can be judged."""
    limit: float | None = None
    """As Limits, set by an operator; None, here and in the four that follow: as configured."""
    warning_value: float | None = None
    """As Limits."""
    deadband: float | None = None
    """As Limits."""
    on_delay_s: float | None = None
    """As Limits."""
    off_delay_s: float | None = None
    """As Limits."""
    limits_by: str | None = None
    """Who set any of these five last; None: nobody has since they were given back to the configuration."""
    limits_utc_s: float | None = None
    """When that was."""
    reason: str | None = None
    """What made it change last, a value of ChangeReason; None: nothing has, or older software did not say."""
    actor: str | None = None
    """Who gave the command that did; None: the sound did it."""
    note: str | None = None
    """What that person wrote; None: nothing."""

    @property
    def nothing_waits(self) -> bool:
        """Whether there is nothing to acknowledge, whatever was set aside."""
        return self.event_id is None or self.acknowledged

    @property
    def state(self) -> AlarmState:
        """The one state that an operator sees: what was set aside hides the rest, by hand before by design.

        What a hand has done a hand must undo, and whoever takes over a shift must see it.
        """
        if self.out_of_service or self.absent:
            return AlarmState.OUT_OF_SERVICE
        if self.shelved_until_utc_s is not None:
            return AlarmState.SHELVED
        if self.off_reason is not None or self.unlearned:
            return AlarmState.SUPPRESSED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        if self.event_id is not None and not self.acknowledged:
            return AlarmState.RETURNED
        return AlarmState.NORMAL

    @property
    def last_reason(self) -> ChangeReason | None:
        """What made it change last; None: nothing has, or it is not known."""
        return None if self.reason is None else ChangeReason(self.reason)

    def to_tree(self) -> dict[str, object]:
        """Return the facts as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: Mapping[str, object]) -> AlarmSnapshot:
        """Rebuild a snapshot; facts that a newer version added are taken as their default.

        Raises:
            StoreError: A fact is unknown, has a wrong type or contradicts another.
        """
        known = {field.name: str(field.type) for field in fields(cls)}
        unknown = sorted(set(tree) - set(known))
        wrong = [name for name, value in tree.items() if name in known and not _fits(value, known[name])]
        wrong += ["reason"] * (tree.get("reason") not in [None, *(one.value for one in ChangeReason)])
        if unknown or wrong or "source_id" not in tree:
            raise StoreError(
                f"a stored alarm state is damaged (unknown {unknown}, unreadable {wrong}): {dict(tree)!r}; "
                "remove it from the store, the alarm then starts as normal"
            )
        snapshot = cls(**tree)  # type: ignore[arg-type]  # each type was checked by name above
        if (snapshot.event_id is None) != (snapshot.event_start_utc_s is None) or (
            snapshot.active and snapshot.event_id is None
        ):
            raise StoreError(
                f"a stored alarm state contradicts itself: {dict(tree)!r}; remove it from the store, the "
                "alarm then starts as normal"
            )
        return snapshot


def _fits(value: object, declared: str) -> bool:
    if value is None:
        return "None" in declared
    if declared.startswith("bool"):
        return isinstance(value, bool)
    if declared.startswith("float"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)
