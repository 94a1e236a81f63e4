"""The publisher while the broker is away, comes and goes, hangs, or is no broker at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually, free_port, patience, retained
from publish_rig import LIMITS, VOICE, Rig, change_to, inference_at, score_at

from monitor.config import MqttConfig
from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import AlarmState
from monitor.publish import live
from monitor.publish.client import BrokerClient
from monitor.publish.documents import alarm_payload
from monitor.publish.failures import unreachable

pytestmark = pytest.mark.broker

MakeRig = Callable[..., Rig]
MakeRecorder = Callable[..., Recorder]
EDGES_HZ = band_edges_hz(FrontendParameters())


def seqs_in_order_of_arrival(recorder: Recorder, topic: str) -> list[int]:
    """What a consumer has that ignores repeats."""
    return list(dict.fromkeys(heard.document["seq"] for heard in recorder.on(topic)))


def test_500_events_arrive_in_order_and_none_is_lost_while_the_broker_comes_and_goes(
    make_mosquitto: Callable[..., Mosquitto],
    make_rig: MakeRig,
    make_recorder: MakeRecorder,
    topic_prefix: str,
) -> None:
    broker = make_mosquitto(persistent=True)
    recorder = make_recorder(broker.port, f"{topic_prefix}/pump/event", durable=True)
    rig = make_rig(port=broker.port)
    for part in range(5):
        for _ in range(100):
            rig.add_event()
        rig.publisher.notify()
        if part < 4:
            wanted = 100 * part + 37  # somewhere amid the sending
            eventually(partial(rig.has_sent, wanted))
            broker.stop()
            broker.start()
    eventually(lambda: len(rig.outbox.sent) == 500, timeout_s=60)
    topic = f"{topic_prefix}/pump/event"
    eventually(lambda: len(seqs_in_order_of_arrival(recorder, topic)) == 500, timeout_s=30)
    assert list(range(1, 501)) == seqs_in_order_of_arrival(recorder, topic)
    assert list(range(1, 501)) == rig.outbox.sent
    assert rig.publisher.state.client.connects >= 5


def test_events_of_an_outage_are_sent_when_the_broker_is_back(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.connected)
    mosquitto.kill()
    eventually(lambda: not rig.publisher.connected)
    for _ in range(20):
        rig.add_event()
    time.sleep(0.2)
    assert rig.outbox.sent == []
    mosquitto.start()
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    eventually(lambda: len(rig.outbox.sent) == 20)
    eventually(lambda: len(recorder.on(f"{topic_prefix}/pump/event")) == 20)
    assert list(range(1, 21)) == [
        heard.document["seq"] for heard in recorder.on(f"{topic_prefix}/pump/event")
    ]


def test_a_second_process_sends_what_the_first_left_and_the_order_stays(
    mosquitto: Mosquitto, make_rig: MakeRig, make_recorder: MakeRecorder, topic_prefix: str
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/pump/event")
    first = make_rig(run=False, port=free_port())  # nobody listens there
    for _ in range(5):
        first.add_event()
    first.run()
    first.stop(0.5)
    second = make_rig(run=False, port=mosquitto.port)
    second.outbox = first.outbox
    second.build(port=mosquitto.port)
    second.run()
    eventually(lambda: len(recorder.heard) == 5)
    second.stop()
    assert [1, 2, 3, 4, 5] == [heard.document["seq"] for heard in recorder.heard]


def test_without_a_broker_scores_go_to_the_store_and_maps_are_dropped_and_counted(make_rig: MakeRig) -> None:
    rig = make_rig(port=free_port())
    for index in range(30):
        rig.publisher.offer_score(score_at(index))
        rig.publisher.offer_map(inference_at(index), EDGES_HZ)
    eventually(lambda: len(rig.calls.offline_scores) == 30)
    eventually(lambda: rig.publisher.state.live.dropped == 30)
    assert rig.publisher.state.live.waiting == 0
    eventually(lambda: "not reachable" in rig.publisher.state.client.last_error)


def test_without_a_connection_the_library_does_not_complain_at_each_attempt(make_rig: MakeRig) -> None:
    rig = make_rig(run=False, port=free_port())
    client = BrokerClient(
        MqttConfig(host="127.0.0.1"), client_id="box1", subscribe=[], hooks=rig.publisher, log=rig.log
    )
    for _ in range(3):
        client._paho.loop(0.0)  # as its thread does between two attempts
    assert [("warning", "mqtt not connected")] == [(level, event) for level, event, _ in rig.log.lines]
    assert 0 == client.counts.callback_errors


def test_a_broker_whose_name_nobody_knows_is_told_with_the_key_that_holds_it() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    told = unreachable("broker.plant.exmple", 1883, unknown, "mqtt.host", tls=False)
    assert told.startswith("mqtt.host 'broker.plant.exmple' cannot be looked up (Name or service not known)")
    refused = ConnectionRefusedError(111, "Connection refused")
    told = unreachable("b", 1883, refused, "mqtt.host", tls=True)
    assert told.startswith("b:1883 is not reachable ([Errno 111] Connection refused); is a broker listening")


def test_a_broker_that_hangs_is_called_stalled_until_it_goes_on(
    mosquitto: Mosquitto, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.publish.box.STALLED_S", 0.3)
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.connected)
    mosquitto.hang()
    for _ in range(3):
        rig.add_event()
    rig.publisher.notify()
    eventually(lambda: rig.publisher.state.stalled)
    assert rig.publisher.state.outbox.in_flight_seq == 1
    assert rig.outbox.sent == []
    mosquitto.go_on()
    eventually(lambda: rig.outbox.sent == [1, 2, 3])
    eventually(lambda: not rig.publisher.state.stalled)


@pytest.mark.slow
def test_memory_stays_bounded_while_a_hung_broker_takes_nothing(
    mosquitto: Mosquitto, make_rig: MakeRig
) -> None:
    rig = make_rig(port=mosquitto.port, queue_messages=50, map_shape=(128, 64))  # large messages
    eventually(lambda: rig.publisher.connected)
    mosquitto.hang()
    # more than the sockets' buffers take
    offered, sent_before = 0, [-1]
    inference = inference_at(0)
    under_way = rig.publisher._live._under_way
    while sent_before[-4:] != [rig.publisher.state.live.sent] * 4 or len(under_way) < live.UNDER_WAY_MAX:
        sent_before.append(rig.publisher.state.live.sent)
        for _ in range(100):
            rig.publisher.offer_map(inference, EDGES_HZ)
        offered += 100
        assert offered < 200_000, "the line never gets stuck"
        time.sleep(0.1)
    counts = rig.publisher.state.live
    assert offered == counts.waiting + counts.sent + counts.dropped
    assert counts.waiting == 50
    assert len(under_way) == live.UNDER_WAY_MAX


def test_stopping_while_the_broker_hangs_takes_no_longer_than_allowed(
    mosquitto: Mosquitto, make_rig: MakeRig
) -> None:
    rig = make_rig(run=False, port=mosquitto.port)
    rig.run()
    eventually(lambda: rig.publisher.connected)
    mosquitto.hang()
    rig.add_event()
    started_s = time.monotonic()
    rig.stop(1.0)
    assert time.monotonic() - started_s < 3.0 * patience()
    assert not [thread for thread in threading.enumerate() if "paho" in thread.name]
    assert len(rig.outbox) == 1


def test_stopping_without_a_broker_takes_no_longer_than_allowed(make_rig: MakeRig) -> None:
    rig = make_rig(run=False, port=free_port())
    rig.run()
    eventually(lambda: rig.publisher.state.client.failed_connects >= 1)
    rig.publisher.offer_score(score_at(1))
    started_s = time.monotonic()
    rig.stop(1.0)
    assert time.monotonic() - started_s < 3.0 * patience()
    assert len(rig.calls.offline_scores) == 1


def test_a_stale_alarm_state_never_arrives_behind_the_fresh_one(
    mosquitto: Mosquitto, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, topic_prefix: str
) -> None:
    rig = make_rig(port=mosquitto.port)
    eventually(lambda: rig.publisher.connected)
    mosquitto.hang()
    rig.publisher.set_alarm(
        alarm_payload(change_to(AlarmState.NORMAL), bundle_id=None, voice=VOICE, limits=LIMITS)
    )
    time.sleep(0.2)  # it is on its way, and will not be acknowledged: paho sends it again
    mosquitto.kill()
    eventually(lambda: not rig.publisher.connected)
    rig.publisher.set_alarm(
        alarm_payload(change_to(AlarmState.UNACKNOWLEDGED), bundle_id=None, voice=VOICE, limits=LIMITS)
    )
    on_connected = rig.publisher.on_connected

    def slow_network_thread() -> None:
        on_connected()
        time.sleep(0.3)  # the publishing thread has time to be faster than paho's own repeat

    monkeypatch.setattr(rig.publisher, "on_connected", slow_network_thread)
    mosquitto.start()
    topic = f"{topic_prefix}/pump/alarm"
    eventually(lambda: rig.publisher.state.client.connects == 2)
    rig.online()
    eventually(lambda: topic in retained(mosquitto.port, topic))
    time.sleep(0.5)  # what comes late comes by now
    assert retained(mosquitto.port, topic)[topic].document["state"] == "unacknowledged"


def test_the_client_survives_something_that_is_no_broker_and_finds_the_broker_after_it(
    make_rig: MakeRig, make_mosquitto: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.publish.client.RECONNECT_S", (1, 1))
    broker = make_mosquitto()
    broker.stop()
    garbage = (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x09", b"\xff" * 64, b"")
    served = threading.Event()
    with socket.create_server(("127.0.0.1", broker.port)) as impostor:
        impostor.settimeout(100)

        def answer_nonsense() -> None:
            for nonsense in garbage:
                connection, _ = impostor.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(nonsense)
            served.set()

        thread = threading.Thread(target=answer_nonsense)
        thread.start()
        rig = make_rig(port=broker.port)
        assert served.wait(100)
        thread.join()
    broker.start()
    eventually(lambda: rig.publisher.connected, timeout_s=30)
    assert rig.publisher.state.client.revivals == 0
