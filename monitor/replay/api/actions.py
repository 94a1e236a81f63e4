"""What changes something: labels, locks, commands, handed to the daemon in the name of whoever is logged in.

The body is JSON. `id` may name the attempt: the same id is done once, however often it is sent. An answer is
the daemon's reply document; a refused one has status 409 and says why in `error` too. What takes long has
status 503 with Retry-After: the same id asks again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from monitor.config import Config
from monitor.control.client import ControlClient
from monitor.control.protocol import no_source
from monitor.errors import ControlError, StillWaitingError, StoreError, UnknownIdError
from monitor.publish.commands import MAX_HOURS, Learn
from monitor.replay.gate.access import Role, Visit, needs, visit_of
from monitor.replay.gate.refusals import document_of
from monitor.replay.kept.library import Library
from monitor.replay.pages.refused import said_in
from monitor.replay.pages.templating import BESIDE_LANGUAGE, tongue_for
from monitor.worded import DETAIL, WORDED, Worded, sentence_in, worded, worded_from, wording_of

MAX_EVENTS = 200
"""Events that one request may label."""
ADMIN_ACTIONS = frozenset({"out_of_service", "in_service", "recalibrate", "promote", "rollback"})
ADMIN_LEARNING = frozenset({"start", "cancel", "discard"})
"""Of what `learn` does: it begins to record what people say, too, or removes it."""
AGAIN_S = "2"
"""After so many seconds a command that still waits may be asked for again."""
Id = Field(default=None, min_length=1, max_length=100, description="Of this attempt; the same is done once.")


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Judgement(_Wanted):
    """What somebody says of an event."""

    rating: Literal["anomaly", "no_anomaly", "unsure"] = Field(description="What it was.")
    fault_code: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Of the site's own list, if it has one.",
    )
    note: str | None = Field(default=None, max_length=1000, description="In one's own words.")
    id: str | None = Id


class BulkJudgement(Judgement):
    """The same, of several events."""

    event_ids: list[str] = Field(min_length=1, max_length=MAX_EVENTS, description="Which.")


class Remark(_Wanted):
    """Why something about an event is done or undone; what was there before stays on record."""

    note: str | None = Field(default=None, max_length=1000, description="Why.")
    id: str | None = Id


class Order(_Wanted):
    """What shall be done about a source's alarm, or about the bundle that judges it."""

    action: Literal[
        "acknowledge",
        "shelve",
        "unshelve",
        "out_of_service",
        "in_service",
        "compare",
        "recalibrate",
        "decline",
        "promote",
        "rollback",
    ] = Field(description="What to do; " + ", ".join(sorted(ADMIN_ACTIONS)) + " need the role admin.")
    proposal: str | None = Field(
        default=None, max_length=64, description="recalibrate, decline: the id of the limit that was shown."
    )
    despite: str | None = Field(
        default=None,
        min_length=3,
        max_length=500,
        description="promote: why, where the candidate does not prove to be better. recalibrate: why, where "
        "the limit would be raised further than drift.max_total.",
    )
    event_id: str | None = Field(default=None, max_length=100, description="acknowledge: only this one.")
    duration_s: float | None = Field(default=None, gt=0, description="shelve: for how long.")
    one_shot: bool = Field(default=False, description="shelve: until the alarm is back to normal.")
    note: str | None = Field(
        default=None, max_length=1000, description="Kept with it. decline: why, and it must be given."
    )
    id: str | None = Id


class LearnOrder(_Wanted):
    """What shall be done about learning from a source's normal sound."""

    learn: Learn = Field(description="What to do; start, cancel and discard need the role admin.")
    hours: float | None = Field(
        default=None, gt=0, le=MAX_HOURS, description="start: how much is to be recorded."
    )
    unattended: bool = Field(default=False, description="start: nobody will hear what is odd.")
    stretch: str | None = Field(default=None, max_length=200, description="keep, set_aside: its id.")
    seen: str | None = Field(
        default=None, max_length=64,
        description="keep, set_aside: `id` of what `plan.judged` said of it when it was looked at, `nobody` "
        "where it said nothing; refused if somebody else has said the contrary since.",
    )  # fmt: skip
    note: str | None = Field(default=None, max_length=1000, description="Kept with it.")
    id: str | None = Id


