"""From tags that a host writes to command documents, and from replies to readings of tags.

What Sparkplug can ask is what JSON can ask: a written tag becomes the document of docs/mqtt.md, and goes the
same way. Its id is made of what was written and the host's timestamp, so that a DCMD that is sent again is
the same command.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from monitor.errors import CommandError, PayloadError
from monitor.publish.commands import ReplyPayload
from monitor.publish.sparkplug.command_tags import COMMAND_TAGS, DOCUMENT_TAG, NODE_COMMAND_TAGS
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.readings import Readings, text_reading
from monitor.publish.sparkplug.tags import REBIRTH, Reading, Tag

HOST = "sparkplug"
"""Who acts when neither the command nor the connection says who."""

Values = Mapping[str, object]
"""What was written, by name of the tag."""

SWITCHES: Mapping[str, Mapping[bool, str]] = {
    "Command/Acknowledge": {True: "acknowledge"},
    "Command/Unshelve": {True: "unshelve"},
    "Command/OutOfService": {True: "out_of_service", False: "in_service"},
    "Node Control/Reload": {True: "reload"},
}
"""Tag -> what is asked for by writing true, and by writing false if that asks for anything."""
ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "shelve": {"Command/ShelveSeconds": "duration_s", "Command/ShelveOnce": "one_shot"},
    "set_limits": {
        "Command/AlarmLimit": "limit",
        "Command/WarningLimit": "warning_value",
        "Command/Deadband": "deadband",
        "Command/OnDelaySeconds": "on_delay_s",
        "Command/OffDelaySeconds": "off_delay_s",
        "Command/ResetLimits": "reset",
    },
}
"""Action -> the tags that ask for it, all those of one message together, and the key that each fills."""
REMARKS: Mapping[str, str] = {"Command/Actor": "actor", "Command/Note": "note"}
"""Tag -> the key that it fills in every command of the same message."""


def commands_from_metrics(
    device_id: str | None,
    metrics: Sequence[Metric],
    *,
    timestamp_ms: int | None,
    host_id: str | None = None,
    name_of: Callable[[int], str | None] = lambda _alias: None,
) -> tuple[bytes, ...]:
    """Return the command documents (`command/1`) that one DCMD asks for, or for None one NCMD; may be none.

    `timestamp_ms` is the message's own. `name_of` reads aliases, where they are in use. A rebirth request is
    the session's and passed over. Whether a document makes sense is for `parse_command` and the desk to say.

    Raises:
        CommandError: A tag is not writable or twice there, a value is not of its type, or there is no
            timestamp: nothing of the message is then done.
    """
    values = _values(device_id, metrics, name_of)
    if not values:
        return ()
    if set(values) <= set(REMARKS):
        raise CommandError(
            f"{' and '.join(values)} alone ask for nothing; write a command in the same message"
        )
    if timestamp_ms is None:
        raise CommandError("the message has no timestamp: sent again it could not be told from a new one")
    common = {"actor": host_id or HOST, **{key: values[tag] for tag, key in REMARKS.items() if tag in values}}
    documents = []
    for asked in _asked(values):
        told = [device_id, timestamp_ms, common, asked]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        documents.append(json.dumps({"id": f"sp-{digest[:32]}", **common, **asked}).encode())
    if DOCUMENT_TAG.name in values:
        documents.append(str(values[DOCUMENT_TAG.name]).encode())
    return tuple(documents)


def reply_readings(reply: ReplyPayload) -> Readings:
    """Return the answer to a command for the tags of its device, or of the node if `source` is None."""
    return {
        "Command/LastId": text_reading(reply.id),
        "Command/LastAction": text_reading(reply.action),
        "Command/LastResult": Reading(reply.result),
        "Command/LastReason": text_reading(reply.reason),
    }


def _asked(values: Values) -> Iterator[dict[str, object]]:
    """Yield action and arguments of each command but the documents."""
    for tag, actions in SWITCHES.items():
        action = actions.get(values.get(tag) is True)
        if tag in values and action is not None:
            yield {"action": action}
    for action, keys in ARGUMENTS.items():
        # false asks for nothing: a host may write it when a button is let go
        given = {key: values[tag] for tag, key in keys.items() if values.get(tag, False) is not False}
        if given:
            yield {"action": action, **given}


def _values(
    device_id: str | None, metrics: Sequence[Metric], name_of: Callable[[int], str | None]
) -> dict[str, object]:
    tags = {
        tag.name: tag for tag in (NODE_COMMAND_TAGS if device_id is None else COMMAND_TAGS) if tag.writable
    }
    values: dict[str, object] = {}
    for metric in metrics:
        alias = metric.alias
        name = metric.name if metric.name is not None or alias is None else name_of(alias)
        if name == REBIRTH and device_id is None:
            continue
        if name is None or name not in tags:
            raise CommandError(f"{metric.label} is no tag that can be written; docs/sparkplug.md lists those")
        if name in values:
            raise CommandError(f"{name} stands twice in one message")
        values[name] = written_value(metric, tags[name])
    return values


def written_value(metric: Metric, tag: Tag) -> object:
    """Return what a host has written to a tag.

    Raises:
        CommandError: It is of the past, of another type, or null.
    """
    if metric.is_historical:
        raise CommandError(f"{tag.name} is marked as historical: commands act now")
    try:
        value = metric.as_type(tag.datatype).value
    except PayloadError as error:
        raise CommandError(f"{tag.name}: {str(error).removeprefix(f'{metric.label}: ')}") from error
    if value is None:
        raise CommandError(f"{tag.name} is null; write a value")
    return value
