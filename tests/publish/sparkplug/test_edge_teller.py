"""What is told while records and the state of an alarm come by two ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from edge_rig import PROGRESS
from publish_rig import LIMITS, VOICE, change_to, score_at, span_at
from sparkplug_oracle import OraclePayload
from sparkplug_rig import Counter

from monitor.config import SparkplugConfig
from monitor.errors import StoreError
from monitor.messages import AlarmState, CaptureHealth, CaptureState, Quality
from monitor.publish.documents import alarm_payload, health_payload
from monitor.publish.edge.news import Newsbox
from monitor.publish.edge.records import RecordFeed
from monitor.publish.edge.teller import EdgeTeller
from monitor.publish.sparkplug.actions import Action, Publish
from monitor.publish.sparkplug.metrics import BOX_TAGS
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.topics import EdgeNode
from monitor.store.rendering import change_body
from monitor.testing import CapturedLog, ListOutbox

BEGIN_S = 1.75e9


class Born:
    """A node that is born, with one device."""

    def __init__(self) -> None:
        self.said: list[Publish] = []
        self.newsbox = Newsbox()
        self.outbox = ListOutbox()
        settings = SessionSettings(EdgeNode("mill", "box1"), loose_max=0)
        self.session = Session(settings, BOX_TAGS, Counter(), self.now(0))
        feed = RecordFeed(self.outbox, VOICE, ["pump"], CapturedLog())
        self.teller = EdgeTeller(
            self.session, self.newsbox, feed, SparkplugConfig(), map_shape=(32, 16), act=self._act
        )
        self.teller.introduce(["pump"], self.now(0))
        health = CaptureHealth("pump", CaptureState.HEALTHY, "", "usb", 1)
        self.newsbox.put_health(health_payload(health, PROGRESS, at_utc_s=BEGIN_S, bundle_id=None))
        self.session.connecting(self.now(0))
        self._act(self.session.connected(self.now(0)))
        self.tell(0)

    def now(self, second: float) -> Now:
        return Now(round((BEGIN_S + second) * 1000), second)

    def _act(self, actions: Sequence[Action]) -> None:
        self.said += [action for action in actions if isinstance(action, Publish)]

    def record(self, state: AlarmState, second: float) -> None:
        change = change_to(state, at_utc_s=BEGIN_S + second)
        self.outbox.add("event", "pump", change_body(change, None), BEGIN_S + second)

    def reply(self, command_id: str, second: float) -> None:
        body = {"time": "2025-06-15T15:06:40.000Z", "bundle": None, "source": "pump", "id": command_id}
        body |= {"action": "acknowledge", "result": "done", "reason": None, "detail": None, "state": "normal"}
        self.outbox.add("reply", "pump", body, BEGIN_S + second)

    def connect_again(self, second: float) -> None:
        self.session.disconnected()
        self.teller.keep(self.now(second), lambda _score: None)
        self.session.connecting(self.now(second))
        self._act(self.session.connected(self.now(second)))

    def answers(self, since: int) -> list[tuple[str, str, bool]]:
        """Return message type, id and whether it is historical of every answer since message `since`."""
        return [
            (message.topic.split("/")[2], metric.string_value, bool(metric.is_historical))
            for message in self.said[since:]
            for metric in OraclePayload.FromString(message.payload).metrics
            if metric.name == "Command/LastId" and message.topic.endswith("pump")
        ]

    def alarm(self, state: AlarmState, second: float) -> None:
        change = change_to(state, at_utc_s=BEGIN_S + second)
        self.newsbox.put_alarm(alarm_payload(change, bundle_id=None, voice=VOICE, limits=LIMITS))

    def tell(self, second: float) -> list[tuple[str, bool]]:
        """Return what is told of the alarm's state in this pass, and whether as history."""
        before = len(self.said)
        self.teller.tell(self.now(second))
        return [
            (metric.string_value, bool(metric.is_historical))
            for message in self.said[before:]
            for metric in OraclePayload.FromString(message.payload).metrics
            if metric.name == "Alarm/StateText" and "DBIRTH" not in message.topic
        ]


def test_every_change_is_told_once_though_it_comes_as_a_record_and_as_a_state() -> None:
    born = Born()
    born.record(AlarmState.UNACKNOWLEDGED, 1.0)
    born.record(AlarmState.ACKNOWLEDGED, 2.0)
    born.alarm(AlarmState.ACKNOWLEDGED, 2.0)
    assert [("unacknowledged", False), ("acknowledged", False)] == born.tell(3.0)
    assert [] == born.tell(4.0)


def test_a_state_that_a_record_has_overtaken_is_not_told_behind_it() -> None:
    born = Born()
    born.alarm(AlarmState.UNACKNOWLEDGED, 1.0)
    born.record(AlarmState.UNACKNOWLEDGED, 1.0)
    born.record(AlarmState.SHELVED, 2.0)  # stored, and its state not yet set
    assert [("unacknowledged", False), ("shelved", False)] == born.tell(3.0)
    born.alarm(AlarmState.SHELVED, 2.0)
    assert [] == born.tell(4.0)


