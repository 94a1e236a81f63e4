"""The one large thing that the page takes, a bundle as a tar: handed on as it comes, never held whole."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope

from monitor.bundles.parcel import MAX_PARCEL_BYTES
from monitor.worded import Worded, worded

TAR = "application/x-tar"
PATH = re.compile(r"/api/v1/sources/[^/]+/bundles")
PIECE_S = 10.0
"""Within this the next piece of a body must come."""


def is_upload(scope: Scope) -> bool:
    """Say whether a request brings a bundle, by its address: what else stands in it is checked later."""
    return scope["method"] == "POST" and PATH.fullmatch(scope["path"]) is not None


def refused_size(connection: HTTPConnection) -> tuple[int, Worded] | None:
    """Return status and sentence for a body that is not taken; None: by its stated length it is."""
    stated = connection.headers.get("content-length", "")
    if not (stated.isascii() and stated.isdigit()):
        return 411, worded("no-length", "a bundle is sent with its Content-Length")
    if int(stated[:20]) > MAX_PARCEL_BYTES:
        return 413, worded(
            "bundle-too-large", "a bundle of more than {most} bytes is not taken", most=MAX_PARCEL_BYTES
        )
    empty = worded("no-bundle-in-it", "there is no bundle in it: send a tar of its folder")
    return None if int(stated[:20]) else (422, empty)


def in_time(receive: Receive) -> Receive:
    """Return a `receive` that gives up on whoever is silent for too long, as if they had gone."""

    async def receive_in_time() -> Message:
        try:
            return await asyncio.wait_for(receive(), PIECE_S)
        except asyncio.TimeoutError:
            return {"type": "http.disconnect"}

    return receive_in_time
