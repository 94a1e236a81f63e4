"""The daemon's end of the control socket: one thread of its own, which can cost the others nothing.

Guests are few, questions short, and everything has a time limit: a guest that is slow, silent or talks too
much is sent away, and one that comes when the room is full is told so. A socket that cannot be opened is
tried again every ten seconds: the daemon listens to its machines without a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from monitor.control.answers import Answers, payload_of
from monitor.control.protocol import COMMAND_S, MAX_QUESTION_BYTES, socket_address
from monitor.logs import Log

MAX_GUESTS = 16
QUESTION_S = 5.0
"""A guest must have asked within this."""
ANSWER_S = 5.0
"""A guest must have read the answer within this."""
AGAIN_S = 10.0
"""Between attempts to open the socket."""
MODE = 0o660
"""For the daemon's user and group; the state directory decides who gets that far."""


class ControlServer:
    """Answers at a socket for as long as `run_once` is called, by one thread."""

    def __init__(self, path: Path, answers: Answers, log: Log) -> None:
        """`path` belongs to this process alone: whatever lies there is left over from one that was killed."""
        self._path = path
        self._answers = answers
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._try_at_s = 0.0
        self._told = ""
        self._guests = 0
        self.sent_away = 0
        """Guests that found the room full, or were too slow."""

    def run_once(self, wait_s: float) -> None:
        """Answer for `wait_s`."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(self._tell_failure)
        self._loop.run_until_complete(self._serve(wait_s))

    def close(self) -> None:
        """Stop answering and remove the socket. Called by the thread that answered."""
        if self._loop is not None:
            self._loop.run_until_complete(self._leave())
            self._loop.close()

    async def _serve(self, wait_s: float) -> None:
        if self._server is None and time.monotonic() >= self._try_at_s:
            try:
                self._server = await asyncio.start_unix_server(
                    self._meet, sock=_listening_at(self._path), limit=MAX_QUESTION_BYTES
                )
                self._told = ""
            except OSError as error:
                self._try_at_s = time.monotonic() + AGAIN_S
                self._tell_once(str(error))
        await asyncio.sleep(wait_s)

    def _tell_once(self, reason: str) -> None:
        if reason != self._told:
            self._log.warning("no control socket; the page can not ask", path=str(self._path), reason=reason)
        self._told = reason

    def _tell_failure(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        """Log what went wrong with one guest; the others are served."""
        reason = context.get("exception") or context.get("message")
        self._log.error("control socket: a guest was not served", reason=repr(reason))

    async def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                self._path.unlink()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests += 1
        writer.transport.set_write_buffer_limits(high=0)  # then `drain` waits until all is read
        try:
            full = self._guests > MAX_GUESTS
            answer = _refusal("too many ask at once; ask again") if full else await self._heard(reader)
            self.sent_away += full
            writer.write(answer + b"\n")
            await asyncio.wait_for(writer.drain(), ANSWER_S)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
            self.sent_away += 1
            writer.transport.abort()
        finally:
            self._guests -= 1
            writer.close()

    async def _heard(self, reader: asyncio.StreamReader) -> bytes:
        try:
            line = await asyncio.wait_for(reader.readuntil(b"\n"), QUESTION_S)
        except asyncio.LimitOverrunError:
            return _refusal(f"the question is longer than {MAX_QUESTION_BYTES} bytes")
        try:
            question = json.loads(line)
        except (ValueError, RecursionError):
            return _refusal("the question is no JSON")
        return await self._answer(question) if isinstance(question, dict) else _refusal("ask an object")

    async def _answer(self, question: Mapping[str, object]) -> bytes:
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
            return await self._carry_out(source_id, payload_of(command))
        return _refusal("ask now, trends, or command with source and command")

    async def _carry_out(self, source_id: str | None, payload: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[bytes] = loop.create_future()

        def take(document: bytes) -> None:
            if not reply.done():
                reply.set_result(document)

        def told(document: Mapping[str, object]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(take, json.dumps(document).encode())

        if not self._answers.command(source_id, payload, told):
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
