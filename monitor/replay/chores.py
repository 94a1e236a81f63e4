"""What the page does besides answering."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from anyio import to_thread

CHORE_EVERY_S = 2.0


@contextlib.asynccontextmanager
async def doing(chore: Callable[[], object]) -> AsyncIterator[None]:
    """Call `chore`, which must not raise, every CHORE_EVERY_S in a thread while the body runs."""

    async def again_and_again() -> None:
        while True:
            await to_thread.run_sync(chore)
            await asyncio.sleep(CHORE_EVERY_S)

    task = asyncio.create_task(again_and_again(), name="chore")
    try:
        yield
    finally:
        task.cancel()
