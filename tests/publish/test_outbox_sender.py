from __future__ import annotations

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import MQTTErrorCode

from monitor.errors import PublishError, StoreFullError
from monitor.messages import Record
from monitor.publish.delivery import Delivery, Message
from monitor.publish.outbox import OutboxSender
from monitor.testing import CapturedLog, ListOutbox


class Line:
    """A network thread that takes every message and acknowledges when told."""

    def __init__(self, rc: MQTTErrorCode = MQTTErrorCode.MQTT_ERR_SUCCESS) -> None:
        self.rc = rc
        self.payloads: list[bytes] = []
        self._infos: list[mqtt.MQTTMessageInfo] = []

    def publish(self, message: Message) -> Delivery:
        info = mqtt.MQTTMessageInfo(len(self._infos) + 1)
        info.rc = self.rc
        self.payloads.append(message.payload)
        self._infos.append(info)
        return Delivery(info, message.qos)

    def acknowledge(self) -> None:
        self._infos[-1]._set_as_published()


def message_from(record: Record) -> Message:
    if record.kind == "broken":
        raise PublishError(f"record {record.seq} cannot be sent")
    return Message("t", str(record.seq).encode(), 1)


def outbox_of(*kinds: str) -> ListOutbox:
    outbox = ListOutbox()
    for kind in kinds:
        outbox.add(kind, "pump", {})
    return outbox


def test_the_next_record_waits_for_the_acknowledgement_of_the_one_before() -> None:
    outbox, line = outbox_of("event", "event", "event"), Line()
    sender = OutboxSender(outbox, message_from, CapturedLog())
    for _ in range(10):
        sender.step(line.publish)
    assert line.payloads == [b"1"]
    assert outbox.sent == []
    line.acknowledge()
    for _ in range(10):
        sender.step(line.publish)
    assert line.payloads == [b"1", b"2"]
    assert outbox.sent == [1]


def test_what_paho_keeps_while_disconnected_is_not_published_again() -> None:
    outbox, line = outbox_of("event"), Line(MQTTErrorCode.MQTT_ERR_NO_CONN)
    sender = OutboxSender(outbox, message_from, CapturedLog())
    for _ in range(10):
        sender.step(line.publish)
    assert line.payloads == [b"1"]
    assert sender.counts.in_flight_seq == 1
    line.acknowledge()  # paho has sent it after the next connect
    sender.step(line.publish)
    assert outbox.sent == [1]


def test_what_paho_does_not_take_is_published_again() -> None:
    outbox, line = outbox_of("event"), Line(MQTTErrorCode.MQTT_ERR_QUEUE_SIZE)
    sender = OutboxSender(outbox, message_from, CapturedLog())
    sender.step(line.publish)
    line.rc = MQTTErrorCode.MQTT_ERR_SUCCESS
    sender.step(line.publish)
    assert line.payloads == [b"1", b"1"]
    assert sender.counts.in_flight_seq == 1


def test_a_store_that_cannot_mark_is_asked_again_and_the_broker_is_not_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.publish.outbox.RETRY_S", 0.0)
    outbox, line, log = outbox_of("event"), Line(), CapturedLog()
    sender = OutboxSender(outbox, message_from, log)
    sender.step(line.publish)
    line.acknowledge()
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "mark_sent", full)
        for _ in range(3):
            assert not sender.step(line.publish)
    assert [("error", "the outbox cannot be read or written", {"reason": "no space"})] == log.lines
    assert sender.step(line.publish)
    assert outbox.sent == [1]
    assert line.payloads == [b"1"]


def test_a_store_that_does_not_answer_is_left_alone_for_a_while_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outbox, line, asked = outbox_of("event"), Line(), []
    sender = OutboxSender(outbox, message_from, CapturedLog())

    def gone(_limit: int) -> None:
        asked.append(1)
        full()

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "pending", gone)
        for _ in range(3):
            assert not sender.step(line.publish)
    assert 1 == len(asked)
    monkeypatch.setattr("monitor.publish.outbox.time.monotonic", lambda: float("inf"))
    sender.step(line.publish)
    assert line.payloads == [b"1"]


def full(*_arguments: object) -> None:
    raise StoreFullError("no space")


def test_a_record_without_a_document_is_skipped_in_its_turn() -> None:
    outbox, line = outbox_of("event", "broken", "event"), Line()
    sender = OutboxSender(outbox, message_from, CapturedLog())
    for _ in range(10):
        sender.step(line.publish)
        line.acknowledge()
    assert line.payloads == [b"1", b"3"]
    assert outbox.sent == [1, 2, 3]
    assert sender.counts.unsendable == 1
    assert sender.idle
