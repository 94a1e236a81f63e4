"""The daemon's end of the control socket: a guest server (monitor.guests) that speaks JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from monitor.control.answers import Answers, payload_of
from monitor.control.protocol import COMMAND_S, MAX_QUESTION_BYTES, socket_address
from monitor.guests import MAX_GUESTS, GuestServer, House
from monitor.logs import Log
from monitor.operators import Origin

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
            return self._refusal("the question is no JSON")
        if not isinstance(asked, dict):
            return self._refusal("ask an object")
        return await self._answer_to(asked) + b"\n"

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
        return _refusal("ask now, trends, or command with source and command")

    async def _carry_out(self, source_id: str | None, payload: bytes, origin: Origin) -> bytes:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[bytes] = loop.create_future()

        def take(document: bytes) -> None:
            if not reply.done():
                reply.set_result(document)

        def told(document: Mapping[str, object]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(take, json.dumps(document).encode())

        if not self._answers.command(source_id, payload, told, origin):
            return _refusal(f"this box has no source {source_id!r}, or too many commands wait: see the log")
        try:
            return await asyncio.wait_for(reply, COMMAND_S)
        except asyncio.TimeoutError:
            return _refusal(
                f"no answer within {COMMAND_S:g} s, but the command still waits; the same id asks again"
            )


def _refusal(reason: str) -> bytes:
    return json.dumps({"error": reason}).encode()


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
