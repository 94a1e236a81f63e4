"""Makes the label that a command asks for."""

from __future__ import annotations

from monitor.errors import CommandError
from monitor.publish.commands import Command
from monitor.store import Label, Store


def label_from_command(store: Store, source_id: str | None, command: Command, now_utc_s: float) -> Label:
    """Return the label that a command, sent to `source_id` or (None) the whole box, gives to an event.

    Raises:
        CommandError: The event is not known, is another source's, or has nothing to be withdrawn.
        StoreError: The store cannot be asked.
    """
    if command.event_id is None or command.rating is None:
        raise CommandError("label needs event_id and rating")
    event = store.event(command.event_id)
    if event is None:
        raise CommandError(f"event {command.event_id} is not known to this box")
    if source_id not in {None, event.source_id}:
        raise CommandError(
            f"event {command.event_id} is one of {event.source_id}, not of {source_id}; "
            f"send the label to {event.source_id} or to the whole box"
        )
    if command.rating == "none" and store.label(command.event_id) is None:
        raise CommandError(f"event {command.event_id} has no label that could be withdrawn")
    return Label(
        event_id=command.event_id,
        rating=command.rating,
        fault_code=command.fault_code,
        note=command.note,
        who=command.actor,
        at_utc_s=now_utc_s,
    )
