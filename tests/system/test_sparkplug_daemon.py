"""The daemon as a Sparkplug edge node: a host sees its life, its death by kill -9, and the next one.

It also says that the machine is off, and reads that its alarm is suppressed and still waits for somebody.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually

pysparkplug = pytest.importorskip("pysparkplug", reason="pip install --no-deps pysparkplug, as `make` does")

pytestmark = pytest.mark.broker
NODE = "spBv1.0/hall 2/{}/press line"
PUMP = NODE + "/pump"


def bdseqs(host: Recorder, verb: str) -> list[int]:
    decoder = {"NBIRTH": pysparkplug.NBirth, "NDEATH": pysparkplug.NDeath}[verb]
    deaths = [decoder.decode(heard.payload) for heard in host.on(NODE.format(verb))]
    if verb == "NDEATH":
        return [int(death.bd_seq_metric.value) for death in deaths]
    return [int(metric.value) for birth in deaths for metric in birth.metrics if metric.name == "bdSeq"]


def test_a_host_sees_a_daemon_live_die_of_kill_9_and_live_again(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], make_daemon: Callable[..., DaemonProcess]
) -> None:
    host = make_recorder(mosquitto.port, "spBv1.0/#")
    sources: list[dict[str, Any]] = [
        {
            "id": "pump",
            "kind": "simulated",
            "machine": "pump",
            "faults": [{"kind": "bearing", "start_s": 3, "duration_s": 60, "severity": 1.0}],
            "off": {"signal": {"kind": "sparkplug"}},
        }
    ]
    daemon = make_daemon(
        mqtt={"enabled": False, "host": "127.0.0.1", "port": mosquitto.port, "version": "5"},
        sparkplug={"enabled": True, "group": "hall 2", "node": "press line"},
        sources=sources,
    )
    daemon.start()
    eventually(lambda: host.on(PUMP.format("DBIRTH")), 60.0, "birth of the pump")

    node = pysparkplug.NBirth.decode(host.on(NODE.format("NBIRTH"))[0].payload)
    values = {metric.name: metric.value for metric in node.metrics}
    assert metadata.version("wheeltapper") == values["Box/Version"]
    assert values["Box/OutboxRecords"] <= 5, "none, or the alarm that came before a slow birth"

    def told(name: str) -> list[Any]:
        birth = pysparkplug.DBirth.decode(host.on(PUMP.format("DBIRTH"))[-1].payload)
        data = [
            pysparkplug.DData.decode(heard.payload, birth=birth) for heard in host.on(PUMP.format("DDATA"))
        ]
        return [metric for message in data for metric in message.metrics if metric.name == name]

    eventually(lambda: any(metric.value for metric in told("Alarm/Active")), 60.0, "alarm")
    assert 1 in [metric.value for metric in told("Alarm/State")]

    def has_told() -> bool:  # a report of before the alarm has no records either
        box = (daemon.status() or {})["box"]
        told_all = (box["sparkplug"], box["outbox_records"]) == ("connected", 0)
        return told_all and daemon.source("pump")["alarm"] == "unacknowledged"

    eventually(has_told, what="records are read")

    stopped = pysparkplug.Metric(1, "Machine/Running", pysparkplug.DataType.BOOLEAN, value=False)
    host.send(PUMP.format("DCMD"), pysparkplug.DCmd(1, (stopped,)).encode())
    names = ("Alarm/StateText", "Alarm/Suppressed", "Alarm/Acked", "Machine/Off", "Machine/OffReason")
    eventually(lambda: all(told(name) for name in names), what="the PLC's word that the machine is off")
    off = ["suppressed", True, False, True, "the plant's signal"]
    eventually(lambda: off == [told(name)[-1].value for name in names], what="its alarm to wait")

    daemon.kill()
    eventually(lambda: host.on(NODE.format("NDEATH")), what="the will")
    assert [0] == bdseqs(host, "NBIRTH") == bdseqs(host, "NDEATH")
    before = len(host.heard)
    daemon.start()
    eventually(lambda: len(host.on(PUMP.format("DBIRTH"))) == 2, 60.0, "birth after the kill")
    verbs = [heard.topic.split("/")[2] for heard in host.heard[before:]]
    assert "NBIRTH" == verbs[0]
    assert "DDATA" not in verbs[: verbs.index("DBIRTH")]
    assert 0 == daemon.stop()
    eventually(lambda: len(host.on(NODE.format("NDEATH"))) == 3, what="death, and the will with it")
    assert [0, 1, 1] == bdseqs(host, "NDEATH")
    assert [0, 1] == bdseqs(host, "NBIRTH")
