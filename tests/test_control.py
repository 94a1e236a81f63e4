"""The control socket answers few, and quickly; what is slow or wrong is sent away, and costs nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import LEAST_S, eventually

from monitor import guests
from monitor.control import protocol, server
from monitor.control.answers import Told
from monitor.control.client import ControlClient
from monitor.control.documents import Now
from monitor.control.server import ControlServer
from monitor.errors import ControlError
from monitor.operators import Origin
from monitor.testing import CapturedLog
from monitor.worded import worded_from

NOW = {"time": "2026-01-01T00:00:00.000Z", "sources": [{"source": "pump"}, {"source": "fan"}]}


class Scripted:
    """Answers what the test wrote down; commands are answered when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.commands: list[tuple[str | None, Mapping[str, Any], Told]] = []
        self.origins: list[Origin] = []
        self.takes = True

    arrivals = None

    def knows(self, source_id: str) -> bool:
        return source_id == "pump"

    def now(self) -> bytes:
        self.asked.append("now")
        return json.dumps(NOW).encode()

    def trends(self) -> bytes:
        self.asked.append("trends")
        return json.dumps({"trends": {"pump": {"step_s": 10.0}, "fan": None}}).encode()

    def command(self, source_id: str | None, payload: bytes, told: Told, origin: Origin) -> bool:
        self.commands.append((source_id, json.loads(payload), told))
        self.origins.append(origin)
        return self.takes


