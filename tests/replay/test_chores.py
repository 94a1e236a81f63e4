"""The page makes room for alarms and sound while it serves."""

from __future__ import annotations

import asyncio
import threading

import pytest

from monitor.replay import chores


def test_a_chore_is_done_again_and_again_and_never_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "CHORE_EVERY_S", 0.001)
    done = threading.Semaphore(0)

    async def serve() -> None:
        async with chores.doing(done.release):
            await asyncio.to_thread(lambda: [done.acquire(timeout=60) for _ in range(3)])

    asyncio.run(serve())
    while done.acquire(blocking=False):
        pass
    assert not done.acquire(timeout=0.05)
