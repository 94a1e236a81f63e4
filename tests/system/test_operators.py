"""What operators ask of the real daemon: limits that outlive it, a configuration read again."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained
from fixtures_verbs import ran

from monitor.publish.sparkplug.datatypes import DataType, Value
from monitor.publish.sparkplug.decode import decode_payload
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def commands_of(record: str) -> list[dict[str, Any]]:
    """Return the entries of commands: the daemon notes which bundle judges, too."""
    entries = [json.loads(line) for line in record.splitlines()]
    return [entry for entry in entries if entry["origin"] != "daemon"]


class Box:
    """A daemon with one source, and an operator beside it."""

    def __init__(self, daemon: DaemonProcess, recorder: Recorder, prefix: str, port: int) -> None:
        self.daemon = daemon
        self.recorder = recorder
        self.prefix = prefix
        self.port = port

    def ask(self, address: str, **command: object) -> dict[str, Any]:
        """Send a command below the prefix, and return the reply."""
        document = json.dumps({"actor": "anna", **command}).encode()
        self.recorder.send(f"{self.prefix}/{address}command", document)
        return self.recorder.wait_for(f"{self.prefix}/{address}reply", id=command["id"]).document

    def limited(self, **keys: object) -> dict[str, Any]:
        """Wait until a newcomer is told of these limits, which is not before the reply; return them all."""
        eventually(lambda: keys.items() <= self.limits().items(), what=f"limits {keys}")
        return self.limits()

    def limits(self) -> dict[str, Any]:
        """Return what a newcomer is told of the limits in force."""
        topic = f"{self.prefix}/pump-1/alarm"
        told = retained(self.port, topic)[topic].document["limits"]
        assert isinstance(told, dict)
        return told

    def rewrite(self, **sections: dict[str, Any]) -> None:
        """Change keys in the configuration's file."""
        tree = yaml.safe_load(self.daemon.config_path.read_text())
        for section, keys in sections.items():
            tree[section] = {**tree.get(section, {}), **keys}
        self.daemon.config_path.write_text(yaml.safe_dump(tree))

    def hang_up(self) -> dict[str, Any]:
        """Send SIGHUP, and return the reply to the command that it stands for."""
        assert self.daemon.process is not None
        topic = f"{self.prefix}/reply"
        before = len(self.recorder.on(topic))
        self.daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(self.recorder.on(topic)) > before, what="a reply to SIGHUP")
        return self.recorder.on(topic)[-1].document


@pytest.fixture
def box(
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> Box:
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        sources=[{"id": "pump-1", "kind": "simulated", "machine": "pump"}],
    )
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon.start()
    daemon.wait_listening()
    recorder.wait_for(f"{topic_prefix}/pump-1/alarm")
    return Box(daemon, recorder, topic_prefix, mosquitto.port)


def test_limits_outlive_the_daemon_until_they_are_given_back(box: Box) -> None:
    refused = box.ask("pump-1/", id="l1", action="set_limits", limit=2.5)
    assert "limit 2.5 must be 0.5 to 2 (alarm.limit_min, alarm.limit_max)" == refused["reason"]
    assert "done" == box.ask("pump-1/", id="l2", action="set_limits", limit=1.5, off_delay_s=9)["result"]
    set_now = box.limited(limit=1.5, off_delay_s=9.0, warning_value=0.7, set_by="anna")
    box.daemon.kill()
    told_before = len(box.recorder.on(f"{box.prefix}/pump-1/alarm"))
    box.daemon.start()
    box.daemon.wait_listening()
    eventually(lambda: box.daemon.source("pump-1")["limits"]["limit"] == 1.5, what="the limit in status")
    eventually(
        lambda: any(
            heard.document["uncertain"] and heard.document["reason"] is not None
            for heard in box.recorder.on(f"{box.prefix}/pump-1/alarm")[told_before:]
        ),
        what="what had changed it last, before anything was judged",
    )
    eventually(lambda: len(box.recorder.on(f"{box.prefix}/status")) >= 3, what="offline, and online again")
    assert set_now == box.limits()
    folder = box.daemon.state_dir
    assert "limits set by anna: alarm 1.5, warning 0.7" in ran("status", "--state-dir", folder).out

    assert "done" == box.ask("pump-1/", id="l3", action="set_limits", reset=True)["result"]
    box.limited(limit=1.0, off_delay_s=5.0, set_by=None, set_at=None)
    noted = commands_of(ran("audit", "--state-dir", folder, "--json").out)
    assert [("l3", "done"), ("l2", "done"), ("l1", "refused")] == [
        (entry["command_id"], entry["result"]) for entry in noted
    ]
    assert {"limit": 1.5, "off_delay_s": 9.0} == noted[1]["arguments"]
    line = ran("audit", "--state-dir", folder, "--limit", 1).out
    assert "pump-1  set_limits reset=True  anna by mqtt  done" in line


