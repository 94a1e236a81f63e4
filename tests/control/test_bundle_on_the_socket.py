"""A bundle on its way over the control socket: who brings it learns why it is refused, or that it waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from fixtures_mosquitto import LEAST_S, eventually

from monitor.bundles.roles import By
from monitor.control import server
from monitor.control.answers import Answers
from monitor.control.client import ControlClient
from monitor.control.server import ControlServer
from monitor.errors import CommandError, ControlError
from monitor.testing import CapturedLog

PIECE = b"x" * 65_536
PIECES = 300
FULL = "the bundle cannot be written: No space left on device"


class Desk:
    """Takes so many bytes and then has no room; what has come whole is never installed."""

    def __init__(self) -> None:
        self.room_bytes = 10**9
        self.left_bytes = 0
        self.abandoned = 0
        self.arrivals = self

    def knows(self, _source_id: str) -> bool:
        return True

    def begin(self, _source_id: str, size_bytes: int, _by: By) -> Desk:
        self.left_bytes = size_bytes
        return self

    def write(self, piece: bytes) -> None:
        self.left_bytes -= len(piece)
        self.room_bytes -= len(piece)
        if self.room_bytes < 0:
            raise CommandError(FULL)

    def finish(self, _arrival: object, _told: Callable[[Mapping[str, object]], None]) -> None:
        """Leave it waiting."""

    def abandon(self, _arrival: object) -> None:
        self.abandoned += 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk, ends = Desk(), threading.Event()
    control = ControlServer(tmp_path / "control.sock", cast("Answers", desk), CapturedLog())

    def run() -> None:
        while not ends.is_set():
            control.run_once(0.02)
        control.close()

    thread = threading.Thread(target=run)
    thread.start()
    eventually((tmp_path / "control.sock").exists, LEAST_S, "the socket")
    yield desk
    ends.set()
    thread.join(LEAST_S)


def brought(state_dir: Path) -> dict[str, Any]:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield PIECE

    asked = {"bytes": PIECES * len(PIECE), "actor": "ada", "id": "1", "note": None}
    return asyncio.run(ControlClient(state_dir / "control.sock").install("pump", asked, pieces()))


def test_why_it_is_refused_is_read_though_not_all_of_it_has_come(desk: Desk, tmp_path: Path) -> None:
    desk.room_bytes = 5 * len(PIECE)
    told = brought(tmp_path)
    assert ("refused", FULL, None) == (told["result"], told["reason"], told["detail"])
    assert 1 == desk.abandoned


def test_what_has_come_and_waits_is_not_called_refused(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "INSTALL_S", 0.05)
    with pytest.raises(ControlError, match="has come whole and waits behind a reload or a promotion"):
        brought(tmp_path)
    assert (0, 0) == (desk.left_bytes, desk.abandoned)
