"""Sends an export while it is made; so many at once: each holds memory and a file while it is read."""

from __future__ import annotations

from collections.abc import Generator

import anyio
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from monitor.replay.api.endpoint import limiter_of
from monitor.replay.gate.refusals import refusal
from monitor.worded import worded

EXPORTS_AT_ONCE = 2
RETRY_S = 30
"""As long as a reader who does not read is waited for (monitor.replay.serving)."""
ZIP = "application/zip"


class ExportAnswer(StreamingResponse):
    """A zip, or 503 while as many as may be are on their way; ends the making when its reader goes."""

    def __init__(self, content: Generator[bytes, None, None], file_name: str) -> None:
        self._content = content
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
        super().__init__(iterate_in_threadpool(content), media_type=ZIP, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a reader that has gone raises out of `send`."""
        request = Request(scope)
        places = limiter_of(request, "exports", EXPORTS_AT_ONCE)
        try:
            places.acquire_on_behalf_of_nowait(self)
        except anyio.WouldBlock:
            sentence = worded(
                "too-many-exports",
                "{count} exports are on their way already; try again in {seconds} s",
                count=EXPORTS_AT_ONCE,
                seconds=RETRY_S,
            )
            answer = refusal(request, 503, sentence, {"Retry-After": str(RETRY_S)})
            await answer(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._content.close()  # its thread has ended: anyio does not leave one behind
            places.release_on_behalf_of(self)