Wanted = TypeVar("Wanted", bound=_Wanted)
Judged = TypeVar("Judged", bound=Judgement)


@needs(Role.TECHNICIAN)
async def label(request: Request) -> Response:
    """Add a label to an event."""
    wanted = await _judgement(request, Judgement)
    event_id = request.path_params["event_id"]
    said = wanted.model_dump(exclude={"id"})
    return answer_with(request, await _about(request, event_id, {"action": "label", **said}, wanted.id))


@needs(Role.TECHNICIAN)
async def undo(request: Request) -> Response:
    """Withdraw what was said of an event."""
    wanted = await _wanted(request, Remark)
    event_id = request.path_params["event_id"]
    said = {"action": "label", "rating": "none", "note": wanted.note}
    return answer_with(request, await _about(request, event_id, said, wanted.id))


@needs(Role.TECHNICIAN)
async def lock(request: Request) -> Response:
    """Keep an event's sound and maps for good."""
    return await _locking(request, "lock")


@needs(Role.TECHNICIAN)
async def unlock(request: Request) -> Response:
    """Let an event's sound and maps go again when their time has come."""
    return await _locking(request, "unlock")


async def _locking(request: Request, action: str) -> Response:
    wanted = await _wanted(request, Remark)
    said = {"action": action, "note": wanted.note}
    return answer_with(request, await _about(request, request.path_params["event_id"], said, wanted.id))


@needs(Role.TECHNICIAN)
async def label_many(request: Request) -> Response:
    """Add the same label to several events, one after the other; each has its own result."""
    wanted = await _judgement(request, BulkJudgement)
    said = {"action": "label", **wanted.model_dump(exclude={"id", "event_ids"})}
    results: list[dict[str, object]] = []
    for event_id in dict.fromkeys(wanted.event_ids):
        own_id = None if wanted.id is None else f"{wanted.id} {event_id}"
        try:
            reply = await _about(request, event_id, said, own_id)
        except HTTPException as error:
            if error.status_code != 404:
                raise
            results.append({"event_id": event_id, **_refused(document_of(request, error.detail))})
            continue
        if reply["result"] == "done":
            results.append({"event_id": event_id, "result": "done", "reason": None})
        else:
            results.append({"event_id": event_id, **_refused(_why(request, reply))})
    return JSONResponse({"results": results})


def _refused(document: dict[str, object]) -> dict[str, object]:
    return {"result": "refused", "reason": document.pop("error"), **document}


@needs(Role.TECHNICIAN)
async def command(request: Request) -> Response:
    """Have something done about a source's alarm."""
    wanted = await _wanted(request, Order)
    visit = visit_of(request)
    if wanted.action in ADMIN_ACTIONS and not visit.may(Role.ADMIN):
        raise HTTPException(403, _needs_admin(wanted.action, visit))
    given = wanted.model_dump(exclude={"id"})
    return answer_with(request, await _sent(request, known_source(request), given, wanted.id))


@needs(Role.TECHNICIAN)
async def learn(request: Request) -> Response:
    """Have something done about learning from a source's normal sound."""
    wanted = await _wanted(request, LearnOrder)
    visit = visit_of(request)
    if wanted.learn in ADMIN_LEARNING and not visit.may(Role.ADMIN):
        raise HTTPException(403, _needs_admin(f"learn {wanted.learn}", visit))
    said = {"action": "learn", **wanted.model_dump(exclude={"id"})}
    return answer_with(request, await _sent(request, known_source(request), said, wanted.id))


def known_source(request: Request) -> str:
    """Return the source of a request's path; 404: this box has none of this name."""
    source_id: str = request.path_params["source_id"]
    settings: Config = request.app.state.settings
    if source_id not in {source.id for source in settings.sources}:
        raise HTTPException(404, no_source(source_id))
    return source_id


async def _wanted(request: Request, kind: type[Wanted]) -> Wanted:
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part)[:40] for part in problem['loc']) or 'the body'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)[:5]
        ]
        raise HTTPException(422, worded("body", DETAIL, detail="; ".join(problems))) from error


