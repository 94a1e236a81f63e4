from __future__ import annotations

import socket
import threading
import time

from fixtures_mosquitto import free_port

from monitor.config import MqttConfig
from monitor.publish.edge.line import EdgeLine
from monitor.publish.sparkplug.actions import Connect, Publish
from monitor.testing import CapturedLog

CONNECT = Connect(0, Publish(0, "spBv1.0/mill/NDEATH/box1", b"", 1))
REFUSAL = b"\x20\x02\x00\x05"
"""CONNACK of MQTT 3.1.1: not authorized."""


class Door:
    """Accepts connections, answers each with the same bytes, and closes it."""

    def __init__(self, port: int, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            with guest:
                guest.recv(1_000)
                guest.sendall(self._answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)


def test_each_failure_is_told_by_its_own_cause_and_not_by_that_of_the_last() -> None:
    port, log = free_port(), CapturedLog()
    line = EdgeLine(MqttConfig(host="127.0.0.1"), [("127.0.0.1", port)], client_id="box1", log=log)

    def try_once() -> str:
        if line.open(CONNECT):
            deadline_s = time.monotonic() + 60.0
            while line.is_open and time.monotonic() < deadline_s:
                line.work(0.01)
        return line.last_error

    causes = [try_once(), try_once()]
    for answer in (b"", REFUSAL, b""):
        door = Door(port, answer)
        causes += [try_once(), try_once()]
        door.close()
    assert causes[::2] == causes[1::2]
    absent, lost, refused, lost_again = causes[::2]
    assert "not reachable" in absent
    assert "ends it before it has accepted us" in lost
    assert "refuses" in refused
    assert lost == lost_again
    told = [facts["reason"] for level, _, facts in log.lines if level == "warning"]
    assert [absent, lost, refused, lost] == told, "each cause once, however often it is tried"
    assert (0, 8) == (line.connects, line.failed_connects)
