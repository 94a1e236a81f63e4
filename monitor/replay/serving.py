"""Serves the page: one process, one event loop, few connections, patience with none of them for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from anyio import to_thread
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.config import ReplayConfig
from monitor.errors import ReplayError
from monitor.heap import share_heap
from monitor.logs import Log
from monitor.replay.chores import doing

NICE = 5
"""Below the daemon: its sound cannot wait, a picture can. Where nobody else has said how nice to be."""
MAX_CONNECTIONS = 160
MAX_OF_ONE_ADDRESS = 120
"""Of those, so that one address cannot lock the others out; not counted behind a trusted proxy."""
MAX_HEAD_BYTES = 16_384
KEEP_ALIVE_S = 15
QUIET_S = 20.0
"""A connection must have asked something whole within this, and have read the last of its answer."""
STALLED_S = 30.0
"""While an answer is sent its next 48 KiB must be read within this."""
LOOK_EVERY_S = 5.0
FAREWELL_S = 3
BACKLOG = 64
THREADS = 4
"""Requests that read the store at once. Each thread has memory of its own, that it keeps; more wait."""


class PatientProtocol(H11Protocol):
    """HTTP for clients that may be slow, but not for ever: uvicorn itself waits without end for both.

    A request's body has its own limit (bodies.py), so that no request in progress is without one.
    """

    max_of_one_address = MAX_OF_ONE_ADDRESS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to watch the connection, or end it at once if its address has too many."""
        super().connection_made(transport)
        self._seen: object = None
        self._quiet_since_s = self.loop.time()
        self._stalled_since_s: float | None = None
        self._watch = self.loop.call_later(LOOK_EVERY_S, self._look)
        others = [other for other in self.connections if isinstance(other, PatientProtocol)]
        if sum(other.address == self.address for other in others) > self.max_of_one_address:
            transport.abort()

    @property
    def address(self) -> str | None:
        """Where the connection comes from; None: not known."""
        return None if self.client is None else self.client[0]

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        self._watch.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        self._stalled_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it reads again."""
        self._stalled_since_s = None
        super().resume_writing()

    def _look(self) -> None:
        now_s = self.loop.time()
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.cycle is not self._seen:
            self._seen, self._quiet_since_s = self.cycle, now_s
        stalled = self._stalled_since_s is not None and now_s - self._stalled_since_s > STALLED_S
        if stalled or now_s - self._quiet_since_s > QUIET_S:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(LOOK_EVERY_S, self._look)


class _UncountedProtocol(PatientProtocol):
    """Behind a proxy all connections come from one address."""

    max_of_one_address = MAX_CONNECTIONS


def listening_socket(settings: ReplayConfig, *, or_any_port: bool = False) -> socket.socket:
    """Return a socket at the page's address; `or_any_port`: another port if that one is taken.

    Raises:
        ReplayError: The address is not this box's, the port is taken or may not be used.
    """
    ports = (settings.port, 0) if or_any_port else (settings.port,)
    for port in ports:
        try:
            return _bound(settings.host, port)
        except OSError as error:
            problem = error
    raise ReplayError(
        f"replay.host {settings.host}, replay.port {settings.port}: {problem.strerror or problem}; "
        "set another, or stop what has it"
    ) from problem


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def address_for_people(settings: ReplayConfig, listening: socket.socket) -> str:
    """Return what to type into a browser on this box; elsewhere, with this box's own name."""
    port = listening.getsockname()[1]
    host = settings.host
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = socket.gethostname()
    return f"http{'s' if settings.tls_cert_file else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def serve(
    app: ASGIApp,
    settings: ReplayConfig,
    listening: socket.socket,
    log: Log,
    *,
    chore: Callable[[], object],
    with_stdin: bool,
) -> None:
    """Serve until SIGTERM or SIGINT; `with_stdin`: also until standard input ends, as our starter does.

    `chore` is done again and again meanwhile (chores.py).

    Raises:
        ReplayError: The certificate or its key cannot be used.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) == 0:
        os.nice(NICE)
    share_heap()
    _tell_libraries_words_to(log)
    server = uvicorn.Server(server_config(app, settings))
    with contextlib.closing(listening):
        asyncio.run(_serve(server, listening, chore, with_stdin=with_stdin))


async def _serve(
    server: uvicorn.Server, listening: socket.socket, chore: Callable[[], object], *, with_stdin: bool
) -> None:
    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            server.should_exit = True

    to_thread.current_default_thread_limiter().total_tokens = THREADS
    if with_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), read)
    async with doing(chore):
        await server.serve(sockets=[listening])


def server_config(app: ASGIApp, settings: ReplayConfig) -> uvicorn.Config:
    """Return how uvicorn serves the page.

    Raises:
        ReplayError: The certificate or its key cannot be used.
    """
    proxied = bool(settings.trusted_proxies)
    tls: dict[str, Any] = {}
    if settings.tls_cert_file is not None and settings.tls_key_file is not None:
        _check_certificate(settings.tls_cert_file, settings.tls_key_file)
        tls = {"ssl_certfile": settings.tls_cert_file, "ssl_keyfile": settings.tls_key_file}
    return uvicorn.Config(
        app,
        http=_UncountedProtocol if proxied else PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxied,
        forwarded_allow_ips=list(settings.trusted_proxies) if proxied else None,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=FAREWELL_S,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        **tls,
    )


def _check_certificate(cert_file: Path, key_file: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert_file, key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ReplayError(
            f"replay.tls_cert_file {cert_file}, replay.tls_key_file {key_file}: cannot be used ({error}); "
            "give a certificate with its chain and its key without a password, both PEM"
        ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")


class _Bridge(logging.Handler):
    """Hands what libraries log to our own log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line; what clients do wrong is worth no more than debug."""
        if record.exc_info:
            self._log.error("page failed", reason=record.getMessage().strip(), exc_info=record.exc_info)
        elif record.levelno >= logging.ERROR:
            self._log.error("page", reason=record.getMessage())
        else:
            self._log.debug("page", reason=record.getMessage())


def _tell_libraries_words_to(log: Log) -> None:
    root = logging.getLogger()
    root.handlers = [_Bridge(log)]
