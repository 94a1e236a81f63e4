"""A server for a few guests with short questions, which can cost the rest of the daemon nothing.

One thread works it, and everything has a limit: a guest that is slow, silent or talks too much is sent away,
and one that comes when the room is full is told so. An address that cannot be had is tried again every ten
seconds: the daemon listens to its machines without anybody who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.logs import Log
from monitor.worded import worded

MAX_GUESTS = 16
LINGER_S = 0.5
"""A guest that found the room full may finish its question within this, and is then told so ..."""
LINGER_MAX = 4 * MAX_GUESTS
"""... unless there are more than so many, who are told at once."""
QUESTION_S = 5.0
"""A guest must have asked within this."""
ANSWER_S = 5.0
"""A guest must have read the answer within this."""
AGAIN_S = 10.0
"""Between attempts to open the address."""


@dataclass(frozen=True, slots=True)
class House:
    """What is known of a server before it has guests."""

    where: str
    """Its address, for the log."""
    without: str
    """What is logged while the address cannot be had."""
    question_ends: bytes
    """What a question ends with."""
    question_bytes: int
    """A longer question is refused unread."""


class GuestServer(ABC):
    """Answers for as long as `run_once` is called, by one thread: one question a connection."""

    def __init__(self, house: House, log: Log) -> None:
        self._house = house
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._try_at_s = 0.0
        self._woken = asyncio.Event()
        self._told = ""
        self._guests = 0
        self.sent_away = 0
        """Guests that found the room full, or were too slow."""

    def run_once(self, wait_s: float) -> None:
        """Answer for `wait_s`, or until `wake`."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(self._tell_failure)
        self._loop.run_until_complete(self._serve(wait_s))

    def wake(self) -> None:
        """Have `run_once` return at once from now on. From any thread."""
        if self._loop is None:  # it has not begun, and nobody waits
            self._woken.set()
            return
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._woken.set)

    def close(self) -> None:
        """Stop answering. Called by the thread that answered."""
        if self._loop is not None:
            self._loop.run_until_complete(self._leave())
            self._loop.close()

    @abstractmethod
    async def _open(self) -> asyncio.Server:
        """Listen for guests, whom `_meet` meets; OSError: the address cannot be had now."""

    @abstractmethod
    async def _answer(self, question: bytes) -> bytes:
        """Return all that a guest is sent."""

    async def _answer_on(
        self, question: bytes, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> bytes:
        """Return all that a guest is sent at the end; one that has more to say is heard here."""
        return await self._answer(question)

    @abstractmethod
    def _refusal(self, reason: str) -> bytes:
        """Return what a guest is sent that cannot be answered."""

    def _clean_up(self) -> None:  # noqa: B027 - most leave nothing behind
        """Remove what listening has left behind."""

    async def _serve(self, wait_s: float) -> None:
        if self._server is None and time.monotonic() >= self._try_at_s:
            try:
                self._server = await self._open()
                self._told = ""
            except OSError as error:
                self._try_at_s = time.monotonic() + AGAIN_S
                self._tell_once(str(error))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._woken.wait(), wait_s)

    def _tell_once(self, reason: str) -> None:
        if reason != self._told:
            self._log.warning(self._house.without, where=self._house.where, reason=reason)
        self._told = reason

    def _tell_failure(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        """Log what went wrong with one guest; the others are served."""
        reason = context.get("exception") or context.get("message")
        self._log.error("a guest was not served", where=self._house.where, reason=repr(reason))

    async def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
            self._clean_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # one turn more, in which the loop closes their sockets

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests += 1
        writer.transport.set_write_buffer_limits(high=0)  # then `drain` waits until all is read
        try:
            full = self._guests > MAX_GUESTS
            self.sent_away += full
            writer.write(await (self._turned_away(reader) if full else self._heard(reader, writer)))
            await asyncio.wait_for(writer.drain(), ANSWER_S)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            # cancelled when the server leaves: asyncio would log that as a fault
            self.sent_away += 1
            writer.transport.abort()
        finally:
            self._guests -= 1
            writer.close()

    async def _turned_away(self, reader: asyncio.StreamReader) -> bytes:
        # a guest that is still asking when the line is closed would never read why
        if self._guests <= LINGER_MAX:
            with contextlib.suppress(asyncio.TimeoutError, asyncio.LimitOverrunError):
                await asyncio.wait_for(reader.readuntil(self._house.question_ends), LINGER_S)
        return self._refusal(worded("too-many-ask", "too many ask at once; ask again"))

    async def _heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        try:
            question = await asyncio.wait_for(reader.readuntil(self._house.question_ends), QUESTION_S)
        except asyncio.LimitOverrunError:
            return self._refusal(
                worded(
                    "question-too-long",
                    "the question is longer than {most} bytes",
                    most=self._house.question_bytes,
                )
            )
        return await self._answer_on(question, reader, writer)
