"""systemd hears READY, STATUS, WATCHDOG and STOPPING over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor.notify
from monitor.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        name = str(tmp_path / "notify") if request.param == "path" else f"@wheeltapper-{os.getpid()}"
        sock.bind("\0" + name[1:] if name.startswith("@") else name)
        sock.settimeout(30.0)
        yield name, sock


def test_every_state_arrives(listener: tuple[str, socket.socket]) -> None:
    name, sock = listener
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("listening")
    notifier.status("well")
    notifier.alive()
    notifier.stopping()
    heard = [sock.recv(200).decode() for _ in range(4)]
    assert ["READY=1\nSTATUS=listening", "STATUS=well", "WATCHDOG=1", "STOPPING=1"] == heard


def test_more_time_is_asked_for_in_microseconds(listener: tuple[str, socket.socket]) -> None:
    name, sock = listener
    Notifier({"NOTIFY_SOCKET": name}).extend_start(60.0, "building")
    assert "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=building" == sock.recv(200).decode()


def test_a_systemd_that_does_not_read_holds_nothing_up(
    listener: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor.notify, "SEND_LIMIT_S", 0.01)
    notifier = Notifier({"NOTIFY_SOCKET": listener[0]})
    for _ in range(300):  # the kernel keeps ten or some hundred datagrams for a reader
        notifier.alive()


def test_without_systemd_nothing_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_interval_is_systemds_if_it_is_meant_for_us(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert seconds == Notifier(environ).watchdog_s
