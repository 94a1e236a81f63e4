"""Whoever waits for a daemon that went away is told so, once, and gets the answer when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.commands import asking
from monitor.commands.asking import ask_daemon
from monitor.config import Config, SimulatedSource
from monitor.control.protocol import socket_path
from monitor.errors import ControlError


class ComesBack:
    """In place of the client of a daemon that is killed while it carries a command out, and started again."""

    here: Iterator[bool]

    def __init__(self, path: Path) -> None:
        self._path = path

    async def now(self) -> None:
        if not next(self.here):
            raise ControlError("nobody is there")

    async def command(self, *_words: object) -> dict[str, Any]:
        if not next(self.here):
            raise ControlError("it ends in the middle")
        return {"result": "done"}


def test_a_daemon_that_went_away_is_told_of_once_and_asked_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "ControlClient", ComesBack)
    monkeypatch.setattr(asking, "WAIT_S", 0.01)
    monkeypatch.setattr(asking, "SAID_AFTER_S", 0.05)
    ComesBack.here = iter([True, False, *[False] * 30, True, True])
    config = Config(state_dir=tmp_path, sources=(SimulatedSource(id="pump", kind="simulated"),))
    socket_path(tmp_path).touch()
    assert {"result": "done"} == ask_daemon(config, "pump", {"id": "1", "action": "promote"})
    said = capsys.readouterr().err
    assert 1 == said.count("the daemon does not answer any more")
    assert "it is asked again for 30 min, and does this once" in said


def test_a_short_pause_is_not_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "ControlClient", ComesBack)
    monkeypatch.setattr(asking, "WAIT_S", 0.01)
    ComesBack.here = iter([True, False, False, True, True])
    config = Config(state_dir=tmp_path, sources=(SimulatedSource(id="pump", kind="simulated"),))
    socket_path(tmp_path).touch()
    assert {"result": "done"} == ask_daemon(config, "pump", {"id": "1", "action": "promote"})
    assert "" == capsys.readouterr().err
