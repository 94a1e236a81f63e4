"""From the rows of the outbox to documents.

A row holds no topic, so that a second protocol can be fed from the same rows. The body of an `event` is an
AlarmChange field by field and `bundle_id`, that of a `score` a Score and its Span, and that of a `reply` the
document's own fields, made here. Keys that the store adds for itself are ignored. An event's row holds what
was found, and no words: the sentence is made when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from monitor.errors import CommandError, PublishError, StoreError
from monitor.explanation import Explanation, explanation_from_tree
from monitor.messages import AlarmChange, AlarmState, Quality, Record, Score, Span
from monitor.publish.commands import Command, ReplyPayload, command_id
from monitor.publish.documents import alarm_fields, score_payload
from monitor.publish.explained import Voice
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.publish.payloads import EventPayload, Payload, ScorePayload
from monitor.worded import WORDED, Worded, wording_of

_CHANGE = TypeAdapter(AlarmChange)

ASKED = "asked"
"""In the body of a reply: which command it answers, of all that may carry the same id."""
STORE_KEYS = frozenset({"seq", "command_id", ASKED})
"""What a body holds for the store alone, and no document."""
REASON_LETTERS = 2000
"""Of a reason, in replies and on record."""
UNSENT_KEYS = STORE_KEYS | {WORDED}
"""With what the page says a refusal from, in other languages."""


class _KeptScore(BaseModel):
    source_id: str
    """As in Span."""
    start_s: float
    """Stream time."""
    end_s: float
    """Stream time."""
    start_utc_s: float
    """UTC of start_s."""
    quality: Quality
    """As in Span."""
    level_dbfs: float | None
    """RMS level; None when no sample arrived."""
    value: float | None
    """In units of the alarm limit; None: not judged."""
    expected_per_day: float | None
    """As in Score."""
    raw: float | None
    """The model's own score; None: not judged."""
    profile: list[float] | None
    """Length frames, mean error of each frame; None: not judged."""
    bundle_id: str | None
    """As in Score."""
    engine: str | None = None
    """As in Score; rows that an earlier version kept have none."""


def event_payload(record: Record, voice: Voice) -> EventPayload:
    """Return the document of an `event` record, its explanation in words of `voice`.

    Raises:
        PublishError: The body does not hold the fields of an AlarmChange.
    """
    bundle_id = record.body.get("bundle_id")
    try:
        bare = _CHANGE.validate_python({**record.body, "explanation": None})
        change = replace(bare, explanation=_explanation(record.body.get("explanation")))
        return EventPayload(
            **alarm_fields(change, None if bundle_id is None else str(bundle_id), voice),
            seq=record.seq,
            old_state=change.old_state,
            new_state=change.new_state,
        )
    except ValidationError as error:
        raise _broken(record, error) from error


def _explanation(tree: object) -> Explanation | None:
    """Return what was found; None also when it cannot be read: an event is sent with less, never unsent."""
    try:
        return explanation_from_tree(tree) if isinstance(tree, Mapping) else None
    except ValueError:
        return None


def body_from_reply(
    source_id: str | None,
    command: Command,
    *,
    at_utc_s: float,
    state: AlarmState | None,
    refused: Worded | None = None,
    detail: str | None = None,
) -> dict[str, object]:
    """Return the outbox body of the `reply` to a command: done, and how, or why it was `refused`."""
    reply = ReplyPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        bundle=None,
        source=source_id,
        id=command.id,
        action=command.action,
        result="done" if refused is None else "refused",
        reason=None if refused is None else refused[:REASON_LETTERS],
        code=None if refused is None else refused.code,
        detail=detail,
        state=state,
    )
    body = reply.model_dump(mode="json", by_alias=True)
    return body if refused is None else {**body, WORDED: refused.tree}


def body_from_refusal(
    source_id: str | None,
    payload: bytes,
    error: CommandError | StoreError,
    *,
    at_utc_s: float,
    action: str | None = None,
) -> dict[str, object]:
    """Return the outbox body of the `reply` to bytes that are no command, or one that cannot be kept.

    Names the command's id where one stands; `action` None: what it asked could not be read.
    """
    refused = wording_of(error)
    reply = ReplyPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        bundle=None,
        source=source_id,
        id=command_id(payload),
        action=action,
        result="refused",
        reason=str(error),
        code=refused.code,
        state=None,
    )
    return {**reply.model_dump(mode="json", by_alias=True), WORDED: refused.tree}


def historical_score_payload(record: Record, _voice: Voice) -> ScorePayload:
    """Return the document of a `score` record: one that was kept while the broker was away.

    Raises:
        PublishError: The body does not hold the fields of a Score and its Span.
    """
    return score_payload(score_from_record(record), historical=True)


def score_from_record(record: Record) -> Score:
    """Return the score that a `score` record holds; its place in the samples is not kept.

    Raises:
        PublishError: The body does not hold the fields of a Score and its Span.
    """
    try:
        kept = _KeptScore.model_validate(dict(record.body))
    except ValidationError as error:
        raise _broken(record, error) from error
    span = Span(
        source_id=kept.source_id,
        first_sample=0,
        start_s=kept.start_s,
        end_s=kept.end_s,
        start_utc_s=kept.start_utc_s,
        quality=kept.quality,
        level_dbfs=kept.level_dbfs,
    )
    return Score(
        span=span,
        value=kept.value,
        expected_per_day=kept.expected_per_day,
        raw=kept.raw,
        profile=None if kept.profile is None else np.array(kept.profile, dtype=np.float32),
        bundle_id=kept.bundle_id,
        engine=kept.engine,
    )


def reply_payload(record: Record, _voice: Voice) -> ReplyPayload:
    """Return the document of a `reply` record.

    Raises:
        PublishError: The body is not what `body_from_reply` or `body_from_refusal` made.
    """
    body = {key: value for key, value in record.body.items() if key not in UNSENT_KEYS}
    try:
        return ReplyPayload.model_validate(body)
    except ValidationError as error:
        raise _broken(record, error) from error


DOCUMENTS: dict[str, Callable[[Record, Voice], Payload]] = {
    "event": event_payload,
    "reply": reply_payload,
    "score": historical_score_payload,
}
"""Kind of record -> what makes its document."""


def payload_from_record(record: Record, voice: Voice) -> Payload:
    """Return the document of any record of the outbox, in words of `voice` where it has words.

    Raises:
        PublishError: The kind is unknown or the body does not fit it.
    """
    document = DOCUMENTS.get(record.kind)
    if document is None:
        kinds = ", ".join(sorted(DOCUMENTS))
        raise PublishError(f"record {record.seq}: kind {record.kind!r} is not known; known are {kinds}")
    return document(record, voice)


def _broken(record: Record, error: ValidationError) -> PublishError:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return PublishError(f"record {record.seq} ({record.kind}): {where}: {problem['msg']}; it cannot be sent")
