"""Asks the daemon through its control socket, for processes with an event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.control.protocol import MAX_ANSWER_BYTES
from monitor.errors import ControlError

TIMEOUT_S = 10.0


class ControlClient:
    """One question, one connection: a daemon that was started again is found again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def now(self) -> dict[str, Any]:
        """Return how the daemon and every source are, each with its `trend`.

        Raises:
            ControlError: The daemon is not there, or does not answer.
        """
        return await self._ask({"ask": "now"})

    async def command(self, source_id: str, command: Mapping[str, object]) -> dict[str, Any]:
        """Have a command carried out and return its reply document, a refusal too.

        Raises:
            ControlError: The daemon is not there or does not answer: it may have been carried out or not.
        """
        return await self._ask({"ask": "command", "source": source_id, "command": dict(command)})

    async def _ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        try:
            answer = await asyncio.wait_for(self._answer(json.dumps(question).encode() + b"\n"), TIMEOUT_S)
        except (OSError, asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
            raise ControlError(
                f"{self._path}: the daemon does not answer ({error}); is it running?"
            ) from error
        if "error" in answer:
            raise ControlError(str(answer["error"]))
        return answer

    async def _answer(self, line: bytes) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=MAX_ANSWER_BYTES)
        try:
            writer.write(line)
            await writer.drain()
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        return dict(answer)
