"""What assertions of the Sparkplug TCK mean for what a session asked for, as far as a pure core can show it.

Each check raises AssertionError, or passes over messages of which there is at least one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sparkplug_oracle import pysparkplug
from sparkplug_rig import NODE, NODE_TAGS, Heard, Rig, heard

from monitor.publish.sparkplug.actions import Disconnect, Publish, Subscribe
from monitor.publish.sparkplug.settings import SessionSettings

STATE_TOPIC = "spBv1.0/STATE/scada"
REBIRTH = "Node Control/Rebirth"
DATA, BIRTHS = ("NDATA", "DDATA"), ("NBIRTH", "DBIRTH")


@dataclass(frozen=True)
class Lives:
    """Recordings of whole lives: an ordinary one, one with aliases, one with a host and two brokers."""

    plain: Rig
    aliased: Rig
    hosted: Rig

    def __iter__(self) -> Iterator[Rig]:
        return iter((self.plain, self.aliased, self.hosted))


def ordinary_life(settings: SessionSettings) -> Rig:
    """Two connections with data, a lost device, a rebirth, an outage with history, and an orderly end."""
    rig = Rig(settings)
    rig.appear("pump", Score=0.5)
    rig.appear("fan")
    for connection in range(2):
        rig.connect()
        rig.host(online=True, timestamp_ms=10 + connection)
        for index in range(300):
            rig.seconds += 1.0
            rig.change({"Score": index / 100, "Alarm/Active": None}, "fan" if index % 3 else "pump")
            rig.change({"Box/Losses": index}, None)
        rig.lose("fan")
        rig.tick(2.0)
        rig.appear("fan", Score=0.1)
        rig.rebirth()
        rig.tick(1.0)
        if connection == 0:
            rig.session.disconnected()
            rig.change({"Score": 2.0}, "pump", token=1)
            rig.seconds += 60.0
    rig.stop()
    return rig


def lives() -> Lives:
    """Return the recordings."""
    return Lives(
        ordinary_life(SessionSettings(NODE)),
        ordinary_life(SessionSettings(NODE, aliases=True)),
        ordinary_life(SessionSettings(NODE, primary_host_id="scada", servers=2)),
    )


Check = Callable[[Lives], None]


def every(verbs: tuple[str, ...], holds: Callable[[Heard], Any]) -> Check:
    """Return a check that something holds of every message of these verbs, in every life."""

    def check(recorded: Lives) -> None:
        for rig in recorded:
            messages = rig.of(*verbs)
            assert messages, f"no {verbs} was recorded"
            for message in messages:
                assert holds(message), message

    return check


def every_metric(verbs: tuple[str, ...], holds: Callable[[Any], Any]) -> Check:
    """The same of every metric of these messages."""
    return every(verbs, lambda message: all(holds(metric) for metric in message.payload.metrics))


def topic(verb: str, *, device: bool = False) -> Check:
    def holds(message: Heard) -> bool:
        start = f"spBv1.0/mill/{verb}/box1"
        return message.topic in ({f"{start}/pump", f"{start}/fan"} if device else {start})

    return every((verb,), holds)


def quality_of_service(verb: str, expected: int = 0) -> Check:
    return every((verb,), lambda message: message.qos == expected)


def not_retained(verb: str) -> Check:
    return every((verb,), lambda message: message.retain is False)


def mqtt(verb: str) -> Check:
    return every((verb,), lambda message: message.qos == 0 and message.retain is False)


def sent_at_its_timestamp(verb: str) -> Check:
    def check(recorded: Lives) -> None:
        for rig in recorded:
            for message in rig.of(verb):
                assert rig.sent_ms[message.number] == message.payload.timestamp

    return check


def has_seq(*verbs: str) -> Check:
    return every(verbs, lambda message: message.payload.HasField("seq") and 0 <= message.payload.seq <= 255)


def next_seq(*verbs: str) -> Check:
    """Each message of these verbs has the number after that of the one before it, whatever that was."""

    def check(recorded: Lives) -> None:
        for rig in recorded:
            counted = [message for message in rig.heard if message.verb != "NDEATH"]
            seen = 0
            for before, message in pairwise(counted):
                if message.verb in verbs:
                    seen += 1
                    assert (before.payload.seq + 1) % 256 == message.payload.seq
            assert seen
            assert any(message.payload.seq == 255 for message in counted)

    return check


def data_after_births(recorded: Lives) -> None:
    """Data is only of what was born in the same session, and after the node."""
    for rig in recorded:
        alive: set[str | None] = set()
        told = 0
        for message in rig.heard:
            if message.verb == "NBIRTH":
                alive = {None}
            elif message.verb == "DBIRTH":
                assert None in alive
                alive.add(message.device_id)
            elif message.verb in DATA:
                told += 1
                assert message.device_id in alive
            elif message.verb == "NDEATH":
                alive = set()
        assert told


def births_follow_the_nodes_at_once(recorded: Lives) -> None:
    for rig in recorded:
        verbs = [message.verb for message in rig.heard]
        births = [index for index, verb in enumerate(verbs) if verb == "NBIRTH"]
        assert births
        for index in births:
            assert ["DBIRTH", "DBIRTH"] == verbs[index + 1 : index + 3]


def nothing_before_a_birth(recorded: Lives) -> None:
    for rig in recorded:
        assert "NBIRTH" == rig.heard[0].verb


def only_after_connecting(recorded: Lives) -> None:
    rig = Rig()
    rig.appear("pump", Score=1.0)
    rig.change({"Score": 2.0})
    rig.rebirth()
    rig.tick(10.0)
    rig.session.connecting(rig.now)
    rig.tick(10.0)
    assert [] == rig.heard
    assert recorded.plain.heard


def will_messages(recorded: Lives) -> list[Heard]:
    return [heard(connect.will) for rig in recorded for connect in rig.connects]


def every_will(holds: Callable[[Heard], Any]) -> Check:
    def check(recorded: Lives) -> None:
        wills = will_messages(recorded)
        assert len(wills) == 6
        for will in wills:
            assert holds(will), will

    return check


def bdseq(message: Heard) -> int:
    return int(message.metric("bdSeq").long_value)


def bdseq_of_birth_is_that_of_the_will(recorded: Lives) -> None:
    for rig in recorded:
        wills = [bdseq(heard(connect.will)) for connect in rig.connects]
        births = [bdseq(message) for message in rig.of("NBIRTH")]
        assert [0, 1] == wills
        assert births == sorted(births)
        assert set(wills) == set(births)


def bdseq_of_death_is_that_of_the_birth(recorded: Lives) -> None:
    for rig in recorded:
        assert bdseq(rig.of("NDEATH")[-1]) == bdseq(rig.of("NBIRTH")[-1])


def death_is_bdseq_alone(message: Heard) -> bool:
    return message.names == ["bdSeq"] and message.metric("bdSeq").datatype == 4


def every_tag_with_its_value(verb: str) -> Check:
    """Values in births are current, or null and nothing else; every tag is there with name and type."""
    names = {
        "NBIRTH": {"bdSeq", REBIRTH, *(tag.name for tag in NODE_TAGS)},
        "DBIRTH": {"Score", "Alarm/EventId", "Alarm/Active", "Error/Map"},
    }

    def holds(message: Heard) -> bool:
        told = all(
            metric.datatype and metric.is_null == (metric.WhichOneof("value") is None)
            for metric in message.payload.metrics
        )
        return told and set(message.names) == names[verb]

    return every((verb,), holds)


def is_sparkplug(verb: str) -> Check:
    """The independent decoder takes it, and finds every name and type."""
    kind = {"NBIRTH": pysparkplug.NBirth, "DBIRTH": pysparkplug.DBirth}[verb]
    return every((verb,), lambda message: kind.decode(message.payload.SerializeToString()).metrics)


def told_by_exception(verb: str) -> Check:
    """What is told is never what was told last (late samples excepted)."""

    def check(recorded: Lives) -> None:
        last: dict[tuple[str | None, str], Any] = {}
        seen = 0
        for message in recorded.plain.of(*BIRTHS, verb):
            for metric in message.payload.metrics:
                key = (message.device_id, metric.name)
                value = (metric.WhichOneof("value"), metric.double_value, metric.long_value, metric.is_null)
                if message.verb == verb and not metric.is_historical:
                    seen += 1
                    assert last[key] != value
                last[key] = value
        assert seen

    return check


def aliases_are_unique(recorded: Lives) -> None:
    births = recorded.aliased.of(*BIRTHS)[:3]
    aliases = [metric.alias for each in births for metric in each.payload.metrics if metric.HasField("alias")]
    assert len(aliases) == len(set(aliases)) == 4 + 4 + len(NODE_TAGS)


def births_have_name_and_alias(recorded: Lives) -> None:
    for message in recorded.aliased.of(*BIRTHS):
        for metric in message.payload.metrics:
            assert metric.name
            assert metric.HasField("alias") == (metric.name not in {"bdSeq", REBIRTH})


def data_has_the_alias_alone(recorded: Lives) -> None:
    for message in recorded.aliased.of(*DATA):
        assert all(metric.HasField("alias") and not metric.name for metric in message.payload.metrics)
    for message in recorded.plain.of(*DATA):
        assert all(metric.name and not metric.HasField("alias") for metric in message.payload.metrics)


def rebirth_metric(message: Heard) -> bool:
    metric = message.metric(REBIRTH)
    return (
        metric.datatype == 11
        and metric.WhichOneof("value") == "boolean_value"
        and metric.boolean_value is False
        and not metric.HasField("alias")
    )


def subscribed_first(*topics: str, hosted: bool = False) -> Check:
    """At QoS 1, exactly, before anything is published, and again at each connection."""

    def check(recorded: Lives) -> None:
        for rig in (recorded.hosted,) if hosted else recorded:
            first = rig.actions[0]
            assert isinstance(first, Subscribe)
            assert set(topics) <= set(first.topics)
            assert all(each.qos == 1 for each in rig.actions if isinstance(each, Subscribe))
            assert all(rig.subscribed.count(each) == 2 for each in topics)
            assert not any("#" in each or "+" in each for each in rig.subscribed)

    return check


def rebirth_check(part: str) -> Check:
    def check(_recorded: Lives) -> None:
        rig = Rig()
        rig.appear("pump", Score=0.0)
        rig.connect()
        rig.tick()
        rig.seconds += 5.0
        births = rig.rebirth()
        rig.rebirth()
        waiting = rig.change({"Score": 0.3})
        later = rig.tick(1.0)
        told = {
            "stops data": waiting == [],
            "all births": [each.verb for each in births + later] == ["NBIRTH", "DBIRTH"] * 2,
            "same bdSeq": {bdseq(each) for each in rig.of("NBIRTH")} == {bdseq(heard(rig.connects[0].will))},
        }
        assert told[part]

    return check


def host_check(*words: tuple[bool, int], births: int, deaths: int) -> Check:
    """After these words of the primary host, so many births and deaths of the node have been told."""

    def check(_recorded: Lives) -> None:
        rig = Rig(SessionSettings(NODE, primary_host_id="scada", servers=2))
        rig.connect()
        for online, timestamp_ms in words:
            rig.host(online=online, timestamp_ms=timestamp_ms)
            rig.tick(1.0)
        assert (births, deaths) == (len(rig.of("NBIRTH")), len(rig.of("NDEATH")))
        assert deaths == len(rig.disconnects)

    return check


def walks_on(_recorded: Lives) -> None:
    rig = Rig(SessionSettings(NODE, primary_host_id="scada", servers=2))
    for timestamp_ms in (1, 2, 3):
        rig.connect()
        rig.host(online=True, timestamp_ms=timestamp_ms)
        rig.host(online=False, timestamp_ms=timestamp_ms)
        rig.session.disconnected()
    assert [0, 1, 0] == [connect.server for connect in rig.connects]


def leaves_with_a_death(recorded: Lives) -> None:
    for rig in recorded:
        death, leave = rig.actions[-2:]
        assert isinstance(death, Publish)
        assert "NDEATH" == heard(death).verb
        assert leave == Disconnect(reconnect=False, with_will=True)


def device_death(recorded: Lives) -> None:
    for rig in recorded:
        assert [each.device_id for each in rig.of("DDEATH")] == ["fan", "fan", "pump", "fan"]


def properties_match(message: Heard) -> bool:
    return all(
        len(metric.properties.keys) == len(metric.properties.values) for metric in message.payload.metrics
    )


def property_types(message: Heard) -> bool:
    fields = {12: "string_value", 10: "double_value", 3: "int_value"}
    values = [value for metric in message.payload.metrics for value in metric.properties.values]
    return all(fields[value.type] == value.WhichOneof("value") for value in values)


def clean(recorded: Lives) -> None:
    assert all(connect.clean_start for rig in recorded for connect in rig.connects)
    assert all(connect.session_expiry_s == 0 for rig in recorded for connect in rig.connects)


def names_differ_by_more_than_case(message: Heard) -> bool:
    return len({name.lower() for name in message.names}) == len(message.names)