def test_a_score_is_bad_at_once_when_it_is_in_doubt_whether_the_machine_is_off() -> None:
    born, told = Born(), []
    quiet = replace(score_at(3, value=None), span=span_at(3, quality=Quality.OFF))
    for second, (uncertain, off_reason) in enumerate(
        [(False, None), (True, None), (True, "the plant's signal"), (False, None)]
    ):
        change = replace(change_to(AlarmState.NORMAL, at_utc_s=BEGIN_S), uncertain=uncertain, active=False)
        change = replace(change, off_reason=off_reason)
        born.newsbox.put_alarm(alarm_payload(change, bundle_id=None, voice=VOICE, limits=LIMITS))
        born.newsbox.put_score(quiet)
        before = len(born.said)
        born.tell(second / 100)
        told += [
            [one.int_value for one in metric.properties.values]
            for message in born.said[before:]
            for metric in OraclePayload.FromString(message.payload).metrics
            if metric.name == "Score"
        ]
    good, bad = 192, 0
    assert [[bad], [good]] == told, "null and good is what the birth has said"


def test_a_state_whose_record_waits_for_a_full_disk_is_told_at_once() -> None:
    born = Born()
    born.alarm(AlarmState.UNACKNOWLEDGED, 1.0)
    assert [("unacknowledged", False)] == born.tell(2.0)
    born.record(AlarmState.UNACKNOWLEDGED, 1.0)
    assert [] == born.tell(60.0)
    born.session.confirmed(born.said[-1].number, born.now(61.0))
    assert (1,) == born.session.settled(born.now(61.0)), "and settled with the message that told it"


def test_changes_that_waited_for_a_full_disk_are_the_past_once_their_alarm_has_gone_on() -> None:
    born = Born()
    told = []
    changes = [(AlarmState.UNACKNOWLEDGED, 1.0), (AlarmState.RETURNED, 2.0), (AlarmState.NORMAL, 3.0)]
    for state, second in changes:
        born.alarm(state, second)
        told += born.tell(second)
    assert [("unacknowledged", False), ("returned", False), ("normal", False)] == told
    for state, second in changes:
        born.record(state, second)
    assert [] == born.tell(3600.0), "a host must not see the old alarm as a new one"
    born.session.tick(born.now(3601.0))
    born.record(AlarmState.UNACKNOWLEDGED, 3602.0)
    assert [("unacknowledged", False)] == born.tell(3602.5), "and what follows is what is now"


def test_an_alarm_that_came_and_went_unseen_in_between_is_the_past_too() -> None:
    born = Born()
    born.alarm(AlarmState.NORMAL, 1.0)
    assert [("normal", False)] == born.tell(1.5)
    born.alarm(AlarmState.NORMAL, 9.0)  # of what came in between only this is known
    born.tell(9.5)
    born.record(AlarmState.UNACKNOWLEDGED, 8.0)
    born.record(AlarmState.NORMAL, 9.0)
    assert [] == born.tell(3600.0)


def test_what_happened_while_the_store_did_not_answer_is_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    born = Born()

    def broken(*_arguments: object, **_keywords: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as failing:
        failing.setattr(born.outbox, "pending", broken)
        born.record(AlarmState.UNACKNOWLEDGED, 1.0)
        assert [] == born.tell(1.5)
    born.record(AlarmState.NORMAL, 2.0)
    assert [] == born.tell(60.0)
    assert 2 == born.session.counts.history.waiting, "to be told as historical"


@pytest.mark.parametrize("state", [CaptureState.RECOVERING, CaptureState.FAILED])
def test_a_device_that_is_gone_tells_its_state_and_dies_once(state: CaptureState) -> None:
    born = Born()
    before = len(born.said)
    for second in (1.0, 2.0):
        health = CaptureHealth("pump", state, "unplugged", "usb", 1)
        payload = health_payload(health, PROGRESS, at_utc_s=BEGIN_S + second, bundle_id=None)
        born.newsbox.put_health(payload)
        born.tell(second)
    assert ["DDATA", "DDEATH"] == [message.topic.split("/")[2] for message in born.said[before:]]


def test_a_file_that_has_ended_stays_as_it_is() -> None:
    born = Born()
    health = CaptureHealth("pump", CaptureState.ENDED, "read to its end", "file", 1)
    born.newsbox.put_health(health_payload(health, PROGRESS, at_utc_s=BEGIN_S, bundle_id=None))
    born.tell(1.0)
    assert "DDATA" == born.said[-1].topic.split("/")[2]


def test_an_answer_that_waited_for_a_connection_is_still_told_as_the_last_one() -> None:
    born = Born()
    born.reply("c1", 1.0)
    born.tell(1.5)
    since = len(born.said)
    born.reply("c2", 2.0)
    born.connect_again(60.0)
    born.tell(60.5)
    assert [("DBIRTH", "c1", False), ("DDATA", "c2", False)] == born.answers(since)
    born.connect_again(90.0)
    assert ("DBIRTH", "c2", False) == born.answers(since)[-1]


def test_an_answer_that_is_given_again_is_told_though_another_came_after_it() -> None:
    born = Born()
    since = len(born.said)
    for command_id, second in (("c1", 1.0), ("c2", 2.0), ("c1", 1.0)):
        born.reply(command_id, second)
    born.tell(3.0)
    assert ["c1", "c2", "c1"] == [command_id for _, command_id, _ in born.answers(since)]


def test_answers_for_a_dead_device_are_told_when_it_is_back() -> None:
    born = Born()
    since = len(born.said)
    for state, second in ((CaptureState.FAILED, 1.0), (CaptureState.HEALTHY, 60.0)):
        health = CaptureHealth("pump", state, "", "usb", 1)
        payload = health_payload(health, PROGRESS, at_utc_s=BEGIN_S + second, bundle_id=None)
        born.newsbox.put_health(payload)
        born.reply(f"c{second:g}", second)
        born.tell(second)
    assert [("DBIRTH", "", False), ("DDATA", "c1", False), ("DDATA", "c60", False)] == born.answers(since)
