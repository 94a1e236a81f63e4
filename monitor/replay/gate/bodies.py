"""Reads what a request brings along, whole and in time, before anything else looks at it.

Nothing that the page takes is large but a bundle (uploads.py), which is handed on as it comes.
"""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.replay.gate.refusals import refusal
from monitor.replay.gate.uploads import in_time, is_upload, refused_size
from monitor.worded import worded

MAX_BODY_BYTES = 65_536
BODY_S = 10.0
"""For all of it."""
CLOSE = {"connection": "close"}


class _TooLargeError(Exception):
    """The body is longer than MAX_BODY_BYTES."""


class _GoneError(Exception):
    """Whoever sent the request has gone."""


class BodyLimit:
    """Hands on requests with their whole body, in one message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if is_upload(scope):
            await self._hand_on(connection, receive, send)
            return
        try:
            body = await asyncio.wait_for(_whole(connection, receive), BODY_S)
        except (_TooLargeError, ValueError):
            why = worded("too-much", "more than {most} bytes are not taken", most=MAX_BODY_BYTES)
            answer = refusal(connection, 413, why, CLOSE)
        except asyncio.TimeoutError:
            why = worded("too-slow", "the request did not come within {seconds} s", seconds=BODY_S)
            answer = refusal(connection, 408, why, CLOSE)
        except _GoneError:
            return
        else:
            await self._app(scope, with_body(body, receive), send)
            return
        await answer(scope, receive, send)

    async def _hand_on(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        """Let a large body through in the pieces in which it comes, if it is not too large."""
        refused = refused_size(connection)
        if refused is None:
            await self._app(connection.scope, in_time(receive), send)
        else:
            await refusal(connection, *refused, CLOSE)(connection.scope, receive, send)


def with_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body` once, and then what comes after it."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


async def _whole(connection: HTTPConnection, receive: Receive) -> bytes:
    if int(connection.headers.get("content-length", "0")) > MAX_BODY_BYTES:
        raise _TooLargeError
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(body)
