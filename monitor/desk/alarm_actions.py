"""What each command does to the alarm of the source that it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.alarm import Alarm
from monitor.desk.refused import for_one_source
from monitor.errors import CommandError
from monitor.messages import AlarmChange
from monitor.publish.commands import Command
from monitor.worded import worded

Act = Callable[[Alarm, Command, float], list[AlarmChange]]
"""Alarm, command and UTC in, the changes that it makes out; CommandError when it makes no sense now."""


def _acknowledge(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    open_event = alarm.snapshot.event_id
    if command.event_id not in {None, open_event}:
        raise CommandError(
            worded("event-not-open", "event {event} is not open; none is", event=str(command.event_id))
            if open_event is None
            else worded(
                "another-event-open",
                "event {event} is not open; {open} is",
                event=str(command.event_id),
                open=open_event,
            )
        )
    return alarm.acknowledge(command.actor, now_utc_s, note=command.note)


def _shelve(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    return alarm.shelve(
        command.actor,
        now_utc_s,
        duration_s=command.duration_s,
        one_shot=command.one_shot,
        note=command.note,
    )


def _unshelve(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    return alarm.unshelve(command.actor, now_utc_s, note=command.note)


def _out_of_service(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    return alarm.take_out_of_service(command.actor, now_utc_s, note=command.note)


def _in_service(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    return alarm.return_to_service(command.actor, now_utc_s, note=command.note)


def _set_limits(alarm: Alarm, command: Command, now_utc_s: float) -> list[AlarmChange]:
    if command.reset:
        return alarm.reset_limits(command.actor, now_utc_s, note=command.note)
    return alarm.set_limits(command.actor, now_utc_s, command.limits, note=command.note)


ALARM_ACTIONS: Mapping[str, Act] = {
    "acknowledge": _acknowledge,
    "shelve": _shelve,
    "unshelve": _unshelve,
    "out_of_service": _out_of_service,
    "in_service": _in_service,
    "set_limits": _set_limits,
}
"""Action -> what it does; the other actions are not about an alarm."""


def carried_out(alarm: Alarm | None, command: Command, now_utc_s: float) -> list[AlarmChange]:
    """Do to an alarm what a command asks, and return the changes; `alarm` None: it was sent to the whole box.

    Raises:
        CommandError: It is for one source, or makes no sense now: nothing has changed.
    """
    act = ALARM_ACTIONS[command.action]
    if alarm is None:
        raise CommandError(for_one_source(command.action))
    return act(alarm, command, now_utc_s)
