from __future__ import annotations

import time
from collections.abc import Callable

from fixtures_mosquitto import free_port
from stand_in_service import Service

from monitor.config import MqttConfig
from monitor.publish.edge.line import EdgeLine
from monitor.publish.sparkplug.actions import Connect, Publish
from monitor.testing import CapturedLog

CONNECT = Connect(0, Publish(0, "spBv1.0/mill/NDEATH/box1", b"", 1))
REFUSAL = b"\x20\x02\x00\x05"
"""CONNACK of MQTT 3.1.1: not authorized."""


def test_each_failure_is_told_by_its_own_cause_and_not_by_that_of_the_last(
    make_service: Callable[..., Service],
) -> None:
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
        service = make_service(answer, port=port)
        causes += [try_once(), try_once()]
        service.close()
    assert causes[::2] == causes[1::2]
    absent, lost, refused, lost_again = causes[::2]
    assert "not reachable" in absent
    assert "ends it before it has accepted us" in lost
    assert "refuses" in refused
    assert lost == lost_again
    told = [facts["reason"] for level, _, facts in log.lines if level == "warning"]
    assert [absent, lost, refused, lost] == told, "each cause once, however often it is tried"
    assert (0, 8) == (line.connects, line.failed_connects)
