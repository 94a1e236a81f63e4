"""The edge node on a real Mosquitto: what stands on the wire, and what a host makes of it.

Tests with the mark `tck` show assertions of the TCK that a core without a connection cannot.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from edge_rig import NODE, EdgeRig, HostSide, at
from fixtures_mosquitto import Mosquitto, Recorder, eventually
from publish_certificates import tls_lines
from sparkplug_oracle import OraclePayload, pysparkplug
from sparkplug_rig import Counter
from wire_tap import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, Packet, Tap, text_at

from monitor.messages import AlarmState, CaptureState
from monitor.publish.edge.line import Inbound
from monitor.publish.edge.records import AT_ONCE
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.topics import Verb
from monitor.testing import ListOutbox

pytestmark = pytest.mark.broker
VERSIONS = ("3.1.1", "5")
EVENTS = 4_000


@pytest.fixture
def tap(mosquitto: Mosquitto) -> Iterator[Tap]:
    tap = Tap(mosquitto.port)
    yield tap
    tap.close()


def of_kind(tap: Tap, kind: int, line: int = -1) -> list[Packet]:
    return [packet for packet in tap.lines[line].packets if packet.kind == kind]


def published(packet: Packet, version: str) -> tuple[str, bytes]:
    topic, place = text_at(packet.body, 0)
    place += 2 * (packet.flags >> 1 & 3 > 0)
    return topic.decode(), packet.body[place + (packet.body[place] + 1 if version == "5" else 0) :]


# What stands on the wire


@pytest.mark.tck("principles-persistence-clean-session-311")
def test_with_mqtt_3_1_1_the_session_is_clean(tap: Tap, make_edge: Callable[..., EdgeRig]) -> None:
    make_edge(tap.address).born()
    (connect,) = of_kind(tap, CONNECT)
    assert (b"MQTT", 4) == (connect.body[2:6], connect.body[6])
    assert connect.body[7] & 0x02, "Clean Session"


@pytest.mark.tck("principles-persistence-clean-session-50")
def test_with_mqtt_5_it_starts_clean_and_expires_at_once(tap: Tap, make_edge: Callable[..., EdgeRig]) -> None:
    make_edge(tap.address, version="5").born()
    (connect,) = of_kind(tap, CONNECT)
    assert (5, 0x02) == (connect.body[6], connect.body[7] & 0x02), "Clean Start"
    properties = connect.body[11 : 11 + connect.body[10]]
    assert b"\x11\x00\x00\x00\x00" in properties, "Session Expiry Interval 0"


@pytest.mark.parametrize("version", VERSIONS)
def test_each_connection_has_a_will_of_its_own(
    version: str, tap: Tap, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(tap.address, version=version)
    for expected in range(2):
        rig.born()
        (connect,) = of_kind(tap, CONNECT, expected)
        assert 0b0_0_0_01_1_1_0 == connect.body[7], "will, QoS 1, not retained, clean"
        place = 10 + (1 + connect.body[10] if version == "5" else 0)
        _, place = text_at(connect.body, place)
        place += 1 + connect.body[place] if version == "5" else 0
        topic, place = text_at(connect.body, place)
        will, _ = text_at(connect.body, place)
        assert b"spBv1.0/mill/NDEATH/box1" == topic
        message = OraclePayload.FromString(will)
        assert [("bdSeq", expected)] == [(m.name, m.long_value) for m in message.metrics]
        assert not message.HasField("seq")
        tap.cut()
        eventually(lambda: rig.node.state.phase is not Phase.BORN)


@pytest.mark.tck("payloads-ndeath-will-message-publisher-disconnect-mqtt311")
def test_with_mqtt_3_1_1_the_death_is_published_before_it_disconnects(
    tap: Tap, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(tap.address)
    rig.born()
    rig.stop()
    eventually(lambda: of_kind(tap, DISCONNECT))
    last = tap.lines[0].packets[-2:]
    assert [PUBLISH, DISCONNECT] == [packet.kind for packet in last]
    assert "spBv1.0/mill/NDEATH/box1" == published(last[0], "3.1.1")[0]
    assert b"" == last[1].body
    assert [0] == [each.bdseq for each in host.waits_for(1, "NDEATH")], "and the will is not"
    assert [] == host.violations


@pytest.mark.tck("payloads-ndeath-will-message-publisher-disconnect-mqtt50")
def test_with_mqtt_5_it_disconnects_with_its_will(
    tap: Tap, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(tap.address, version="5")
    rig.born()
    rig.stop()
    eventually(lambda: of_kind(tap, DISCONNECT))
    assert 0x04 == tap.lines[0].packets[-1].body[0], "Disconnect with Will Message"
    assert [0, 0] == [each.bdseq for each in host.waits_for(2, "NDEATH")], "the same death twice"
    assert [] == host.violations


@pytest.mark.parametrize("version", VERSIONS)
def test_it_subscribes_before_it_is_born_to_exactly_its_topics(
    version: str, tap: Tap, make_edge: Callable[..., EdgeRig]
) -> None:
    make_edge(tap.address, version=version)
    eventually(lambda: tap.lines and of_kind(tap, PUBLISH), what="birth")
    packets = tap.lines[0].packets
    births = [index for index, packet in enumerate(packets) if packet.kind == PUBLISH]
    subscribed = [packet for packet in packets[: births[0]] if packet.kind == SUBSCRIBE]
    (body,) = [packet.body[2 + (1 if version == "5" else 0) :] for packet in subscribed]
    topics, place = [], 0
    while place < len(body):
        topic, place = text_at(body, place)
        assert 1 == body[place], "QoS 1"
        place += 1
        topics.append(topic.decode())
    assert ["spBv1.0/mill/NCMD/box1", *(f"spBv1.0/mill/DCMD/box1/{one}" for one in ("pump", "fan"))] == topics


# What a host makes of it


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("aliases", [False, True])
def test_a_whole_life_pleases_a_strict_host(
    version: str,
    aliases: bool,  # noqa: FBT001 - drawn
    mosquitto: Mosquitto,
    host: HostSide,
    make_edge: Callable[..., EdgeRig],
) -> None:
    rig = make_edge(at(mosquitto), version=version, sparkplug={"aliases": aliases})
    host.waits_for(2, "DBIRTH")
    rig.score(0.4)
    rig.map()
    rig.event("e1")
    eventually(lambda: rig.outbox.sent == [1], what="the event is read")  # type: ignore[attr-defined]
    time.sleep(1.0)  # births are sent once a second at most
    host.asks_rebirth()
    host.waits_for(2, "NBIRTH")
    host.waits_for(4, "DBIRTH")
    rig.health("pump", CaptureState.FAILED)
    host.waits_for(1, "DDEATH")
    rig.health("pump")
    host.waits_for(5, "DBIRTH")
    rig.stop()
    host.waits_for(1, "NDEATH")
    assert [] == host.violations
    assert {0} == {each.bdseq for each in host.of("NBIRTH", "NDEATH")}, "a rebirth is the same session"
    assert [(1, False)] == [(e.qos, e.retain) for e in host.of("NDEATH")][:1]
    birth = next(each for each in host.recorder.heard if "/NBIRTH/" in each.topic)
    assert "bdSeq" in {metric.name for metric in pysparkplug.NBirth.decode(birth.payload).metrics}


def test_a_microphone_that_is_lost_says_why_dies_and_is_born_again(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto))
    host.waits_for(2, "DBIRTH")
    rig.health("pump", CaptureState.RECOVERING)
    host.waits_for(1, "DDEATH")
    before, death = host.told[-2:]
    assert ("DDATA", "unplugged") == (before.verb, before.metric("Input/Reason").string_value)
    assert ("DDEATH", "pump", 0) == (death.verb, death.device_id, len(death.payload.metrics))
    rig.score(0.9)
    rig.event("while away")
    time.sleep(0.3)
    assert death.payload.seq == host.told[-1].payload.seq, "nothing is told of the dead"
    rig.health("pump")
    birth = host.waits_for(3, "DBIRTH")[-1]
    assert "healthy" == birth.metric("Input/State").string_value
    assert 0.9 == birth.metric("Score").double_value
    eventually(lambda: host.tellings("Alarm/EventId"))
    (event,) = host.tellings("Alarm/EventId")
    assert ("while away", True) == (event.string_value, event.is_historical)
    assert [] == host.violations


def test_a_microphone_that_has_never_been_heard_is_not_born_and_can_be_commanded(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto), source_ids=("pump", "absent"), absent=("absent",))
    host.waits_for(1, "DBIRTH")
    host.writes("Command/OutOfService", DataType.BOOLEAN, True, "absent")
    eventually(lambda: rig.commands)
    assert "absent" == rig.commands[0][0]
    assert ["pump"] == [each.device_id for each in host.of("DBIRTH")]
    rig.stop()
    host.waits_for(1, "NDEATH")
    assert ["pump"] == [each.device_id for each in host.of("DDEATH")]
    assert [] == host.violations


def test_an_outage_is_told_later_in_order_as_history_and_what_is_now_by_the_birth(
    mosquitto: Mosquitto, tap: Tap, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(tap.address)
    host.waits_for(2, "DBIRTH")
    mosquitto.hang()  # nobody is let in before all has happened
    tap.cut()
    eventually(lambda: rig.node.state.phase is not Phase.BORN, what="it has noticed")
    for index in range(10):
        rig.event(f"e{index}", ("pump", "fan")[index % 2])
    rig.score(1.5)
    rig.alarm("pump", AlarmState.SHELVED)
    mosquitto.go_on()
    host.waits_for(2, "NBIRTH")
    eventually(lambda: len(rig.outbox.sent) == 10, what="all are read")  # type: ignore[attr-defined]
    eventually(lambda: all(len(host.tellings("Alarm/EventId", one)) == 5 for one in ("pump", "fan")))
    for device_id, names in (("pump", "e0 e2 e4 e6 e8"), ("fan", "e1 e3 e5 e7 e9")):
        metrics = host.tellings("Alarm/EventId", device_id)
        assert names.split() == [metric.string_value for metric in metrics]
        assert {True} == {metric.is_historical for metric in metrics}
    assert [0, 1] == [each.bdseq for each in host.of("NBIRTH")]
    births = [each for each in host.of("DBIRTH")[2:] if each.device_id == "pump"]
    assert 1.5 == births[0].metric("Score").double_value
    assert "shelved" == births[0].metric("Alarm/StateText").string_value
    assert [1.5] == [score.value for score in rig.offline]
    assert 2 == rig.flushed
    assert [] == host.violations


def test_what_a_broker_had_not_read_when_it_died_is_told_again(
    mosquitto: Mosquitto, tap: Tap, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(tap.address)
    rig.born()
    mosquitto.hang()
    rig.event("lost with the broker")
    time.sleep(1.5)
    outbox = rig.outbox
    assert isinstance(outbox, ListOutbox)
    assert [] == outbox.sent, "nobody has said that it was read"
    mosquitto.kill()
    mosquitto.start()
    eventually(lambda: outbox.sent == [1])
    messages = [published(packet, "3.1.1") for packet in of_kind(tap, PUBLISH)]
    events = [
        (metric.string_value, metric.is_historical)
        for topic, payload in messages
        for metric in OraclePayload.FromString(payload).metrics
        if "DDATA" in topic and metric.name == "Alarm/EventId"
    ]
    assert [("lost with the broker", True)] == events


def test_a_broker_that_hangs_is_given_no_more_than_it_takes(
    mosquitto: Mosquitto, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto))
    rig.born()
    mosquitto.hang()
    for index in range(EVENTS):
        rig.event(f"e{index} ".ljust(1_000, "x"), note=f"{index} ".ljust(1_000, "y"))
    line = rig.node._started()
    eventually(lambda: line.is_busy, 30.0, what="the line is full")
    paho = line._paho
    assert paho is not None
    time.sleep(1.0)
    assert len(paho._out_packet) <= AT_ONCE, "nothing more is handed to a line that takes nothing"
    assert rig.node.state.session.history.under_way < EVENTS
    mosquitto.go_on()
    eventually(lambda: rig.node.state.records == EVENTS, 30.0, "all are read")
    assert 0 == rig.node.state.session.history.repeated


def test_rebirths_that_are_asked_for_over_a_line_that_takes_nothing_do_not_pile_up(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto))
    rig.born()
    host.asks_rebirth()
    host.waits_for(2, "NBIRTH")
    mosquitto.hang()
    for index in range(EVENTS):
        rig.event(f"e{index} ".ljust(1_000, "x"), note=f"{index} ".ljust(1_000, "y"))
    line = rig.node._started()

    def is_stuck() -> bool:
        before = rig.node.state.session.history.under_way
        for _ in range(30):  # the node could have told more, had the line taken it
            rig.comes_round()
            if not line.is_busy:
                return False
        return before == rig.node.state.session.history.under_way > 0

    eventually(is_stuck, 30.0, what="the line takes nothing")
    asked = next(each for each in host.recorder.heard if "/NCMD/" in each.topic)
    before = rig.node.state.session
    for _ in range(5):
        line.inbound.append(Inbound(asked.topic, asked.payload, retained=False))
        time.sleep(0.4)
    rig.comes_round()
    after = rig.node.state.session
    assert (before.births, before.rebirths_asked + 5) == (after.births, after.rebirths_asked)
    mosquitto.go_on()
    eventually(lambda: rig.node.state.session.births == before.births + 1, 30.0, "one for all who asked")


def test_scores_are_told_when_they_say_something_new(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto), sparkplug={"score_deadband": 0.1})
    host.waits_for(2, "DBIRTH")
    for value in (0.40, 0.45, 0.52, 0.97, 1.01, None, None, 0.5):
        rig.score(value)
        rig.comes_round()  # each has a turn of the node to itself
    eventually(lambda: len(host.tellings("Score")) >= 6)
    scores = host.tellings("Score")
    assert [0.40, 0.52, 0.97, 1.01, None, 0.5] == [
        None if metric.is_null else metric.double_value for metric in scores
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_speaks_tls_with_its_own_certificate_and_a_login(
    version: str,
    certificates: Path,
    tmp_path: Path,
    make_mosquitto: Callable[..., Mosquitto],
    make_edge: Callable[..., EdgeRig],
) -> None:
    broker = make_mosquitto(login=("box1", "secret"), more_lines=tls_lines(certificates))
    password = tmp_path / "password"
    password.write_text("secret\n")
    files = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}
    access: dict[str, object] = {key: str(certificates / name) for key, name in files.items()}
    access |= {"tls": True, "username": "box1", "password_file": str(password)}
    sources = tuple(f"source-{index}" for index in range(300))  # births that do not fit into one write
    server = ("localhost", broker.port)
    rig = make_edge(server, version=version, mqtt=access, source_ids=sources)
    rig.born()
    for source_id in sources:
        rig.event("e1", source_id)
    eventually(lambda: rig.node.state.records == len(sources), what="all births and events are read")
    assert (1, 0) == (rig.node.state.connects, rig.node.state.failed_connects)
    assert "secret" not in rig.log.text()


def test_a_login_that_is_refused_is_named_and_tried_again(
    make_mosquitto: Callable[..., Mosquitto], make_edge: Callable[..., EdgeRig]
) -> None:
    broker = make_mosquitto(login=("box1", "secret"))
    counter = Counter()
    rig = make_edge(at(broker), counter=counter)
    eventually(lambda: counter.last == 1, what="a second attempt")
    assert "Not authorized" in rig.node.state.last_error or "not authorised" in rig.node.state.last_error
    assert "away" == rig.node.state.word


# Commands


def test_commands_come_as_documents_and_kept_or_foreign_ones_do_not(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    host.writes("Command/Acknowledge", DataType.BOOLEAN, True, "pump", retain=True)
    rig = make_edge(at(mosquitto))
    host.waits_for(2, "DBIRTH")
    eventually(lambda: rig.node.state.refused == 1, what="the retained one is refused")
    host.writes("Command/Acknowledge", DataType.BOOLEAN, True, "pump")
    host.recorder.send(NODE.topic(Verb.DCMD, "fan"), b"\xff\xff no payload")
    host.recorder.send(NODE.topic(Verb.DCMD, "fan"), b"x" * 100_000)
    eventually(lambda: rig.commands and rig.node.state.malformed == 2)
    ((source_id, document),) = rig.commands
    assert "pump" == source_id
    assert isinstance(document, bytes)
    assert b'"acknowledge"' in document


# Primary host, and several brokers


def test_without_its_primary_host_it_says_nothing_and_keeps_events(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto), hosted=True)
    eventually(lambda: rig.node.state.phase is Phase.WAITING)
    rig.event("early")
    time.sleep(0.3)
    assert [] == host.told
    host.says(online=True, timestamp_ms=10)
    host.waits_for(2, "DBIRTH")
    eventually(lambda: [1] == rig.outbox.sent and host.tellings("Alarm/EventId"))  # type: ignore[attr-defined]
    assert [("early", True)] == [(m.string_value, m.is_historical) for m in host.tellings("Alarm/EventId")]
    host.says(online=False, timestamp_ms=10)
    host.waits_for(1, "NDEATH")
    eventually(lambda: rig.node.state.connects == 2, what="it is back, and waits")
    host.says(online=True, timestamp_ms=11)
    host.waits_for(2, "NBIRTH")
    assert [0, 1] == [each.bdseq for each in host.of("NBIRTH")]
    assert [] == host.violations


@pytest.mark.tck("operational-behavior-primary-application-state-with-multiple-servers-single-server")
def test_it_walks_to_the_broker_where_its_host_is_and_is_never_at_two(
    make_mosquitto: Callable[..., Mosquitto],
    make_recorder: Callable[..., Recorder],
    make_edge: Callable[..., EdgeRig],
) -> None:
    brokers = [make_mosquitto(), make_mosquitto()]
    hosts = [HostSide(make_recorder(broker.port, "spBv1.0/#")) for broker in brokers]
    taps = [Tap(broker.port) for broker in brokers]
    hosts[1].says(online=True, timestamp_ms=10)
    counter = Counter()
    rig = make_edge(*(tap.address for tap in taps), hosted=True, counter=counter)
    most_open = 0
    ports = {tap.port for tap in taps}

    def watched(claim: Callable[[], object]) -> Callable[[], object]:
        def look() -> object:
            nonlocal most_open
            # the node lives in this process: what the kernel says of it, for the taps notice an end later
            lines = psutil.net_connections("tcp4")
            mine = [one for one in lines if one.pid == os.getpid() and one.raddr and one.raddr.port in ports]
            most_open = max(most_open, len(mine))
            return claim()

        return look

    eventually(watched(lambda: len(hosts[1].of("DBIRTH")) == 2), what="births where the host is")
    hosts[1].says(online=False, timestamp_ms=12)
    hosts[0].says(online=True, timestamp_ms=13)
    eventually(watched(lambda: len(hosts[0].of("DBIRTH")) == 2), what="births at the other broker")
    rig.stop()
    assert 1 == most_open
    assert [] == [*hosts[0].violations, *hosts[1].violations]
    assert [1, 1] == [each.bdseq for each in hosts[1].of("NBIRTH", "NDEATH")]
    assert counter.last == hosts[0].of("NBIRTH")[0].bdseq
    for tap in taps:
        tap.close()
