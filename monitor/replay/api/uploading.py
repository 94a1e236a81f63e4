"""Hands a bundle that an admin sends on to the daemon, as it comes: the page keeps nothing of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from monitor.control.client import ControlClient
from monitor.errors import ControlError
from monitor.replay.api.actions import answer_with, command_id, known_source, unanswered
from monitor.replay.gate.access import Role, needs, visit_of

NOTE_LETTERS = 1000


class _GoneError(OSError):
    """Whoever sent it has gone before it was whole."""


@needs(Role.ADMIN)
async def install(request: Request) -> Response:
    """Have a bundle put in as a source's candidate."""
    source_id, visit = known_source(request), visit_of(request)
    control: ControlClient = request.app.state.control
    asked = {
        "bytes": int(request.headers["content-length"]),
        "actor": visit.user,
        "id": command_id(visit, None),
        "note": request.query_params.get("note", "")[:NOTE_LETTERS] or None,
    }
    pieces = _pieces(request)
    try:
        told = await control.install(source_id, asked, pieces)
    except ControlError as error:
        raise unanswered(error) from error
    with contextlib.suppress(_GoneError):  # then nobody is there to be answered
        async for _ in pieces:  # a browser that is still sending would never read why
            pass
    return answer_with(request, told)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise _GoneError("the sender has gone, or was silent for too long") from error


ROUTES: Sequence[BaseRoute] = (Route("/sources/{source_id}/bundles", install, methods=["POST"]),)
