"""GET /metrics over HTTP/1.1: a guest server (monitor.guests) that speaks as much of it as Prometheus needs.

One answer a connection. prometheus-client's own server starts a thread for every guest and waits for slow
ones without end; here one supervised thread serves at most a few, each for a few seconds. However often it is
asked, making pages takes a twentieth of its time at most: the last one is good for that long.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from monitor.config import MetricsConfig
from monitor.guests import MAX_GUESTS, GuestServer, House
from monitor.logs import Log
from monitor.metrics.collector import registry_of
from monitor.metrics.scene import Painter

PATH = "/metrics"
MAX_QUESTION_BYTES = 16_384
TEXT = "text/plain; charset=utf-8"
OPENMETRICS = "application/openmetrics-text"
SHARE_MAKING = 0.05
"""Of the time, so that 300 sources and a guest who asks without end leave the path of the sound its CPU."""
GOOD_FOR_S = 0.25
"""At least: facts change once a second."""


class MetricsServer(GuestServer):
    """Serves a registry at the configured address."""

    def __init__(self, config: MetricsConfig, registry: CollectorRegistry, log: Log) -> None:
        house = House(
            where=f"{config.host}:{config.port}",
            without="metrics are not served",
            question_ends=b"\r\n\r\n",
            question_bytes=MAX_QUESTION_BYTES,
        )
        super().__init__(house, log)
        self._config = config
        self._registry = registry
        self._pages: dict[bool, tuple[bytes, float]] = {}
        """By whether it is OpenMetrics: an answer, and until when it is good."""

    async def _open(self) -> asyncio.Server:
        try:
            listening = _listening_at(self._config.host, self._config.port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            remedy = (
                "end what listens there, or give another port" if taken else "give an address of this box"
            )
            raise OSError(
                f"{error.strerror or error}: metrics.host {self._config.host}, metrics.port "
                f"{self._config.port}; {remedy}; it is tried again all the time"
            ) from error
        return await asyncio.start_server(self._meet, sock=listening, limit=MAX_QUESTION_BYTES)

    def _refusal(self, reason: str) -> bytes:
        return _response("503 Service Unavailable", TEXT, f"{reason}\n".encode())

    async def _answer(self, question: bytes) -> bytes:
        first, *lines = question.decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if path != PATH:
            return _response("404 Not Found", TEXT, f"ask for {PATH}\n".encode())
        if method not in {"GET", "HEAD"}:
            return _response("405 Method Not Allowed", TEXT, b"only GET\n", "Allow: GET, HEAD\r\n")
        fields = dict(line.lower().partition(":")[::2] for line in lines)
        page = self._page(openmetrics=OPENMETRICS in fields.get("accept", ""))
        return page if method == "GET" else page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    def _page(self, *, openmetrics: bool) -> bytes:
        page, good_until_s = self._pages.get(openmetrics, (b"", -1.0))
        started_s = time.monotonic()
        if started_s >= good_until_s:
            encode, kind = choose_encoder(f"{OPENMETRICS}; version=1.0.0" if openmetrics else "")
            page = _response("200 OK", kind, encode(self._registry))
            now_s = time.monotonic()
            good_for_s = max(GOOD_FOR_S, (now_s - started_s) / SHARE_MAKING)
            self._pages[openmetrics] = (page, now_s + good_for_s)
        return page


def open_metrics(config: MetricsConfig, painter: Painter, log: Log) -> MetricsServer:
    """Return the server of a daemon's metrics."""
    return MetricsServer(config, registry_of(painter.scene), log)


def _response(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _listening_at(host: str, port: int) -> socket.socket:
    """Return a socket that listens; a name means its first address.

    Raises:
        OSError: The name is not known, or the address is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.create_server(address[:2], family=family, backlog=MAX_GUESTS)
    listening.setblocking(False)
    return listening
