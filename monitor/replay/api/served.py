"""Sends a file that is already open: whole, in part, or not at all when the reader has it.

RFC 9110: ETag and If-None-Match (13.1.2), one byte range (14.2), If-Range (13.1.5). Several ranges at once
are answered with the whole, as they may be.
"""

from __future__ import annotations

import re
from functools import partial
from typing import BinaryIO

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 64 * 1024
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
KEEP = "private, no-cache"
"""The reader may keep it, for nobody else, and asks before using it again: it may have logged out."""


def is_known(headers: Headers, etag: str) -> bool:
    """Say whether the reader already has what `etag` stands for."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}


class NotModified(Response):
    """Tells the reader to use what it has."""

    def __init__(self, etag: str) -> None:
        super().__init__(status_code=304, headers={"ETag": etag, "Cache-Control": KEEP})


class FileAnswer(Response):
    """An open file or a part of it; closes the file when it is sent, or when the reader goes."""

    def __init__(self, file: BinaryIO, media_type: str, etag: str, asked: Headers | None) -> None:
        """`asked`: headers that may ask for a part; None: it is only had as a whole."""
        self._file = file
        size = file.seek(0, 2)
        span = None if asked is None else _span(asked, etag, size)
        headers = {"ETag": etag, "Cache-Control": KEEP}
        headers["Accept-Ranges"] = "none" if asked is None else "bytes"
        if span is None:
            self._first, self._left, status = 0, size, 200
        elif span == (0, 0):
            self._first, self._left, status = 0, 0, 416
            headers["Content-Range"] = f"bytes */{size}"
        else:
            self._first, self._left, status = span[0], span[1] - span[0], 206
            headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{size}"
        headers["Content-Length"] = str(self._left)
        super().__init__(status_code=status, headers=headers, media_type=media_type)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it; a reader that has gone raises out of `send`."""
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            left = 0 if scope["method"] == "HEAD" else self._left
            self._file.seek(self._first)
            while left > 0:
                chunk = await anyio.to_thread.run_sync(partial(self._file.read, min(CHUNK_BYTES, left)))
                if not chunk:
                    raise OSError("a file became shorter while it was sent")
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
            if scope["method"] == "HEAD" or self._left == 0:
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._file.close()


def _span(asked: Headers, etag: str, size: int) -> tuple[int, int] | None:
    """Return which bytes are wanted, the end not included; None: all; (0, 0): such as are not there."""
    found = RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    if found is None or asked.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else (0, 0)
    if last and int(last) < int(first):
        return None  # makes no sense, and is then to be ignored
    if int(first) >= size:
        return 0, 0
    return int(first), min(int(last) + 1, size) if last else size
