"""The daemon's end of the control socket: a guest server (monitor.guests) that speaks JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.bundles.roles import By
from monitor.control.answers import Answers, Told, payload_of
from monitor.control.protocol import (
    COMMAND_S,
    INSTALL_S,
    MAX_QUESTION_BYTES,
    PIECE_BYTES,
    PIECE_S,
    document_of,
    no_source,
    socket_address,
)
from monitor.errors import CommandError
from monitor.guests import MAX_GUESTS, GuestServer, House
from monitor.logs import Log
from monitor.operators import Origin
from monitor.worded import Worded, worded, wording_of

COMMAND_WAITS = worded("command-waits", "the command still waits; the same id asks again")
BUNDLE_WAITS = worded(
    "bundle-waits",
    "the bundle has come whole and waits behind a reload or a promotion; it will be the candidate when that "
    "is over: look at the versions before you send it again",
)
MODE = 0o660
"""For the daemon's user and group; the state directory decides who gets that far."""


class ControlServer(GuestServer):
    """Answers at a socket for as long as `run_once` is called, by one thread."""

    def __init__(self, path: Path, answers: Answers, log: Log) -> None:
        """`path` belongs to this process alone: whatever lies there is left over from one that was killed."""
        house = House(
            where=str(path),
            without="no control socket; the page can not ask",
            question_ends=b"\n",
            question_bytes=MAX_QUESTION_BYTES,
        )
        super().__init__(house, log)
        self._path = path
        self._answers = answers

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_unix_server(
            self._meet, sock=_listening_at(self._path), limit=MAX_QUESTION_BYTES
        )

    def _clean_up(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _refusal(self, reason: str) -> bytes:
        return _refusal(reason) + b"\n"

    async def _answer(self, question: bytes) -> bytes:
        try:
            asked = json.loads(question)
        except (ValueError, RecursionError):
            return self._refusal(worded("no-json", "the question is no JSON"))
        if not isinstance(asked, dict):
            return self._refusal(worded("no-object", "ask an object"))
        return await self._answer_to(asked) + b"\n"

    async def _answer_on(
        self, question: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Hear out who brings a bundle; answer all others."""
        asked: object = None
        with contextlib.suppress(ValueError, RecursionError):
            asked = json.loads(question)
        if isinstance(asked, dict) and asked.get("ask") == "install":
            return await self._take_in(asked, reader, writer)
        return await self._answer(question)

    async def _take_in(
        self, asked: Mapping[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        arrivals, source_id, size_bytes = self._answers.arrivals, asked.get("source"), asked.get("bytes")
        if arrivals is None or not isinstance(source_id, str) or not isinstance(size_bytes, int):
            return self._refusal(worded("bundle-needs-more", "a bundle is taken in with source and bytes"))
        if not self._answers.knows(source_id):
            return self._refusal(no_source(source_id))
        try:
            arrival = arrivals.begin(source_id, size_bytes, _by(asked))
        except CommandError as error:
            return self._refusal(wording_of(error))
        try:
            writer.write(b'{"go": true}\n')
            while arrival.left_bytes:
                arrival.write(await _piece(reader, arrival.left_bytes))
        except CommandError as error:
            arrivals.abandon(arrival)
            writer.write(self._refusal(wording_of(error)))
            await _hear_out(reader, arrival.left_bytes)
            return b""
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            arrivals.abandon(arrival)
            raise
        return await _told_by(lambda told: arrivals.finish(arrival, told), INSTALL_S, BUNDLE_WAITS) + b"\n"

    async def _answer_to(self, question: Mapping[str, object]) -> bytes:
        ask = question.get("ask")
        if ask == "now":
            return self._answers.now()
        if ask == "trends":
            return self._answers.trends()
        source_id, command = question.get("source"), question.get("command")
        if (
            ask == "command"
            and isinstance(command, dict)
            and (source_id is None or isinstance(source_id, str))
        ):
            origin = Origin.TERMINAL if question.get("from") == Origin.TERMINAL.value else Origin.PAGE
            return await self._carry_out(source_id, payload_of(command), origin)
        return _refusal(worded("no-question", "ask now, trends, or command with source and command"))

    async def _carry_out(self, source_id: str | None, payload: bytes, origin: Origin) -> bytes:
        turned_away = worded(
            "turned-away",
            "this box has no source {source}, or too many commands wait: see the log",
            source=repr(source_id),
        )

        def hand_in(told: Told) -> None:
            if not self._answers.command(source_id, payload, told, origin):
                told(document_of(turned_away))

        return await _told_by(hand_in, COMMAND_S, COMMAND_WAITS)


async def _told_by(ask: Callable[[Told], None], within_s: float, waits: Worded) -> bytes:
    """Return what `ask` has told, from whatever thread, as JSON; `waits` says that it takes too long."""
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[bytes] = loop.create_future()

    def take(document: bytes) -> None:
        if not reply.done():
            reply.set_result(document)

    def told(document: Mapping[str, object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(take, json.dumps(document).encode())

    ask(told)
    try:
        return await asyncio.wait_for(reply, within_s)
    except asyncio.TimeoutError:
        late = worded(
            "no-answer-yet", "no answer within {seconds} s, but {waits}", seconds=within_s, waits=waits
        )
        return json.dumps({**document_of(late), "waits": True}).encode()


async def _piece(reader: asyncio.StreamReader, left_bytes: int) -> bytes:
    """Return what comes next; asyncio.IncompleteReadError: nothing does any more."""
    piece = await asyncio.wait_for(reader.read(min(left_bytes, PIECE_BYTES)), PIECE_S)
    return piece or await reader.readexactly(1)


async def _hear_out(reader: asyncio.StreamReader, left_bytes: int) -> None:
    """Take what still comes: a guest whose line is closed while it sends would never read why."""
    with contextlib.suppress(asyncio.TimeoutError, asyncio.IncompleteReadError):
        while left_bytes:
            left_bytes -= len(await _piece(reader, left_bytes))


def _by(asked: Mapping[str, object]) -> By:
    """Return who brings a bundle, as the page says."""
    note = asked.get("note")
    return By(
        str(asked.get("actor"))[:100],
        Origin.PAGE.value,
        time.time(),
        str(asked.get("id"))[:100],
        None if note is None else str(note)[:1000],
    )


def _refusal(reason: str) -> bytes:
    return json.dumps(document_of(reason)).encode()


def _listening_at(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, in place of what lies there.

    It is made under another name and moved: nobody can reach it before its mode is set.

    Raises:
        OSError: The folder cannot be written, or the name is taken by a folder.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_address(part) as address:
            listening.bind(address)
        part.chmod(MODE)
        listening.listen(MAX_GUESTS)
        part.replace(path)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening
