"""Asks the daemon through its control socket, for processes with an event loop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from monitor.control.protocol import COMMAND_S, INSTALL_S, MAX_ANSWER_BYTES, PIECE_S, socket_address
from monitor.errors import ControlError, StillWaitingError
from monitor.operators import Origin
from monitor.worded import WORDED, sentence_in, worded, wording_of

PATIENCE_S = COMMAND_S + 2.0
NOW_FOR_S = 0.5
"""An answer, also that there is none, is good for this long: many pages ask the daemon as often as one."""
TRENDS_FOR_S = 5.0


class ControlClient:
    """One question, one connection: a daemon that was started again is found again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asking = asyncio.Lock()
        self._now: dict[str, Any] | ControlError | None = None
        self._now_at_s = 0.0
        self._trends: dict[str, Any] = {}
        self._trends_at_s = -TRENDS_FOR_S

    async def now(self) -> dict[str, Any]:
        """Return how everything is (documents.Now); shared between callers, who leave it as it is.

        Raises:
            ControlError: The daemon is not there, or does not answer.
        """
        async with self._asking:
            if self._now is None or time.monotonic() - self._now_at_s >= NOW_FOR_S:
                try:
                    self._now = await self._fresh_now()
                except ControlError as error:
                    self._now = error
                self._now_at_s = time.monotonic()
            if isinstance(self._now, ControlError):
                raise ControlError(wording_of(self._now))
            return self._now

    async def command(
        self, source_id: str | None, command: Mapping[str, object], origin: Origin = Origin.PAGE
    ) -> dict[str, Any]:
        """Have a command carried out and return its reply document, a refusal too.

        `source_id` None: a command to the whole box.

        Raises:
            ControlError: The daemon is not there or does not answer: it may have been carried out or not,
                and the same command id asks again. StillWaitingError: it will be.
        """
        asked = {"ask": "command", "source": source_id, "command": dict(command), "from": origin.value}
        return await self._ask(asked)

    async def install(
        self, source_id: str, asked: Mapping[str, object], pieces: AsyncIterator[bytes]
    ) -> dict[str, Any]:
        """Hand a bundle over piece by piece, and return what came of it, a refusal too.

        `asked` has bytes, actor, id and note.

        Raises:
            ControlError: The daemon is not there, does not take it, or does not answer in time: the text says
                whether it will be done all the same.
        """
        question = {"ask": "install", "source": source_id, **asked}
        try:
            return await self._handed_over(json.dumps(question).encode() + b"\n", pieces)
        except asyncio.TimeoutError as error:
            raise ControlError(
                worded(
                    "bundle-not-taken-in-time", "the daemon did not take the bundle in time; send it again"
                )
            ) from error
        except (OSError, ValueError) as error:
            raise ControlError(
                worded(
                    "bundle-not-taken",
                    "the daemon did not take the bundle ({detail}); send it again",
                    detail=str(error),
                )
            ) from error

    async def _handed_over(self, line: bytes, pieces: AsyncIterator[bytes]) -> dict[str, Any]:
        with socket_address(self._path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=MAX_ANSWER_BYTES)
        try:
            writer.write(line)
            go = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE_S))
            if "error" in go:
                return _refused(go)
            said = asyncio.ensure_future(reader.readline())
            try:
                async for piece in pieces:
                    if said.done():  # it takes no more, and says why
                        break
                    writer.write(piece)
                    await asyncio.wait_for(writer.drain(), PIECE_S)
                answer = json.loads(await asyncio.wait_for(said, INSTALL_S + PATIENCE_S))
            finally:
                said.cancel()
                await asyncio.gather(said, return_exceptions=True)
        finally:
            writer.close()
        if answer.get("waits"):
            raise ControlError(sentence_in(answer, "error"))
        if "error" in answer:
            return _refused(answer)
        return dict(answer)

    async def _fresh_now(self) -> dict[str, Any]:
        now = await self._ask({"ask": "now"})
        if time.monotonic() - self._trends_at_s >= TRENDS_FOR_S:
            self._trends = (await self._ask({"ask": "trends"}))["trends"]
            self._trends_at_s = time.monotonic()
        sources = [{**source, "trend": self._trends.get(source["source"])} for source in now["sources"]]
        return {**now, "sources": sources}

    async def _ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        try:
            answer = await asyncio.wait_for(self._answer(json.dumps(question).encode() + b"\n"), PATIENCE_S)
        except asyncio.TimeoutError as error:
            raise ControlError(
                worded(
                    "daemon-silent",
                    "the daemon did not answer within {seconds} s; is it stuck?",
                    seconds=PATIENCE_S,
                )
            ) from error
        except (OSError, ValueError) as error:
            raise ControlError(
                worded(
                    "daemon-not-there",
                    "the daemon is not there ({detail}); start it",
                    detail=f"{self._path}: {error}",
                )
            ) from error
        if "error" in answer:
            raise (StillWaitingError if answer.get("waits") else ControlError)(sentence_in(answer, "error"))
        return answer

    async def _answer(self, line: bytes) -> dict[str, Any]:
        with socket_address(self._path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=MAX_ANSWER_BYTES)
        try:
            writer.write(line)
            await writer.drain()
            return dict(json.loads(await reader.readline()))
        finally:
            writer.close()


def _refused(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same as a reply that refuses."""
    return {
        "result": "refused",
        "reason": answer["error"],
        "detail": None,
        WORDED: answer.get(WORDED),
    }