def test_a_changed_configuration_is_applied_whole_or_not_at_all(box: Box) -> None:
    before = box.limits()
    box.rewrite(alarm={"warning_value": 0.6}, mqtt={"keepalive_s": 60})
    refused = box.hang_up()
    assert ("refused", "reload", None) == (refused["result"], refused["action"], refused["source"])
    assert "mqtt.keepalive_s is 30, the file says 60; restart the daemon" in refused["reason"]
    box.rewrite(alarm={"warning_value": 2.0}, mqtt={"keepalive_s": 30})
    assert "alarm.warning_value 2.0" in box.hang_up()["reason"]
    assert before == box.limits(), "nothing was changed by either"

    box.rewrite(alarm={"warning_value": 0.6, "on_delay_s": 3.0}, log={"level": "warning"})
    done = box.ask("", id="r1", action="reload")
    assert "done" == done["result"]
    assert "alarm.warning_value: 0.7 -> 0.6" in done["detail"]
    box.limited(warning_value=0.6, on_delay_s=3.0, set_by=None)
    assert "nothing differs" == box.hang_up()["detail"]
    assert {"info"} != {entry["level"] for entry in box.daemon.events("command done")}
    assert 0 == box.daemon.stop()
    assert [] == box.daemon.events("stopped"), "which is info, and nothing below warning is written any more"
    assert "(box)  reload  SIGHUP by signal  done" in ran("audit", "--state-dir", box.daemon.state_dir).out


def test_a_sparkplug_host_sets_a_limit_reads_the_answer_and_may_ask_twice(
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> None:
    recorder = make_recorder(mosquitto.port, "spBv1.0/mill/#")
    daemon = make_daemon(
        site="mill",
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        sparkplug={"enabled": True},
        sources=[{"id": "pump-1", "kind": "simulated", "machine": "pump"}],
    )
    daemon.start()

    def told(topic: str) -> dict[str, object]:
        """What a host that heard everything since the birth knows of a device's or the node's tags."""
        metrics = [m for heard in recorder.on(topic) for m in decode_payload(heard.payload).metrics]
        return {str(metric.name): metric.value for metric in metrics}

    def write(topic: str, name: str, datatype: DataType, value: Value) -> None:
        metric = Metric(name, datatype, value, timestamp_ms=7)
        recorder.send(topic, encode_payload(Payload((metric,), 7, None), states_datatypes=True))

    device, node = "spBv1.0/mill/{}/box1/pump-1", "spBv1.0/mill/{}/box1"
    eventually(lambda: recorder.on(device.format("DBIRTH")), 30, "the birth of the device")
    for _ in range(2):
        write(device.format("DCMD"), "Command/AlarmLimit", DataType.DOUBLE, 1.4)
    eventually(lambda: told(device.format("DDATA")).get("Command/LastResult") == "done", 15, "an answer")
    limits = {"Limit": 1.4, "Alarm/LimitsBy": "sparkplug"}.items()
    eventually(lambda: limits <= told(device.format("DDATA")).items(), what="the limit")

    write(device.format("DCMD"), "Command/AlarmLimit", DataType.DOUBLE, 9.0)
    eventually(lambda: told(device.format("DDATA"))["Command/LastResult"] == "refused", what="a refusal")
    assert "limit 9 must be 0.5 to 2" in str(told(device.format("DDATA"))["Command/LastReason"])
    write(node.format("NCMD"), "Node Control/Reload", DataType.BOOLEAN, value=True)
    eventually(
        lambda: told(node.format("NDATA")).get("Command/LastAction") == "reload", 15, "the node's answer"
    )
    assert "done" == told(node.format("NDATA"))["Command/LastResult"]

    noted = commands_of(ran("audit", "--state-dir", daemon.state_dir, "--json").out)
    assert [("reload", "done"), ("set_limits", "refused"), ("set_limits", "done")] == [
        (entry["action"], entry["result"]) for entry in noted
    ], "the same DCMD is the same command"
    assert {"sparkplug"} == {entry["origin"] for entry in noted}
    assert 0 == daemon.stop()
