"""Rows of the outbox: from messages to bodies that the store keeps, and from rows to documents.

A body holds no topic, so that a second protocol can be fed from the same rows. That of an `event` is an
AlarmChange, field by field, and `bundle_id`; those of a `reply` and a `score` are the documents' own fields.
"""

from __future__ import annotations

import enum
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from monitor.errors import CommandError, PublishError
from monitor.messages import AlarmChange, AlarmState, Record, Score
from monitor.publish.commands import Command, ReplyPayload, command_id
from monitor.publish.documents import alarm_fields, score_payload
from monitor.publish.payloads import EventPayload, ScorePayload, SourcePayload, rfc3339_from_utc_s

_CHANGE = TypeAdapter(AlarmChange)

BUNDLE_KEY = "bundle_id"
"""Beside the fields of the AlarmChange in the body of an `event`."""


def body_from_change(change: AlarmChange, *, bundle_id: str | None) -> dict[str, object]:
    """Return the outbox body of an `event`: JSON-able, named as in AlarmChange."""
    tree = {
        key: value.value if isinstance(value, enum.Enum) else value for key, value in asdict(change).items()
    }
    return {**tree, BUNDLE_KEY: bundle_id}


def event_payload(record: Record) -> EventPayload:
    """Return the document of an `event` record.

    Raises:
        PublishError: The body is not what `body_from_change` makes.
    """
    body = dict(record.body)
    bundle_id = body.pop(BUNDLE_KEY, None)
    try:
        change = _CHANGE.validate_python(body)
        return EventPayload(
            **alarm_fields(change, None if bundle_id is None else str(bundle_id)),
            seq=record.seq,
            old_state=change.old_state,
            new_state=change.new_state,
        )
    except ValidationError as error:
        raise _broken(record, error) from error


def body_from_score(score: Score) -> dict[str, object]:
    """Return the outbox body of a `score` that could not be sent live."""
    return score_payload(score, historical=True).model_dump(mode="json", by_alias=True)


def body_from_reply(
    source_id: str, command: Command, *, at_utc_s: float, state: AlarmState | None, refused: str | None = None
) -> dict[str, object]:
    """Return the outbox body of the `reply` to a command: done, or why it was `refused`."""
    reply = ReplyPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        bundle=None,
        source=source_id,
        id=command.id,
        action=command.action,
        result="done" if refused is None else "refused",
        reason=refused,
        state=state,
    )
    return reply.model_dump(mode="json", by_alias=True)


def body_from_refusal(
    source_id: str, payload: bytes, error: CommandError, *, at_utc_s: float
) -> dict[str, object]:
    """Return the outbox body of the `reply` to bytes that are no command; names its id where one stands."""
    reply = ReplyPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        bundle=None,
        source=source_id,
        id=command_id(payload),
        action=None,
        result="refused",
        reason=str(error),
        state=None,
    )
    return reply.model_dump(mode="json", by_alias=True)


def payload_from_record(record: Record) -> SourcePayload:
    """Return the document of any record of the outbox.

    Raises:
        PublishError: The kind is unknown or the body does not fit it.
    """
    if record.kind == "event":
        return event_payload(record)
    model = _BODY_MODELS.get(record.kind)
    if model is None:
        raise PublishError(
            f"record {record.seq}: kind {record.kind!r} is not known; known are event, "
            + ", ".join(sorted(_BODY_MODELS))
        )
    try:
        return model.model_validate(dict(record.body))
    except ValidationError as error:
        raise _broken(record, error) from error


_BODY_MODELS: dict[str, type[SourcePayload]] = {"reply": ReplyPayload, "score": ScorePayload}


def _broken(record: Record, error: ValidationError) -> PublishError:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return PublishError(f"record {record.seq} ({record.kind}): {where}: {problem['msg']}; it cannot be sent")
