"""Whether a request was meant for us: the Host that it names, and the Origin that it comes from.

A foreign site can let its own name point to this box (DNS rebinding); then the browser lets it read our
answers, but the Host header still says its name. A foreign site can also make the browser send us a form;
then the Origin header says whose it was. Nothing here or before the routes asks `request.url`, which is put
together from the Host header.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.replay.gate.refusals import refusal
from monitor.worded import worded

UNFIT = re.compile(r"[/?#\\\s]")
"""What would end the name in an address, so that more than a name stands there."""
DEFAULT_PORTS = {"http": 80, "https": 443}
FORWARDED = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
)
"""Headers by which a reverse proxy shows itself."""
OLD_HTTP = "1.0"
"""No browser speaks it any more; nginx does to what it stands before, unless it is told otherwise."""


def is_loopback(host: str) -> bool:
    """Say whether an address or a name means this very box, without asking anybody."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_ours(host: str, allowed: Collection[str]) -> bool:
    """Say whether a name in a Host header may be ours: a number, localhost, or one that was configured."""
    if host == "localhost" or host in allowed:
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def place_of(scheme: str, netloc: str) -> tuple[str, int | None] | None:
    """Return host and port of `netloc`, as they compare; None: there are none to be read."""
    try:
        parts = urlsplit(f"//{netloc}")
        if parts.hostname is None or parts.username is not None or UNFIT.search(netloc):
            return None
        return parts.hostname, parts.port or DEFAULT_PORTS.get(scheme)
    except ValueError:
        return None


def comes_from_us(connection: HTTPConnection) -> bool:
    """Say whether a change comes from a page of ours: its Origin is the place that it was sent to."""
    origin = connection.headers.getlist("origin")
    hosts = connection.headers.getlist("host")
    if len(origin) != 1 or len(hosts) != 1:
        return False
    scheme, mark, netloc = origin[0].partition("://")
    if not mark or scheme not in DEFAULT_PORTS:
        return False
    if connection.scope["scheme"] == "https" and scheme != "https":
        return False
    # a proxy may speak HTTPS for us, so that the default port is that of the Origin's own scheme
    place = place_of(scheme, netloc)
    return place is not None and place == place_of(scheme, hosts[0])


def is_from_elsewhere(connection: HTTPConnection) -> bool:
    """Say whether a browser follows another site's link: it says so itself (Fetch Metadata).

    Over plain HTTP, but for localhost, browsers say nothing: there another site's link looks like our own.
    """
    return connection.headers.get("sec-fetch-site") == "cross-site"


class HostCheck:
    """Refuses requests that name another host, with 421."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the start and end of the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        hosts = connection.headers.getlist("host")
        place = place_of(connection.scope["scheme"], hosts[0]) if len(hosts) == 1 else None
        if place is not None and is_ours(place[0], self._allowed):
            await self._app(scope, receive, send)
            return
        why = worded(
            "not-our-name",
            "{name} is not a name of this page; replay.allowed_hosts lists those that are",
            name="no host" if place is None else place[0][:100],
        )
        answer = refusal(connection, 421, why)
        await answer(scope, receive, send)