class Room:
    """A control server in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers = Scripted()
        self.log = CapturedLog()
        self.server = ControlServer(path, self.answers, self.log)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            self.server.run_once(0.02)
        self.server.close()

    def close(self) -> None:
        self._ends.set()
        self._thread.join(LEAST_S)
        assert not self._thread.is_alive()

    def connect(self, timeout_s: float = LEAST_S) -> socket.socket:
        eventually(self.path.exists, 5.0, "the socket")
        guest = socket.socket(socket.AF_UNIX)
        guest.settimeout(timeout_s)
        try:
            with protocol.socket_address(self.path) as address:
                guest.connect(address)
        except OSError:
            guest.close()
            raise
        return guest

    def ask(self, line: bytes) -> dict[str, Any]:
        with self.connect() as guest:
            guest.sendall(line)
            return dict(json.loads(_line_of(guest)))


def _line_of(guest: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\n"):
        part = guest.recv(65_536)
        assert part, answer
        answer += part
    return answer


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with contextlib.closing(Room(tmp_path / "control.sock")) as room:
        yield room


async def client_asks(path: Path, times: int = 1) -> list[dict[str, Any]]:
    client = ControlClient(path)
    return list(await asyncio.gather(*(client.now() for _ in range(times))))


def test_now_comes_with_each_sources_trend(room: Room) -> None:
    eventually(room.path.exists, 5.0, "the socket")
    (now,) = asyncio.run(client_asks(room.path))
    assert [{"step_s": 10.0}, None] == [source["trend"] for source in now["sources"]]


def test_many_who_ask_the_page_at_once_are_one_who_asks_the_daemon(room: Room) -> None:
    eventually(room.path.exists, 5.0, "the socket")
    asyncio.run(client_asks(room.path, 50))
    assert ["now", "trends"] == room.answers.asked


def test_a_command_is_answered_when_it_was_carried_out_from_whichever_thread(room: Room) -> None:
    eventually(room.path.exists, 5.0, "the socket")

    def carry_out() -> None:
        eventually(lambda: room.answers.commands, 5.0, "the command")
        source_id, command, told = room.answers.commands[0]
        assert ("pump", {"id": "1", "action": "ack"}) == (source_id, command)
        told({"result": "done"})
        told({"result": "told twice"})

    thread = threading.Thread(target=carry_out)
    thread.start()
    reply = asyncio.run(ControlClient(room.path).command("pump", {"id": "1", "action": "ack"}))
    thread.join()
    assert {"result": "done"} == reply
    assert [Origin.PAGE] == room.answers.origins


def test_a_command_that_the_desk_turns_away_is_refused_at_once(room: Room) -> None:
    eventually(room.path.exists, 5.0, "the socket")
    room.answers.takes = False
    with pytest.raises(ControlError, match="has no source 'fan'"):
        asyncio.run(ControlClient(room.path).command("fan", {"id": "1"}))


def test_a_command_that_nobody_answers_is_given_up_in_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "COMMAND_S", 0.2)
    eventually(room.path.exists, 5.0, "the socket")
    with pytest.raises(ControlError, match=r"no answer within 0.2 s, but the command still waits"):
        asyncio.run(ControlClient(room.path).command("pump", {"id": "1"}))
    room.answers.commands[0][2]({"result": "done"})
    assert NOW == room.ask(b'{"ask": "now"}\n'), "an answer that comes too late harms nobody"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"{\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b'{"ask": "all"}\n',
        b'{"ask": ["now"]}\n',
        b'{"ask": "command"}\n',
        b'{"ask": "command", "source": 1, "command": {}}\n',
        b'{"ask": "command", "source": "pump", "command": []}\n',
    ],
)
def test_what_is_no_question_is_answered_why(room: Room, line: bytes) -> None:
    answer = room.ask(line)
    assert ["error", "worded"] == list(answer)
    assert answer["error"] == worded_from(answer["worded"]), "for a person, and for the page to translate"
    assert [] == room.answers.commands


def test_a_question_without_end_is_refused_unread(room: Room) -> None:
    with room.connect() as guest:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            guest.sendall(b"x" * 10 * protocol.MAX_QUESTION_BYTES)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = guest.recv(1000)
        assert answer == b"" or b"longer than 65536 bytes" in answer
    assert NOW == room.ask(b'{"ask": "now"}\n')


def test_guests_that_say_nothing_are_sent_away_and_others_served_meanwhile(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "QUESTION_S", 1.0)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(room.connect()) for _ in range(guests.MAX_GUESTS - 1)]
        assert NOW == room.ask(b'{"ask": "now"}\n')
        assert b"" == silent[0].recv(1), "closed without an answer"
    assert NOW == room.ask(b'{"ask": "now"}\n')


def test_when_the_room_is_full_the_next_is_told_so_at_once(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "QUESTION_S", 60.0)
    with contextlib.ExitStack() as stack:
        for _ in range(guests.MAX_GUESTS):
            stack.enter_context(room.connect())
        eventually(lambda: room.server._guests == guests.MAX_GUESTS, 5.0, "a full room")
        turned_away = room.ask(b'{"ask": "now"}\n')
        assert ("too many ask at once; ask again", "too-many-ask") == (
            turned_away["error"],
            turned_away["worded"]["code"],
        )
        eventually(lambda: room.server._guests == guests.MAX_GUESTS, 5.0, "that it left, and nobody else")
    eventually(lambda: room.server._guests == 0, 5.0, "an empty room")
    assert NOW == room.ask(b'{"ask": "now"}\n')


def test_a_guest_that_does_not_read_is_sent_away(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "ANSWER_S", 0.3)
    monkeypatch.setattr(room.answers, "now", lambda: b'"' + b"x" * 5_000_000 + b'"')
    with room.connect() as guest:
        guest.sendall(b'{"ask": "now"}\n')
        eventually(lambda: room.server.sent_away == 1, 5.0, "the end of the guest")
        eventually(lambda: 0 == room.server._guests)


def test_the_socket_is_for_the_daemons_user_and_group_alone(room: Room) -> None:
    room.connect().close()
    mode = room.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert 0o660 == stat.S_IMODE(mode)


def test_a_socket_that_a_killed_daemon_left_is_replaced_and_ones_own_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    with contextlib.closing(Room(path)) as room:
        eventually(lambda: path.exists() and _answers(room), 5.0, "an answer")
    assert [] == list(tmp_path.iterdir())


def _answers(room: Room) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        return room.ask(b'{"ask": "now"}\n') == NOW
    return False


def test_a_path_that_is_too_long_for_the_kernel_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with contextlib.closing(Room(folder / "control.sock")) as room:
        assert NOW == room.ask(b'{"ask": "now"}\n')
        (now,) = asyncio.run(client_asks(room.path))
    assert "pump" == now["sources"][0]["source"]


def test_a_place_that_cannot_be_had_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "AGAIN_S", 0.05)
    path = tmp_path / "missing" / "control.sock"
    with contextlib.closing(Room(path)) as room:
        eventually(lambda: room.log.lines, what="a word in the log")
        time.sleep(0.3)  # six times more it is tried
        assert 1 == len([line for line in room.log.lines if line[0] == "warning"])
        path.parent.mkdir()
        assert NOW == room.ask(b'{"ask": "now"}\n')


def test_without_a_daemon_everybody_is_told_at_once_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"the daemon is not there .*control.sock.*start it"):
        asyncio.run(client_asks(tmp_path / "control.sock"))


def test_a_daemon_that_hangs_costs_those_who_ask_one_wait_and_not_one_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.control.client.PATIENCE_S", 0.3)
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen(100)

        async def ask_often() -> list[object]:
            client = ControlClient(path)
            return list(await asyncio.gather(*(client.now() for _ in range(50)), return_exceptions=True))

        began_s = time.monotonic()
        answers = asyncio.run(ask_often())
    assert time.monotonic() - began_s < 50 * 0.3 / 2
    assert 50 == sum(isinstance(answer, ControlError) for answer in answers)


@pytest.mark.slow
def test_a_killed_daemon_is_found_again_and_its_answers_fit_their_documents(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    daemon = make_daemon(mqtt={"enabled": False}, sources=[{"id": "pump-1", "kind": "simulated"}])
    path = protocol.socket_path(daemon.state_dir)
    daemon.start()
    daemon.wait_listening()
    daemon.kill()
    assert path.exists(), "left behind"
    daemon.start()
    daemon.wait_listening()
    eventually(lambda: daemon.source("pump-1")["windows"] > 2, 20.0, "judged windows")

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        client = ControlClient(path)
        shelve = {"id": "1", "action": "shelve", "actor": "anna", "duration_s": 60.0}
        reply = await client.command("pump-1", shelve)
        return reply, await client.now()

    reply, now = asyncio.run(ask())
    assert "done" == reply["result"]
    told = Now.model_validate(now)
    (pump,) = told.sources
    assert "shelved" == pump.alarm.state.value
    assert pump.trend is not None
    assert pump.trend.value[-1] is not None or pump.trend.value[-2] is not None
    assert 0 == daemon.stop()
    assert not path.exists(), "removed at a clean end"
