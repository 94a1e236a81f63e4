"""With MQTT 5 a message says what it is and when it is old news, by a real Mosquitto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from fixtures_mosquitto import Mosquitto, end_thread, eventually, retained
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from publish_rig import Rig, score_at

from monitor.config import MqttConfig

MakeReader = Callable[[str], "Reader"]


class Reader:
    """A subscriber of MQTT 5 that keeps whole messages; away for a while, the broker keeps them for it."""

    def __init__(self, port: int, topic_filter: str) -> None:
        self.heard: list[mqtt.MQTTMessage] = []
        self._ready = False
        self._port = port
        self._filter = topic_filter
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="reader", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._paho.on_connect = lambda client, *_: client.subscribe(self._filter, qos=1)
        self._paho.on_subscribe = lambda *_: setattr(self, "_ready", True)
        self._paho.on_message = lambda _c, _u, message: self.heard.append(message)
        self.come()

    def come(self) -> None:
        self._ready = False
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
        session.SessionExpiryInterval = 60
        self._paho.connect("127.0.0.1", self._port, clean_start=False, properties=session)
        self._paho.loop_start()
        eventually(lambda: self._ready)

    def send(self, topic: str, payload: bytes) -> None:
        self._paho.publish(topic, payload, qos=1).wait_for_publish(10)

    def leave(self) -> None:
        self._paho.disconnect()
        end_thread(self._paho)

    def on(self, topic: str) -> list[mqtt.MQTTMessage]:
        return [message for message in self.heard if message.topic == topic]


@pytest.fixture
def make_reader(mosquitto: Mosquitto) -> Iterator[MakeReader]:
    readers: list[Reader] = []

    def make(topic_filter: str) -> Reader:
        readers.append(Reader(mosquitto.port, topic_filter))
        return readers[-1]

    yield make
    for reader in readers:
        reader.leave()


@pytest.mark.broker
def test_each_message_carries_its_type_schema_source_and_bundle(
    mosquitto: Mosquitto, make_rig: Callable[..., Rig], make_reader: MakeReader, topic_prefix: str
) -> None:
    reader = make_reader(f"{topic_prefix}/#")
    rig = make_rig(port=mosquitto.port, version="5")
    eventually(lambda: rig.publisher.connected)
    rig.add_event()
    rig.publisher.notify()
    rig.publisher.offer_score(score_at(1))
    eventually(
        lambda: all(reader.on(f"{topic_prefix}/{one}") for one in ("status", "pump/event", "pump/score"))
    )
    event, score = reader.on(f"{topic_prefix}/pump/event")[0], reader.on(f"{topic_prefix}/pump/score")[0]
    (status,) = reader.on(f"{topic_prefix}/status")
    wanted = [("schema", "event/1"), ("source", "pump"), ("bundle", "demo-1")]
    assert wanted == event.properties.UserProperty  # type: ignore[union-attr]
    assert [("schema", "status/1")] == status.properties.UserProperty  # type: ignore[union-attr]
    assert "application/json" == score.properties.ContentType  # type: ignore[union-attr]
    assert 60 == score.properties.MessageExpiryInterval  # type: ignore[union-attr]
    assert not hasattr(event.properties, "MessageExpiryInterval"), "an alarm is never old news"


@pytest.mark.broker
def test_a_command_that_was_given_while_the_box_was_away_is_not_carried_out_later(
    mosquitto: Mosquitto, make_rig: Callable[..., Rig], make_reader: MakeReader, topic_prefix: str
) -> None:
    """MQTT 5 keeps a session unless it is told to begin a new one."""
    rig = make_rig(port=mosquitto.port, version="5")
    eventually(lambda: rig.publisher.connected)
    rig.stop()
    reader = make_reader(f"{topic_prefix}/status")
    topic = f"{topic_prefix}/pump/command"
    reader.send(topic, b"{}")
    rig.run()
    rig.online()
    reader.send(topic, b'{"late": false}')
    eventually(lambda: rig.calls.commands)
    assert [b'{"late": false}'] == [payload for _, payload in rig.calls.commands]


@pytest.mark.broker
def test_all_that_is_retained_is_told_again_after_the_broker_has_forgotten_it(
    mosquitto: Mosquitto, make_rig: Callable[..., Rig], topic_prefix: str
) -> None:
    rig = make_rig(port=mosquitto.port, version="5")
    eventually(lambda: f"{topic_prefix}/status" in retained(mosquitto.port, f"{topic_prefix}/#"))
    mosquitto.restart()
    eventually(lambda: f"{topic_prefix}/status" in retained(mosquitto.port, f"{topic_prefix}/#"))
    assert 2 == rig.publisher.state.client.connects


def test_the_version_may_be_written_as_a_number_and_others_are_refused() -> None:
    assert "5" == MqttConfig.model_validate({"host": "broker", "version": 5}).version
    with pytest.raises(ValueError, match=r"3\.1\.1"):
        MqttConfig.model_validate({"version": 4})


@pytest.mark.broker
def test_an_event_that_an_access_list_forbids_waits_until_it_is_allowed_and_is_told_of(
    make_mosquitto: Callable[..., Mosquitto],
    make_rig: Callable[..., Rig],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    topic_prefix: str,
) -> None:
    monkeypatch.setattr("monitor.publish.outbox.REFUSED_S", 0.2)
    monkeypatch.setattr("monitor.publish.client.REFUSED_FOR_S", 0.5)
    acl, password = tmp_path / "acl", tmp_path / "password"
    acl.write_text(f"user box1\ntopic read {topic_prefix}/#\ntopic write {topic_prefix}/status\n")
    acl.chmod(0o600)
    password.write_text("right")
    # Mosquitto 2.0 ends the line of whoever is refused where no number of waiting messages is set
    lines = (f"acl_file {acl}", "max_queued_messages 1000")
    broker = make_mosquitto(login=("box1", "right"), more_lines=lines)
    rig = make_rig(port=broker.port, version="5", username="box1", password_file=password)
    rig.online()
    rig.add_event()
    rig.publisher.notify()
    eventually(lambda: rig.publisher.state.client.last_error, what="a word on the refusal")
    assert (
        "the broker refuses what is written as 'box1': Not authorized; events wait in the store. Allow "
        "writing below mqtt.prefix there (docs/scada.md has an access list)"
    ) == rig.publisher.state.client.last_error
    assert [] == rig.outbox.sent, "an alarm that nobody has got is not sent"

    acl.write_text(f"user box1\ntopic readwrite {topic_prefix}/#\n")
    broker.reload()
    eventually(lambda: [1] == rig.outbox.sent, what="the event, once it is allowed")

    def well() -> bool:
        rig.publisher.offer_score(score_at(1))
        rig.add_event()
        rig.publisher.notify()
        return not rig.publisher.state.client.last_error

    eventually(well, what="nothing refused any more")