async def _judgement(request: Request, kind: type[Judged]) -> Judged:
    """Return what somebody says of events, with a fault code of the site's list; without a list, any."""
    wanted = await _wanted(request, kind)
    settings: Config = request.app.state.settings
    codes = settings.replay.fault_codes
    if codes and wanted.fault_code is not None and wanted.fault_code not in codes:
        raise HTTPException(
            422,
            worded(
                "fault-code-not-listed",
                "fault_code: {fault} is not on the site's list; take one of it, or add it to "
                "replay.fault_codes",
                fault=repr(wanted.fault_code),
            ),
        )
    return wanted


async def _about(
    request: Request, event_id: str, said: Mapping[str, object], attempt: str | None
) -> Mapping[str, Any]:
    """Send a command about an event: to its source."""
    source_id = await run_in_threadpool(_source_of, request.app.state.library, event_id)
    settings: Config = request.app.state.settings
    # an event of a source that was removed since can still be labelled: that goes to the whole box
    known = source_id in {source.id for source in settings.sources}
    return await _sent(request, source_id if known else None, {"event_id": event_id, **said}, attempt)


def _source_of(library: Library, event_id: str) -> str:
    try:
        return library.source_of(event_id)
    except UnknownIdError as error:
        raise HTTPException(404, wording_of(error)) from error
    except StoreError as error:
        raise HTTPException(503, wording_of(error)) from error


async def _sent(
    request: Request, source_id: str | None, command: Mapping[str, object], attempt: str | None
) -> Mapping[str, Any]:
    """Hand a command to the daemon; whoever is logged in is its actor, whatever the body said."""
    visit = visit_of(request)
    control: ControlClient = request.app.state.control
    given = {key: value for key, value in command.items() if value is not None and value is not False}
    try:
        return await control.command(
            source_id, {"id": command_id(visit, attempt), "actor": visit.user, **given}
        )
    except ControlError as error:
        raise unanswered(error) from error


def unanswered(error: ControlError) -> HTTPException:
    """Return what a request gets that the daemon does not answer, and when it may ask again, if it may."""
    again = {"Retry-After": AGAIN_S} if isinstance(error, StillWaitingError) else None
    return HTTPException(503, wording_of(error), again)


def command_id(visit: Visit, attempt: str | None) -> str:
    """Return the command's id: of a named attempt always the same, and nobody else's."""
    if attempt is None:
        return f"page:{secrets.token_hex(16)}"
    digest = hashlib.sha256(f"{visit.user}\n{attempt}".encode("utf-8", "replace"))
    return f"page:{digest.hexdigest()[:48]}"


def answer_with(request: Request, reply: Mapping[str, Any]) -> Response:
    """Return what the daemon replied, `told` in the reader's language; 409: it refused, and says why."""
    bare = {key: value for key, value in reply.items() if key != WORDED}
    if reply["result"] == "refused":
        return JSONResponse({**bare, **_why(request, reply)}, 409, BESIDE_LANGUAGE)
    done = worded_from(reply.get(WORDED))
    told = {} if done is None else {"told": said_in(tongue_for(request), done)}
    return JSONResponse({**bare, **told}, headers=BESIDE_LANGUAGE)


def _why(request: Request, reply: Mapping[str, Any]) -> dict[str, object]:
    """Return why the daemon refuses, in other languages where it came so; without them its code stays."""
    document = document_of(request, sentence_in(reply, "reason"))
    return {**document, "code": document["code"] or reply.get("code")}


def _needs_admin(what: str, visit: Visit) -> Worded:
    return worded(
        "needs-admin", "{what} needs the role admin; {who} has a lower one", what=what, who=visit.user
    )


ROUTES: Sequence[BaseRoute] = (
    Route("/events/{event_id}/labels", label, methods=["POST"]),
    Route("/events/{event_id}/labels/undo", undo, methods=["POST"]),
    Route("/events/{event_id}/lock", lock, methods=["POST"]),
    Route("/events/{event_id}/unlock", unlock, methods=["POST"]),
    Route("/labels", label_many, methods=["POST"]),
    Route("/sources/{source_id}/commands", command, methods=["POST"]),
    Route("/sources/{source_id}/learning/orders", learn, methods=["POST"]),
)
