"""Whoever takes a connection and is no broker, or not ours, is named with what to do, and once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, eventually
from publish_certificates import sign_outdated, tls_lines
from stand_in_service import Service

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.client import BrokerClient
from monitor.publish.delivery import Message
from monitor.publish.edge.line import EdgeLine
from monitor.publish.sparkplug.actions import Connect, Publish
from monitor.publish.walk import walk_to_broker
from monitor.testing import CapturedLog

NOT_MQTT = {
    "http": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nwhat is this?",
    "mail": b"220 mail.plant.example ESMTP, as a message of MQTT with a topic of 12320 letters",
    "a topic longer than its message": b"\x30\x02\xff\xff",
    "a message before it accepts": b"\x30\x05\x00\x01axy",
    "an alert of TLS": bytes.fromhex("15030300020246"),
}
ENDS, SILENT, NONSENSE = (
    "ends it before it has accepted us",
    "does not answer",
    "answers with what is no MQTT",
)
REMEDY = "is the port the broker's, should mqtt.tls be true, and what does the broker's log say?"


class Nobody:
    """The owner of a connection that must not come about."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def will(self) -> Message:
        return Message("will", b"", 1, retain=False)

    def on_connected(self) -> None:
        self.told.append("connected")

    def on_progress(self) -> None:
        pass

    def on_message(self, topic: str, payload: bytes, *, retained: bool) -> None:  # noqa: ARG002 - as Hooks
        self.told.append(topic)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.publish.client.RECONNECT_S", (0.02, 0.02))
    give_up_after(monkeypatch, 60.0)  # whoever answers does so, however long this box takes


def give_up_after(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have whoever connects wait so long for an answer."""
    monkeypatch.setattr("monitor.publish.client.ACCEPT_WITHIN_S", seconds)
    monkeypatch.setattr("monitor.publish.edge.line.ACCEPT_WITHIN_S", seconds)
    monkeypatch.setattr("monitor.publish.walk.STEP_S", seconds)


def told_by_client(config: MqttConfig, attempts: int, came: Callable[[], int]) -> list[str]:
    """What the client of the JSON topics logs of so many attempts, which `came` counts."""
    log, owner = CapturedLog(), Nobody()
    client = BrokerClient(config, client_id="box1", subscribe=["a"], hooks=owner, log=log)
    client.start()

    def is_over() -> bool:
        client.look_after()
        counts = client.counts
        return (
            came() > attempts
            and counts.failed_connects >= min(attempts, came() - 1)
            and bool(counts.last_error)
        )

    try:
        eventually(is_over)
        counts = client.counts
    finally:
        client.stop(1.0)
    assert [] == owner.told
    assert (0, 0, False) == (counts.callback_errors, counts.revivals, counts.connected)
    assert {"warning"} == {level for level, _, _ in log.lines}
    told = [str(facts["reason"]) for _, _, facts in log.lines]
    assert counts.last_error == told[-1]
    return told


def told_by_edge(config: MqttConfig) -> str:
    address = (config.host, config.port)
    line = EdgeLine(config, [address], client_id="box1", log=CapturedLog())
    assert line.open(Connect(0, Publish(0, "spBv1.0/mill/NDEATH/box1", b"", 1)))
    deadline_s = time.monotonic() + 60.0
    while line.is_open and time.monotonic() < deadline_s:
        line.work(0.01)
    return line.last_error


def told_by_walk(config: MqttConfig) -> str:
    with pytest.raises(PublishError) as refusal:
        list(walk_to_broker(config, "wheeltapper/plant/box1"))
    return str(refusal.value)


@pytest.mark.parametrize("resets", [False, True], ids=["ends", "resets"])
def test_a_broker_that_ends_the_line_before_it_accepts_is_named_once_with_the_remedy(
    make_service: Callable[..., Service], *, resets: bool
) -> None:
    service = make_service(b"", resets=resets)
    config = MqttConfig(host="127.0.0.1", port=service.port)
    sentence = f"127.0.0.1:{service.port} takes the connection and {ENDS}; {REMEDY}"
    assert [sentence] == told_by_client(config, 3, lambda: service.guests)
    assert sentence == told_by_edge(config)
    assert f"login: {sentence}" == told_by_walk(config)


@pytest.mark.parametrize("answer", NOT_MQTT.values(), ids=NOT_MQTT.keys())
def test_a_service_that_is_no_broker_is_named_and_nothing_it_says_is_taken_for_a_message(
    make_service: Callable[..., Service], answer: bytes
) -> None:
    service = make_service(answer)
    config = MqttConfig(host="127.0.0.1", port=service.port)
    told = told_by_client(config, 2, lambda: service.guests)
    for sentence in (*told, told_by_edge(config), told_by_walk(config)):
        assert f"127.0.0.1:{service.port} takes the connection and " in sentence
        assert NONSENSE in sentence or ENDS in sentence
        assert REMEDY in sentence


def test_a_service_that_never_answers_is_named_long_before_the_keep_alive(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up_after(monkeypatch, 0.3)
    service = make_service(None)
    config = MqttConfig(host="127.0.0.1", port=service.port, keepalive_s=3600)
    (sentence,) = told_by_client(config, 0, lambda: service.guests)
    assert f"takes the connection and {SILENT} as an MQTT broker does; {REMEDY}" in sentence
    assert sentence == told_by_edge(config)
    assert f"login: {sentence}" == told_by_walk(config)


@pytest.mark.broker
def test_a_port_for_tls_that_is_spoken_to_without_asks_for_tls(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    config = MqttConfig(host="localhost", port=broker.port)
    (sentence,) = told_by_client(config, 1, lambda: 2)
    assert f"localhost:{broker.port} takes the connection and " in sentence
    assert "should mqtt.tls be true" in sentence
    assert "should mqtt.tls be true" in told_by_edge(config)
    assert "should mqtt.tls be true" in told_by_walk(config)


@pytest.mark.broker
# paho leaves a socket whose handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_port_without_tls_that_is_spoken_to_with_it_says_so(mosquitto: Mosquitto) -> None:
    config = MqttConfig(host="localhost", port=mosquitto.port, tls=True)
    (sentence,) = told_by_client(config, 1, lambda: 2)
    assert sentence.startswith(f"no TLS with localhost:{mosquitto.port} (")
    assert "mqtt.tls: false" in sentence


@pytest.mark.broker
def test_a_broker_that_wants_a_certificate_of_ours_is_named_so(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    config = MqttConfig(host="localhost", port=broker.port, tls=True, ca_file=certificates / "ca.pem")
    for sentence in told_by_client(config, 1, lambda: 2):  # a line that is reset loses the broker's word
        assert "take our c" in sentence
        assert "mqtt.cert_file" in sentence
    assert "does not take our certificate: it wants one and got none; mqtt.cert_file" in told_by_walk(config)


@pytest.mark.broker
def test_our_certificate_that_has_expired_is_named_and_not_the_encryption(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    sign_outdated(certificates, "ours", "box1")
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    files = {"ca_file": "ca.pem", "cert_file": "ours.pem", "key_file": "ours.key"}
    keys = {key: certificates / name for key, name in files.items()}
    config = MqttConfig.model_validate({"host": "localhost", "port": broker.port, "tls": True, **keys})
    for sentence in (*told_by_client(config, 1, lambda: 2), told_by_walk(config)):
        assert "mqtt.cert_file" in sentence
        assert "mqtt.tls: false" not in sentence
    assert "does not take our certificate: it has expired; mqtt.cert_file" in told_by_walk(config)
