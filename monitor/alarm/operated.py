"""What operators may do to an alarm, and how every change of it is made.

Commands are refused with a sentence when they make no sense now, so that an operator learns that
somebody else was faster.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from monitor.alarm.limits import LimitSettings, checked_limits, limits_in_force
from monitor.alarm.snapshot import AlarmSnapshot
from monitor.clock import CLOCK_SET_UTC_S, CORRECTED_FROM_S, utc_text
from monitor.errors import CommandError
from monitor.messages import AlarmChange, AlarmState, ChangeReason
from monitor.operators import LIMIT_KEYS, Limits
from monitor.worded import worded

BY_CONFIGURATION = "configuration"
"""Stands for whoever changed the configuration, as the actor of what that did to an alarm."""


DATED = ("event_start_utc_s", "limits_utc_s", "off_since_utc_s")
"""Facts that are times past."""


class AlarmSettings(LimitSettings, Protocol):
    """The settings, as the configuration's section `alarm` has them."""

    @property
    def acknowledge_required(self) -> bool:
        """False: an event closes when it clears."""

    @property
    def shelve_max_s(self) -> float:
        """The longest shelving, one-shot included."""


class OperatedAlarm:
    """The facts of one source's alarm, and the commands that change them."""

    def __init__(
        self, source_id: str, settings: AlarmSettings, snapshot: AlarmSnapshot | None = None
    ) -> None:
        if snapshot is not None and snapshot.source_id != source_id:
            raise ValueError(f"snapshot of {snapshot.source_id!r} given to the alarm of {source_id!r}")
        self._settings = settings
        self._facts = snapshot or AlarmSnapshot(source_id)
        self._limits = limits_in_force(settings, self._facts)

    @property
    def snapshot(self) -> AlarmSnapshot:
        """All facts as they are now."""
        return self._facts

    @property
    def state(self) -> AlarmState:
        """The ISA-18.2 state as it is now."""
        return self._facts.state

    @property
    def limits(self) -> Limits:
        """What scores are held against now."""
        return self._limits

    def reconfigure(self, settings: AlarmSettings) -> None:
        """Take new settings, from the next window on; what operators have set stays, within new bounds."""
        self._settings = settings
        self._limits = limits_in_force(settings, self._facts)

    def set_limits(
        self, actor: str, at_utc_s: float, wanted: Mapping[str, float], note: str | None = None
    ) -> list[AlarmChange]:
        """Change some of what scores are held against (LIMIT_KEYS), from the next window on.

        Raises:
            CommandError: A value is outside the bounds of the configuration; the text has them.
        """
        facts = checked_limits(self._settings, self._facts, wanted)
        return self._take_limits(
            actor, at_utc_s, note, {**facts, "limits_by": actor, "limits_utc_s": at_utc_s}
        )

    def reset_limits(self, actor: str, at_utc_s: float, note: str | None = None) -> list[AlarmChange]:
        """Give all limits back to the configuration.

        Raises:
            CommandError: They are as configured.
        """
        if self._facts.limits_by is None:
            raise CommandError(
                worded(
                    "limits-as-configured",
                    "the limits of {source} are as configured already",
                    source=self._facts.source_id,
                )
            )
        return self._take_limits(
            actor, at_utc_s, note, dict.fromkeys((*LIMIT_KEYS, "limits_by", "limits_utc_s"))
        )

    def _take_limits(
        self, actor: str, at_utc_s: float, note: str | None, facts: Mapping[str, str | float | None]
    ) -> list[AlarmChange]:
        change = self._change(ChangeReason.LIMITS, at_utc_s, actor=actor, note=note, **facts)
        self._limits = limits_in_force(self._settings, self._facts)
        return [change]

    def acknowledge(self, actor: str, at_utc_s: float, note: str | None = None) -> list[AlarmChange]:
        """Note that somebody has seen the open event; also while shelved or out of service.

        Raises:
            CommandError: No event is open, or it has been acknowledged.
        """
        if self._facts.event_id is None:
            raise CommandError(
                worded(
                    "no-open-event",
                    "{source} has no open event: there is nothing to acknowledge",
                    source=self._facts.source_id,
                )
            )
        if self._facts.acknowledged:
            raise CommandError(
                worded(
                    "acknowledged-already",
                    "event {event} has been acknowledged already",
                    event=self._facts.event_id,
                )
            )
        change = self._change(ChangeReason.ACKNOWLEDGED, at_utc_s, actor=actor, note=note, acknowledged=True)
        self._close_if_over()
        return [change]

    def shelve(
        self,
        actor: str,
        at_utc_s: float,
        *,
        duration_s: float | None = None,
        one_shot: bool = False,
        note: str | None = None,
    ) -> list[AlarmChange]:
        """Set the alarm aside: for a time, or (one-shot) until it next clears, at most shelve_max_s.

        Raises:
            CommandError: It is shelved or out of service already, or the time is impossible.
        """
        name, longest_s = self._facts.source_id, self._settings.shelve_max_s
        if self._facts.out_of_service:
            raise CommandError(
                worded(
                    "shelve-out-of-service",
                    "{source} is out of service; put it back before shelving it",
                    source=name,
                )
            )
        if self._facts.shelved_until_utc_s is not None:
            raise CommandError(
                worded(
                    "shelved-already",
                    "{source} is shelved already, until {until}; unshelve it first",
                    source=name,
                    until=utc_text(self._facts.shelved_until_utc_s),
                )
            )
        if one_shot == (duration_s is not None):
            raise CommandError(worded("shelve-needs-end", "shelve needs either duration_s or one_shot: true"))
        shelved_s = longest_s if duration_s is None else duration_s
        if not 0 < shelved_s <= longest_s:
            raise CommandError(
                worded(
                    "shelved-too-long",
                    "duration_s {wanted} must be above 0 and at most {most} (alarm.shelve_max_s)",
                    wanted=shelved_s,
                    most=longest_s,
                )
            )
        return [
            self._change(
                ChangeReason.SHELVED,
                at_utc_s,
                actor=actor,
                note=note,
                shelved_until_utc_s=at_utc_s + shelved_s,
                shelved_for_s=shelved_s,
                shelved_one_shot=one_shot,
            )
        ]

    def unshelve(self, actor: str, at_utc_s: float, note: str | None = None) -> list[AlarmChange]:
        """End shelving now.

        Raises:
            CommandError: It is not shelved.
        """
        if self._facts.shelved_until_utc_s is None:
            raise CommandError(worded("not-shelved", "{source} is not shelved", source=self._facts.source_id))
        return [self._unshelve(ChangeReason.UNSHELVED, at_utc_s, actor=actor, note=note)]

    def take_out_of_service(self, actor: str, at_utc_s: float, note: str | None = None) -> list[AlarmChange]:
        """Set the alarm aside until it is put back by hand; shelving runs on underneath.

        Raises:
            CommandError: It is out of service already.
        """
        if self._facts.out_of_service:
            raise CommandError(
                worded(
                    "out-of-service-already",
                    "{source} is out of service already",
                    source=self._facts.source_id,
                )
            )
        return [
            self._change(ChangeReason.OUT_OF_SERVICE, at_utc_s, actor=actor, note=note, out_of_service=True)
        ]

    def return_to_service(self, actor: str, at_utc_s: float, note: str | None = None) -> list[AlarmChange]:
        """Put the alarm back into service.

        Raises:
            CommandError: It is not out of service.
        """
        if not self._facts.out_of_service:
            raise CommandError(
                worded("in-service-already", "{source} is not out of service", source=self._facts.source_id)
            )
        return [self._change(ChangeReason.IN_SERVICE, at_utc_s, actor=actor, note=note, out_of_service=False)]

    def leave_configuration(self, at_utc_s: float) -> list[AlarmChange]:
        """Take it that the source is heard no more: out of service, its open event left as it is."""
        note = "the configuration has this source no more"
        return self._change_presence(ChangeReason.OUT_OF_SERVICE, at_utc_s, note, absent=True)

    def join_configuration(self, at_utc_s: float) -> list[AlarmChange]:
        """Take it that the source is listened to again: whatever an operator had set aside still is."""
        note = "the configuration has this source again"
        return self._change_presence(ChangeReason.IN_SERVICE, at_utc_s, note, absent=False)

    def _change_presence(
        self, reason: ChangeReason, at_utc_s: float, note: str, *, absent: bool
    ) -> list[AlarmChange]:
        if self._facts.absent == absent:
            return []
        return [self._change(reason, at_utc_s, actor=BY_CONFIGURATION, note=note, absent=absent)]

    def follow_clock(self, boot_id: str, offset_s: float, *, was_set: bool = True) -> bool:
        """Take that the wall clock now is `offset_s` ahead of the seconds since the start of the box.

        If it was set since it was told last, in the same run of the box, the end of shelving moves along, and
        so does what was dated before it was set for the first time: in 1970, or since the start of the box
        while `was_set` is false, which says that it did not know the time until now. Returns whether
        anything moved.
        """
        before = self._facts
        same_run = before.clock_boot == boot_id and before.clock_offset_s is not None
        by_s = offset_s - (before.clock_offset_s or 0.0) if same_run else 0.0
        until_utc_s = before.shelved_until_utc_s
        doubted_from_s = before.clock_offset_s if not was_set and by_s >= CORRECTED_FROM_S else None
        dated = {name: _dated_anew(getattr(before, name), by_s, doubted_from_s) for name in DATED}
        dated["shelved_until_utc_s"] = None if until_utc_s is None else until_utc_s + by_s
        after = dataclasses.replace(
            before,
            **dated,  # type: ignore[arg-type]  # mypy cannot match ** to fields
            clock_boot=boot_id,
            clock_offset_s=offset_s,
        )
        self._facts = after
        same = dataclasses.replace(after, clock_boot=before.clock_boot, clock_offset_s=before.clock_offset_s)
        return same != before

    def expire(self, at_utc_s: float) -> list[AlarmChange]:
        """End shelving whose time is over; to be called every second or so, sound or no sound."""
        until_utc_s = self._facts.shelved_until_utc_s
        if until_utc_s is None:
            return []
        if until_utc_s <= at_utc_s:
            return [self._unshelve(ChangeReason.SHELVING_EXPIRED, at_utc_s)]
        # a clock that was wrong over a restart, or a shorter shelve_max_s, must not shelve for years
        longest_s = self._settings.shelve_max_s
        latest_utc_s = at_utc_s + min(self._facts.shelved_for_s or longest_s, longest_s)
        if until_utc_s > latest_utc_s:
            self._facts = dataclasses.replace(self._facts, shelved_until_utc_s=latest_utc_s)
        return []

    def _unshelve(
        self, reason: ChangeReason, at_utc_s: float, actor: str | None = None, note: str | None = None
    ) -> AlarmChange:
        return self._change(
            reason,
            at_utc_s,
            actor=actor,
            note=note,
            shelved_until_utc_s=None,
            shelved_one_shot=False,
            shelved_for_s=None,
        )

    def _close_if_over(self) -> None:
        """Forget an event that is cleared and acknowledged; the last change still carried its id."""
        if not self._facts.active and self._facts.acknowledged:
            self._facts = dataclasses.replace(
                self._facts, event_id=None, event_start_utc_s=None, peak=None, acknowledged=False
            )

    def _change(
        self,
        reason: ChangeReason,
        at_utc_s: float,
        *,
        actor: str | None = None,
        note: str | None = None,
        **facts: str | float | bool | None,
    ) -> AlarmChange:
        """Replace some facts and return the change that this makes."""
        before = self._facts
        after = dataclasses.replace(
            before,
            **facts,  # type: ignore[arg-type]  # mypy cannot match ** to fields
            reason=reason.value,
            actor=actor,
            note=note,
        )
        self._facts = after
        return AlarmChange(
            source_id=after.source_id,
            event_id=after.event_id,
            old_state=before.state,
            new_state=after.state,
            reason=reason,
            at_utc_s=at_utc_s,
            event_start_utc_s=after.event_start_utc_s,
            peak=after.peak,
            warning=after.warning,
            uncertain=after.uncertain,
            active=after.active,
            shelved_until_utc_s=after.shelved_until_utc_s,
            actor=actor,
            note=note,
            off_reason=after.off_reason,
            acknowledged=after.nothing_waits,
        )


def _dated_anew(utc_s: float | None, by_s: float, doubted_from_s: float | None) -> float | None:
    """Return a time by the clock as it is now; one that was dated by a clock that had been set stays."""
    if utc_s is None:
        return None
    doubted = utc_s < CLOCK_SET_UTC_S or (doubted_from_s is not None and utc_s >= doubted_from_s)
    return utc_s + by_s if doubted else utc_s
