"""What a command does to an event of the past: what is said of it, and whether its sound stays for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.errors import CommandError
from monitor.publish.commands import Command
from monitor.store import Event, Label, Reply, Store
from monitor.store.dispute_labels import dispute_id, dispute_number, source_of_dispute
from monitor.worded import worded

Keep = Callable[[Reply], None]
"""Stores what was asked, and the reply to whoever asked, in one step. May raise StoreError."""
Act = Callable[[Store, Event, Command, float], Keep]
"""Store, event, command and UTC in; CommandError when it makes no sense now."""


def _label(store: Store, event: Event, command: Command, now_utc_s: float) -> Keep:
    if command.rating == "none" and store.label(event.event_id) is None:
        raise CommandError(
            worded("no-label", "event {event} has no label that could be withdrawn", event=event.event_id)
        )
    label = _label_of(event.event_id, command, now_utc_s)
    return lambda reply: store.add_label(label, reply=reply)


def _label_dispute(
    store: Store, source_id: str | None, number: int, command: Command, now_utc_s: float
) -> Keep:
    """Label sound at which only a candidate alarmed: there is no event, and no alarm of anybody."""
    owner = source_of_dispute(store.database, number)
    if owner is None or source_id not in {None, owner}:
        raise CommandError(
            worded(
                "unknown-dispute",
                "{dispute} is not known to this box, or one of another source",
                dispute=dispute_id(number),
            )
        )
    label = _label_of(dispute_id(number), command, now_utc_s)
    return lambda reply: store.add_dispute_label(number, label, reply=reply)


def _label_of(event_id: str, command: Command, now_utc_s: float) -> Label:
    if command.rating is None:
        raise CommandError(worded("label-needs-more", "label needs event_id and rating"))
    return Label(
        event_id=event_id,
        rating=command.rating,
        fault_code=command.fault_code,
        note=command.note,
        who=command.actor,
        at_utc_s=now_utc_s,
    )


def _lock(store: Store, event: Event, command: Command, now_utc_s: float) -> Keep:
    if event.locked_by is not None:
        raise CommandError(
            worded(
                "locked-already",
                "event {event} is locked already, by {who}",
                event=event.event_id,
                who=event.locked_by,
            )
        )
    return lambda reply: store.set_lock(event.event_id, command.actor, now_utc_s, reply=reply)


def _unlock(store: Store, event: Event, _command: Command, now_utc_s: float) -> Keep:
    if event.locked_by is None:
        raise CommandError(worded("not-locked", "event {event} is not locked", event=event.event_id))
    return lambda reply: store.set_lock(event.event_id, None, now_utc_s, reply=reply)


EVENT_ACTIONS: Mapping[str, Act] = {"label": _label, "lock": _lock, "unlock": _unlock}
"""Action -> what it does; it names its event, and may go to the event's source or to the whole box."""


def keep_of(store: Store, source_id: str | None, command: Command, now_utc_s: float) -> Keep:
    """Return what carries out a command about an event, sent to `source_id` or (None) the whole box.

    Raises:
        CommandError: The event is not known, is another source's, or what is asked makes no sense now.
        StoreError: The store cannot be asked.
    """
    if command.event_id is None:
        raise CommandError(worded("needs-event", "{action} needs event_id", action=command.action))
    dispute = dispute_number(command.event_id)
    if dispute is not None and command.action == "label":
        return _label_dispute(store, source_id, dispute, command, now_utc_s)
    event = store.event(command.event_id)
    if event is None:
        raise CommandError(
            worded("unknown-event", "event {event} is not known to this box", event=command.event_id)
        )
    if source_id not in {None, event.source_id}:
        raise CommandError(
            worded(
                "event-of-another-source",
                "event {event} is one of {owner}, not of {source}; send the {action} to {owner} or to the "
                "whole box",
                event=command.event_id,
                owner=event.source_id,
                source=str(source_id),
                action=command.action,
            )
        )
    return EVENT_ACTIONS[command.action](store, event, command, now_utc_s)
