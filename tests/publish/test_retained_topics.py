from __future__ import annotations

from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from publish_rig import LIMITS, VOICE, change_to

from monitor.messages import AlarmState
from monitor.publish.delivery import Delivery, Message
from monitor.publish.documents import alarm_payload
from monitor.publish.payloads import AlarmPayload
from monitor.publish.retained import UNDER_WAY_MAX, RetainedTopics


@dataclass
class Line:
    """Keeps what it is handed; acknowledges when told."""

    messages: list[Message] = field(default_factory=list)
    infos: list[mqtt.MQTTMessageInfo] = field(default_factory=list)
    takes: bool = True

    def publish(self, message: Message) -> Delivery:
        info = mqtt.MQTTMessageInfo(len(self.infos) + 1)
        if self.takes:
            self.messages.append(message)
            self.infos.append(info)
        else:
            info.rc = MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        return Delivery(info, message.qos)

    def acknowledge_all(self) -> None:
        for info in self.infos:
            info._set_as_published()


def alarm(state: AlarmState, *, at_utc_s: float = 1.75e9) -> AlarmPayload:
    return alarm_payload(change_to(state, at_utc_s=at_utc_s), bundle_id=None, voice=VOICE, limits=LIMITS)


def test_a_newer_state_waits_until_the_older_one_is_acknowledged_and_only_the_newest_goes() -> None:
    topics, line = RetainedTopics(), Line()
    topics.put("t", alarm(AlarmState.NORMAL))
    topics.send(line.publish)
    topics.put("t", alarm(AlarmState.UNACKNOWLEDGED))
    topics.put("t", alarm(AlarmState.ACKNOWLEDGED))
    assert topics.send(line.publish) == 0
    assert not topics.settled
    line.acknowledge_all()
    assert topics.send(line.publish) == 1
    assert b'"acknowledged"' in line.messages[-1].payload
    assert len(line.messages) == 2
    line.acknowledge_all()
    assert topics.settled


def test_the_same_state_at_another_time_is_no_news() -> None:
    topics, line = RetainedTopics(), Line()
    assert topics.put("t", alarm(AlarmState.NORMAL))
    topics.send(line.publish)
    line.acknowledge_all()
    assert not topics.put("t", alarm(AlarmState.NORMAL, at_utc_s=1.76e9))
    assert topics.send(line.publish) == 0


def test_after_a_connect_everything_is_told_again_in_the_order_in_which_it_first_came() -> None:
    topics, line = RetainedTopics(), Line()
    for topic in ("status", "b", "a"):
        topics.put(topic, alarm(AlarmState.NORMAL))
    topics.send(line.publish)
    line.acknowledge_all()
    topics.send_all_again()
    topics.send(line.publish)
    assert [message.topic for message in line.messages] == ["status", "b", "a"] * 2
    assert all(message.retain and message.qos == 1 for message in line.messages)


def test_what_the_line_does_not_take_is_sent_later() -> None:
    topics, line = RetainedTopics(), Line(takes=False)
    topics.put("t", alarm(AlarmState.NORMAL))
    assert topics.send(line.publish) == 0
    line.takes = True
    assert topics.send(line.publish) == 1


def test_five_hundred_sources_never_have_more_under_way_than_the_bound() -> None:
    topics, line = RetainedTopics(), Line()
    for number in range(500):
        topics.put(f"t{number}", alarm(AlarmState.NORMAL))
    rounds = 0
    while not topics.settled:
        before = len(line.messages)
        topics.send(line.publish)
        assert len(line.messages) - before <= UNDER_WAY_MAX
        line.acknowledge_all()
        rounds += 1
    assert len(line.messages) == 500
    assert rounds == -(-500 // UNDER_WAY_MAX)


def test_what_says_that_the_others_hold_goes_when_all_of_them_have_gone() -> None:
    topics, line = RetainedTopics(), Line()
    topics.put("status", alarm(AlarmState.NORMAL), last=True)
    topics.put("a", alarm(AlarmState.NORMAL))
    topics.send(line.publish)
    topics.put("a", alarm(AlarmState.UNACKNOWLEDGED))
    topics.send(line.publish)
    assert ["a"] == [message.topic for message in line.messages], "a newer one of it waits for the older"
    line.acknowledge_all()
    topics.send(line.publish)
    topics.send(line.publish)
    assert ["a", "a", "status"] == [message.topic for message in line.messages]
    topics.put("b", alarm(AlarmState.NORMAL))
    topics.put("status", alarm(AlarmState.RETURNED))
    line.acknowledge_all()
    line.takes = False
    topics.send(line.publish)
    line.takes = True
    topics.send(line.publish)
    assert {"b", "status"} == {message.topic for message in line.messages[3:]}, "a farewell waits for nobody"
