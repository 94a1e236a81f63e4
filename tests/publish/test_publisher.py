"""The publisher against a real Mosquitto: what arrives, with which quality of service, and what stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained
from publish_rig import LIMITS, VOICE, Rig, change_to, inference_at, score_at

from monitor.errors import CommandError
from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import AlarmState, CaptureHealth, CaptureState
from monitor.publish.commands import MAX_COMMAND_BYTES, parse_command
from monitor.publish.docs import DOCS
from monitor.publish.documents import Progress, alarm_payload, health_payload
from monitor.publish.payloads import HealthPayload
from monitor.publish.records import body_from_refusal, body_from_reply
from monitor.publish.topics import TOPICS
from monitor.store.rendering import score_body

pytestmark = pytest.mark.broker

EDGES_HZ = band_edges_hz(FrontendParameters())
MakeRig = Callable[..., Rig]
MakeRecorder = Callable[..., Recorder]

# A process that publishes `online`, says so, and then only keeps the connection
VICTIM = """
import sys, time
from publish_rig import Rig
rig = Rig(sys.argv[2])
rig.build(port=int(sys.argv[1]))
rig.run()
while not rig.publisher.connected:
    time.sleep(0.01)
print("connected", flush=True)
time.sleep(60)
"""


def health(state: CaptureState = CaptureState.HEALTHY, *, received: int = 100) -> HealthPayload:
    capture = CaptureHealth("pump", state, "", "usb-path:1-1.2", received_samples=received)
    return health_payload(capture, Progress(backend="onnxruntime"), at_utc_s=1.75e9, bundle_id="demo-1")


def publish_one_of_each(rig: Rig) -> None:
    rig.publisher.set_health(health())
    rig.publisher.set_alarm(
        alarm_payload(change_to(AlarmState.UNACKNOWLEDGED), bundle_id="demo-1", voice=VOICE, limits=LIMITS)
    )
    rig.publisher.offer_score(score_at(0))
    rig.publisher.offer_map(inference_at(0), EDGES_HZ)
    rig.add_event()
    command = parse_command(b'{"id": "c1", "action": "ack", "actor": "anna"}')
    body = body_from_reply("pump", command, at_utc_s=1.75e9, state=AlarmState.ACKNOWLEDGED)
    rig.outbox.add("reply", "pump", body)


def test_every_kind_arrives_on_its_topic_and_only_the_retained_ones_stay(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.connected)
    publish_one_of_each(rig)
    for kind, rule in TOPICS.items():
        if rule.direction == "out":
            heard = recorder.wait_for(rule.topic(topic_prefix, "pump"), schema=f"{kind}/1")
            assert rule.qos == heard.qos
            jsonschema.validate(heard.document, json.loads((DOCS / "schemas" / f"{kind}.json").read_text()))
    kept = {rule.topic(topic_prefix, "pump") for rule in TOPICS.values() if rule.retain}
    assert kept == set(retained(mosquitto.port, f"{topic_prefix}/#"))
    eventually(lambda: [1, 2] == rig.outbox.sent, what="the broker's word that it has both")


def test_a_killed_process_is_announced_as_offline_by_the_broker(
    mosquitto: Mosquitto, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/status")
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(mosquitto.port), topic_prefix],
        stdout=subprocess.PIPE,
        env=environment,
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"connected\n"
        recorder.wait_for(f"{topic_prefix}/status", state="online")
        victim.send_signal(signal.SIGKILL)
    recorder.wait_for(f"{topic_prefix}/status", state="offline")
    kept = retained(mosquitto.port, f"{topic_prefix}/status")[f"{topic_prefix}/status"]
    assert kept.document["state"] == "offline"


def test_a_clean_stop_says_stopped_and_never_offline(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(run=False, port=mosquitto.port)
    rig.run()
    recorder.wait_for(f"{topic_prefix}/status", state="online")
    seq = rig.add_event()
    rig.stop()
    recorder.wait_for(f"{topic_prefix}/status", state="stopped")
    recorder.wait_for(f"{topic_prefix}/pump/event", seq=seq)
    kept = retained(mosquitto.port, f"{topic_prefix}/status")[f"{topic_prefix}/status"]
    assert kept.document["state"] == "stopped"
    states = [heard.document["state"] for heard in recorder.on(f"{topic_prefix}/status")]
    assert states == ["online", "stopped"]


def test_retained_state_is_told_again_to_a_broker_that_has_forgotten_it(
    mosquitto: Mosquitto, make_rig: MakeRig, topic_prefix: str
) -> None:
    rig = make_rig(port=mosquitto.port)
    publish_one_of_each(rig)
    eventually(lambda: not len(rig.outbox))
    mosquitto.restart()
    eventually(lambda: rig.publisher.state.client.connects == 2)
    eventually(lambda: len(retained(mosquitto.port, f"{topic_prefix}/#")) == 3)
    kept = retained(mosquitto.port, f"{topic_prefix}/#")
    assert kept[f"{topic_prefix}/status"].document["state"] == "online"
    assert kept[f"{topic_prefix}/pump/alarm"].document["state"] == "unacknowledged"
    assert kept[f"{topic_prefix}/pump/health"].document["device"] == "usb-path:1-1.2"


def test_retained_documents_are_sent_when_they_say_something_new_and_not_otherwise(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(port=mosquitto.port)
    # what is known before the connection may go out twice: with it, and by itself
    recorder.wait_for(f"{topic_prefix}/status", state="online")
    rig.publisher.set_health(health())
    recorder.wait_for(f"{topic_prefix}/pump/health")
    rig.publisher.set_health(health(received=200))
    rig.publisher.set_health(health(CaptureState.ALARMED, received=300))
    recorder.wait_for(f"{topic_prefix}/pump/health", state="alarmed")
    received = [heard.document["received_samples"] for heard in recorder.on(f"{topic_prefix}/pump/health")]
    assert received == [100, 300]


def test_commands_are_handed_on_and_their_replies_arrive(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(port=mosquitto.port)
    recorder.wait_for(f"{topic_prefix}/status", state="online")
    sent = [
        json.dumps({"id": "c1", "action": "ack", "actor": "anna"}).encode(),
        b'{"id": "c2", "action": "explode", "actor": "anna"}',
        b"{not json",
        b'{"id": "c4", "action": "ack", "actor": "\xff\xfe"}',
        b'{"id": "c5", "note": "' + b"x" * MAX_COMMAND_BYTES + b'"}',
        b"",
    ]
    for payload in sent:
        recorder.send(f"{topic_prefix}/pump/command", payload)
    eventually(lambda: len(rig.calls.commands) == len(sent))
    for source_id, payload in rig.calls.commands:  # what the daemon does with them
        try:
            command = parse_command(payload)
        except CommandError as error:
            body = body_from_refusal(source_id, payload, error, at_utc_s=1.75e9)
        else:
            body = body_from_reply(source_id, command, at_utc_s=1.75e9, state=AlarmState.ACKNOWLEDGED)
        rig.outbox.add("reply", source_id, body)
    rig.publisher.notify()
    eventually(lambda: len(recorder.on(f"{topic_prefix}/pump/reply")) == len(sent))
    replies = [heard.document for heard in recorder.on(f"{topic_prefix}/pump/reply")]
    assert ["done"] + ["refused"] * 5 == [reply["result"] for reply in replies]
    assert ["c1", "c2", None, None, None, None] == [reply["id"] for reply in replies]
    assert "longer than 16384 bytes" in replies[4]["reason"]
    assert rig.publisher.state.client.callback_errors == 0
    assert rig.publisher.connected


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_command_to_a_source_that_is_not_here_is_handed_on_if_only_this_box_can_be_meant(
    mosquitto: Mosquitto, make_recorder: MakeRecorder, topic_prefix: str, *, is_alone: bool
) -> None:
    rig = Rig(topic_prefix, is_alone=is_alone)
    rig.build(port=mosquitto.port)
    rig.run()
    try:
        rig.online()
        recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
        for source_id in ("stranger", "no source", "fan"):
            recorder.send(f"{topic_prefix}/{source_id}/command", b"{}")
        eventually(lambda: ("fan", b"{}") in rig.calls.commands)
        assert [("stranger", b"{}")] * is_alone + [("fan", b"{}")] == rig.calls.commands
        assert 1 + (not is_alone) == rig.publisher.state.refused_commands
    finally:
        rig.stop(1.0)


def test_a_retained_command_and_one_for_nobody_are_ignored_and_counted(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    recorder.send(f"{topic_prefix}/pump/command", b'{"id": "old"}', retain=True)
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.state.refused_commands == 1)
    recorder.send(f"{topic_prefix}/no source/command", b'{"id": "other"}')
    eventually(lambda: rig.publisher.state.refused_commands == 2)
    recorder.send(f"{topic_prefix}/fan/command", b'{"id": "mine"}')
    eventually(lambda: rig.calls.commands)
    assert rig.calls.commands == [("fan", b'{"id": "mine"}')]
    assert 1 == rig.publisher.state.commands


def test_an_exception_in_the_daemons_command_hook_does_not_end_the_connection(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(run=False, port=mosquitto.port)
    rig.calls.commands = None  # type: ignore[assignment]  # so that on_command raises
    rig.build(port=mosquitto.port)
    rig.run()
    recorder.wait_for(f"{topic_prefix}/status", state="online")
    recorder.send(f"{topic_prefix}/pump/command", b"{}")
    eventually(lambda: rig.publisher.state.client.callback_errors == 1)
    rig.add_event()
    recorder.wait_for(f"{topic_prefix}/pump/event")
    rig.stop()
    assert "on_message" in rig.log.text()


def test_a_record_that_nobody_can_read_is_skipped_counted_and_logged(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(run=False, port=mosquitto.port)
    rig.outbox.add("event", "pump", {"no": "event"})
    rig.outbox.add("telegram", "pump", {})
    good = rig.add_event()
    rig.run()
    recorder.wait_for(f"{topic_prefix}/pump/event", seq=good)
    rig.stop()
    assert rig.publisher.state.outbox.unsendable == 2
    assert "record 1 (event)" in rig.log.text()
    assert "'telegram' is not known" in rig.log.text()


def test_historical_scores_come_from_the_outbox_with_quality_of_service_1(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    rig = make_rig(port=mosquitto.port)
    rig.outbox.add("score", "pump", score_body(score_at(3)))
    heard = recorder.wait_for(f"{topic_prefix}/pump/score", historical=True)
    assert heard.qos == 1
    assert heard.document["start_s"] == pytest.approx(3.072)


def test_a_broker_that_refuses_the_login_is_named_once_and_the_password_never(
    make_mosquitto: Callable[..., Mosquitto], make_rig: MakeRig, tmp_path: Path
) -> None:
    broker = make_mosquitto(login=("box", "right-secret"))
    password = tmp_path / "password"
    password.write_text("wrong-secret\n")
    rig = make_rig(port=broker.port, username="box", password_file=str(password))
    eventually(lambda: rig.publisher.state.client.failed_connects >= 2)
    assert not rig.publisher.connected
    assert "Not authorized" in rig.publisher.state.client.last_error
    assert len(rig.log.lines) == 1
    assert "secret" not in rig.log.text() + repr(rig.publisher.state)


def test_the_password_from_the_file_opens_the_door(
    make_mosquitto: Callable[..., Mosquitto], make_rig: MakeRig, tmp_path: Path
) -> None:
    broker = make_mosquitto(login=("box", "right-secret"))
    password = tmp_path / "password"
    password.write_text("right-secret\n")
    rig = make_rig(port=broker.port, username="box", password_file=str(password))
    eventually(lambda: rig.publisher.connected)
    assert "secret" not in rig.log.text()
