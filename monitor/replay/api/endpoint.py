"""One address of the API: what it takes, what it answers, and how failures are told.

The routes and the OpenAPI document are both made from these, so that neither can say what the other does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import anyio.to_thread
from anyio import CapacityLimiter
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engines.errors import CodedError
from monitor.errors import ControlError, FileGoneError, QueryError, StoreError, UnknownIdError
from monitor.replay.api.queries import Query, query_from_parameters
from monitor.replay.gate.access import Role, needs, visit_of
from monitor.replay.gate.reception import address_of
from monitor.worded import worded, wording_of

STATUSES: Mapping[type[CodedError], int] = {
    QueryError: 400,
    UnknownIdError: 404,
    FileGoneError: 410,
    ControlError: 503,
    StoreError: 503,
}
"""What a request gets for an error; its text is for whoever asked."""
SLOW_AT_ONCE = 2
"""Requests that decode, draw or pack at the same time; more wait without a thread of their own."""

Answer = Callable[[Request, Any], Response] | Callable[[Request, Any], Awaitable[Response]]
"""Answers a request, given its checked query. A plain function runs in a thread."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address below /api/v1 that can be read."""

    path: str
    """With names of its parts in braces, such as `/clips/{clip_id}/axes`."""
    name: str
    """In the OpenAPI document: what it does, as one word."""
    summary: str
    """A sentence for whoever writes a program against it."""
    answer: Answer
    """What answers."""
    query: type[Query] = Query
    """What may stand behind the question mark."""
    document: type[BaseModel] | None = None
    """What comes back as JSON; None: something else."""
    media_types: tuple[str, ...] = ()
    """What comes back where it is not a document of ours."""
    statuses: tuple[int, ...] = ()
    """Others than 200, 304 and 206 that it can answer with, besides 400, 401 and 503."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Parts of the path that have only certain values."""
    is_slow: bool = False
    """It may decode or draw."""
    has_etag: bool = False
    """Whoever has it already is told so."""
    has_parts: bool = False
    """A part of it can be had."""
    role: Role = Role.VIEWER
    """Who may ask, and whoever may do more."""
    audited: str = ""
    """What stands in the page's audit beside whoever asks for it: it holds sound. Empty: nothing does."""

    @property
    def route(self) -> Route:
        """The route that answers; a visitor must be known."""
        return Route(self.path, needs(self.role)(self._respond), methods=["GET"], name=self.name)

    async def _respond(self, request: Request) -> Response:
        try:
            query = query_from_parameters(self.query, request.query_params)
            for part, known in self.choices.items():
                if request.path_params[part] not in known:
                    raise UnknownIdError(
                        worded(
                            "no-such-part",
                            "there is no {part} of this name; there are {known}",
                            part=part,
                            known=", ".join(known),
                        )
                    )
            if inspect.iscoroutinefunction(self.answer):
                answer: Response = await self.answer(request, query)
            else:
                limiter = limiter_of(request, "slow_requests", SLOW_AT_ONCE) if self.is_slow else None
                in_thread = cast("Callable[[Request, Any], Response]", self.answer)
                answer = await anyio.to_thread.run_sync(partial(in_thread, request, query), limiter=limiter)
        except CodedError as error:
            raise http_error(error) from error
        if self.audited:
            self._note_hearing(request)
        return answer

    def _note_hearing(self, request: Request) -> None:
        facts = {**request.path_params, "query": request.url.query}
        request.app.state.reception.heard.note(
            self.audited, user=visit_of(request).user, address=address_of(request), **facts
        )


def http_error(error: CodedError) -> HTTPException:
    """Return what a request gets for an error of the library or the daemon; others are raised as they are."""
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return HTTPException(status, wording_of(error))
    raise error


def limiter_of(request: Request, name: str, at_once: int) -> CapacityLimiter:
    """Return the application's limiter of that name, made in its event loop when it is first asked for."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, CapacityLimiter(at_once))
    limiter: CapacityLimiter = getattr(state, name)
    return limiter
