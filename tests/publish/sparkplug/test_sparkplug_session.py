from __future__ import annotations

import pytest
from sparkplug_rig import DEVICE_TAGS, NODE, START_MS, Counter, Heard, Rig, heard

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.actions import Disconnect, Publish, Subscribe
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.settings import Now, SessionSettings, next_bdseq

HOSTED = SessionSettings(NODE, primary_host_id="scada", loose_max=100)


def verbs(messages: list[Heard]) -> list[str]:
    return [message.verb for message in messages]


def values(messages: list[Heard]) -> list[tuple[float, bool]]:
    """(score, historical) of each."""
    return [
        (metric.double_value, metric.is_historical)
        for message in messages
        for metric in message.payload.metrics
        if metric.name == "Score"
    ]


def born_rig(settings: SessionSettings | None = None, *, last_bdseq: int | None = None) -> Rig:
    rig = Rig(settings or SessionSettings(NODE, loose_max=100), Counter(last_bdseq))
    rig.appear("pump", Score=0.5)
    rig.appear("fan")
    rig.connect()
    if rig.settings.primary_host_id is not None:
        rig.host(online=True, timestamp_ms=1)
    rig.tick()
    rig.seconds += 10.0
    return rig


# Births and deaths


def test_births_come_first_and_the_nodes_before_the_devices() -> None:
    rig = born_rig()
    assert isinstance(rig.actions[0], Subscribe)
    assert ["NBIRTH", "DBIRTH", "DBIRTH"] == verbs(rig.heard)
    assert [0, 1, 2] == [message.payload.seq for message in rig.heard]


def test_what_was_never_said_is_null_in_a_birth() -> None:
    pump, fan = born_rig().of("DBIRTH")
    assert (0.5, False) == (pump.metric("Score").double_value, pump.metric("Score").is_null)
    assert fan.metric("Score").is_null
    assert not fan.metric("Score").HasField("double_value")


def test_a_birth_says_what_is_now_with_the_time_since_when() -> None:
    rig = born_rig()
    rig.change({"Score": 0.7}, at_ms=START_MS + 9_000)
    (birth,) = [each for each in rig.rebirth() if each.device_id == "pump"]
    assert 0.7 == birth.metric("Score").double_value
    assert START_MS + 9_000 == birth.metric("Score").timestamp
    assert START_MS + 10_000 == birth.payload.timestamp


def test_seq_wraps_after_255_and_counts_every_message_of_the_node() -> None:
    rig = born_rig()
    for index in range(300):
        rig.change({"Score": float(index)}, "pump" if index % 2 else "fan")
    assert [index % 256 for index in range(303)] == [message.payload.seq for message in rig.heard]


def test_a_lost_device_dies_once_and_is_born_again() -> None:
    rig = born_rig()
    assert ["DDEATH"] == verbs(rig.lose())
    assert [] == rig.lose()
    assert [] == rig.change({"Score": 0.9})
    (birth,) = rig.appear()
    assert ("DBIRTH", 0.9) == (birth.verb, birth.metric("Score").double_value)
    assert [0, 1, 2, 3, 4] == [message.payload.seq for message in rig.heard]


def test_a_device_that_is_dead_has_no_birth_at_the_next_connection() -> None:
    rig = born_rig()
    rig.lose()
    rig.session.disconnected()
    assert [None, "fan"] == [message.device_id for message in rig.connect()]


def test_a_new_device_is_subscribed_to_before_its_birth() -> None:
    rig = born_rig()
    before = len(rig.actions)
    rig.appear("mill")
    subscribe, birth = rig.actions[before:]
    assert subscribe == Subscribe(("spBv1.0/mill/DCMD/box1/mill",))
    assert isinstance(birth, Publish)
    assert birth.topic == "spBv1.0/mill/DBIRTH/box1/mill"


def test_an_orderly_end_tells_every_death_and_the_nodes_last() -> None:
    rig = born_rig()
    rig.lose("fan")
    assert ["DDEATH", "NDEATH"] == verbs(rig.stop())
    assert rig.actions[-1] == Disconnect(reconnect=False, with_will=True)
    assert Phase.LEAVING is rig.session.phase
    assert [] == rig.stop()


def test_a_node_that_was_not_born_does_not_die() -> None:
    rig = Rig(HOSTED)
    rig.connect()
    assert [] == rig.stop()
    assert [Disconnect(reconnect=False)] == rig.disconnects
    assert [] == Rig().stop()


# bdSeq


def bdseq_of(message: Publish | Heard) -> int:
    read = heard(message) if isinstance(message, Publish) else message
    return int(read.metric("bdSeq").long_value)


def test_each_attempt_has_the_next_bdseq_failed_ones_too() -> None:
    rig = Rig()
    wills = []
    for _ in range(3):
        wills.append(bdseq_of(rig.session.connecting(rig.now).will))
        rig.session.disconnected()
    rig.connect()
    assert [0, 1, 2] == wills
    assert (3, 3) == (bdseq_of(rig.connects[0].will), bdseq_of(rig.of("NBIRTH")[0]))


def test_bdseq_goes_on_after_a_restart_and_wraps() -> None:
    rig = born_rig(last_bdseq=254)
    assert 255 == bdseq_of(rig.of("NBIRTH")[0])
    rig.session.disconnected()
    assert 0 == bdseq_of(rig.connect()[0])
    assert [0, 7] == [next_bdseq(None), next_bdseq(6)]


def test_death_rebirth_and_will_carry_the_bdseq_of_the_connection() -> None:
    rig = born_rig(last_bdseq=40)
    rig.rebirth()
    rig.stop()
    numbers = {bdseq_of(message) for message in rig.of("NBIRTH", "NDEATH")}
    assert {41} == numbers | {bdseq_of(rig.connects[0].will)}


def test_a_counter_that_cannot_count_prevents_the_attempt() -> None:
    class Broken(Counter):
        def next(self) -> int:
            if self.last is None:
                raise OSError("disk full")
            return 256

    counter = Broken()
    rig = Rig(counter=counter)
    with pytest.raises(OSError, match="disk full"):
        rig.session.connecting(rig.now)
    assert Phase.DOWN is rig.session.phase
    counter.last = 255
    with pytest.raises(SparkplugError, match="bdSeq 256"):
        rig.session.connecting(rig.now)


def test_a_connection_without_a_will_of_its_own_is_refused() -> None:
    rig = born_rig()
    with pytest.raises(SparkplugError, match="without a will"):
        rig.session.connected(rig.now)
    rig.session.disconnected()
    with pytest.raises(SparkplugError, match="without a will"):
        rig.session.connected(rig.now)


def test_an_attempt_while_connected_means_that_the_connection_was_lost() -> None:
    rig = born_rig()
    rig.change({"Score": 0.9}, token=5)
    rig.connect()
    assert [(0.9, True)] == values(rig.tick())


# Data


def test_only_what_differs_is_sent() -> None:
    rig = born_rig()
    (told,) = rig.change({"Score": 0.6, "Alarm/Active": True})
    assert ["Score", "Alarm/Active"] == told.names
    assert [] == rig.change({"Score": 0.6, "Alarm/Active": True})
    (told,) = rig.change({"Score": 0.6, "Alarm/Active": None})
    assert ["Alarm/Active"] == told.names
    assert told.metric("Alarm/Active").is_null


def test_the_nodes_own_tags_travel_as_ndata() -> None:
    (told,) = born_rig().change({"Box/Losses": 3}, None)
    assert ("NDATA", 3) == (told.verb, told.metric("Box/Losses").long_value)


@pytest.mark.parametrize(
    ("device_id", "change", "why"),
    [
        ("press", {"Score": 1.0}, "no device is named 'press'"),
        ("pump", {"score": 1.0}, "no tag is named 'score'"),
        ("pump", {"Score": "high"}, "tag Score: Double cannot hold 'high'"),
        ("pump", {"Alarm/Active": 1}, "Boolean cannot hold 1"),
        (None, {"bdSeq": 1}, "the session's own"),
        (None, {"Node Control/Rebirth": True}, "the session's own"),
    ],
)
def test_what_no_birth_promised_is_refused_and_nothing_changes(
    device_id: str | None, change: dict[str, object], why: str
) -> None:
    rig = born_rig()
    with pytest.raises(SparkplugError, match=why):
        rig.change(change, device_id)  # type: ignore[arg-type]
    (told,) = rig.change({"Score": 0.6})
    assert 3 == told.payload.seq


def test_a_time_that_no_message_can_carry_is_refused() -> None:
    with pytest.raises(SparkplugError, match="before 1970"):
        born_rig().change({"Score": 0.6}, at_ms=-1)
    with pytest.raises(SparkplugError, match="before 1970"):
        Now(-1, 0.0)


@pytest.mark.parametrize(
    ("device_id", "why"),
    [("PUMP", "letter case"), ("a/b", "Sparkplug ids may not"), ("", "bytes")],
)
def test_a_device_that_hosts_could_not_tell_apart_is_refused(device_id: str, why: str) -> None:
    rig = born_rig()
    with pytest.raises(SparkplugError, match=why):
        rig.appear(device_id)
    assert ["pump", "fan"] == [message.device_id for message in rig.rebirth()[1:]]


def test_a_device_never_changes_its_tags() -> None:
    rig = born_rig()
    with pytest.raises(SparkplugError, match="other tags"):
        rig.session.device_appeared("pump", DEVICE_TAGS[:2], {}, rig.now)


def test_losing_a_device_that_never_was_is_refused() -> None:
    with pytest.raises(SparkplugError, match="must appear first"):
        born_rig().lose("press")


# The past


def test_what_happened_while_the_line_was_down_is_told_as_historical_in_order_with_its_times() -> None:
    rig = born_rig()
    rig.session.disconnected()
    for index in range(5):
        assert [] == rig.change({"Score": float(index)}, at_ms=START_MS + index)
    births = rig.connect()
    assert 4.0 == births[1].metric("Score").double_value
    told = rig.tick()
    assert [(float(index), True) for index in range(5)] == values(told)
    assert [START_MS + index for index in range(5)] == [each.metric("Score").timestamp for each in told]
    assert ["DDATA"] * 5 == verbs(told)
    assert [] == rig.tick()


def test_what_is_now_is_told_at_once_while_the_past_waits() -> None:
    rig = born_rig(SessionSettings(NODE, loose_max=100, history_per_tick=2))
    rig.session.disconnected()
    for index in range(3):
        rig.change({"Score": float(index)})
    rig.connect()
    assert [(9.0, False)] == values(rig.change({"Score": 9.0}))
    assert [(0.0, True), (1.0, True)] == values(rig.tick())
    assert [(2.0, True)] == values(rig.tick())


def test_late_samples_are_history_and_leave_what_is_now() -> None:
    rig = born_rig()
    assert [] == rig.change({"Score": 7.0}, late=True, token=1, at_ms=START_MS - 5)
    assert [(7.0, True)] == values(rig.tick())
    assert 0.5 == rig.rebirth()[1].metric("Score").double_value


def test_what_was_sent_and_not_confirmed_is_told_again_after_a_lost_connection() -> None:
    rig = born_rig()
    (first,) = rig.change({"Score": 1.0}, token=1)
    rig.change({"Score": 2.0}, token=2)
    rig.session.confirmed(first.number, rig.now)
    assert (1,) == rig.session.settled(rig.now)
    rig.session.disconnected()
    rig.connect()
    assert [(2.0, True)] == values(rig.tick())
    rig.session.confirmed(rig.heard[-1].number, rig.now)
    assert (2,) == rig.session.settled(rig.now)
    assert () == rig.session.settled(rig.now)


def test_a_sample_that_says_nothing_new_is_settled_with_the_last_message() -> None:
    rig = born_rig()
    (told,) = rig.change({"Score": 1.0})
    assert [] == rig.change({"Score": 1.0}, token=7)
    assert () == rig.session.settled(rig.now)
    rig.session.confirmed(told.number, rig.now)
    assert (7,) == rig.session.settled(rig.now)


def test_what_happened_to_a_dead_device_is_told_when_it_is_back_and_others_do_not_wait() -> None:
    rig = born_rig()
    rig.lose("pump")
    rig.change({"Score": 1.0}, "pump")
    rig.change({"Score": 2.0}, "fan", late=True)
    assert [(2.0, True)] == values(rig.tick())
    rig.appear("pump")
    assert [(1.0, True)] == values(rig.tick())


def test_maps_are_not_part_of_history() -> None:
    rig = born_rig()
    rig.session.disconnected()
    rig.change({"Error/Map": (1.0, 2.0)})
    rig.change({"Error/Map": (3.0,), "Score": 3.0})
    birth = rig.connect()[1]
    assert birth.metric("Error/Map").bytes_value == b"\0\0\x40\x40"
    assert [["Score"]] == [message.names for message in rig.tick()]


def test_tokens_are_refused_when_full_and_taken_again_when_settled() -> None:
    rig = born_rig(SessionSettings(NODE, tokened_max=2))
    assert 2 == rig.session.room
    rig.change({"Score": 1.0}, token=1)
    (told,) = rig.change({"Score": 2.0}, token=2)
    with pytest.raises(SparkplugError, match="2 samples wait already"):
        rig.change({"Score": 3.0}, token=3)
    assert [(4.0, False)] == values(rig.change({"Score": 4.0}))  # without a token there is always room
    rig.session.confirmed(told.number, rig.now)
    assert (1, 2) == rig.session.settled(rig.now)
    assert 2 == rig.session.room


def test_without_tokens_the_oldest_goes_and_is_counted() -> None:
    rig = born_rig(SessionSettings(NODE, loose_max=3))
    rig.session.disconnected()
    rig.change({"Score": -1.0}, token=1)
    for index in range(5):
        rig.change({"Score": float(index)})
    assert 2 == rig.session.counts.history.dropped
    rig.connect()
    assert [-1.0, 2.0, 3.0, 4.0] == [score for score, _ in values(rig.tick())]


def test_without_room_for_any_every_sample_that_cannot_be_sent_is_counted() -> None:
    rig = born_rig(SessionSettings(NODE, loose_max=0))
    rig.change({"Score": 0.7})
    assert 0 == rig.session.counts.history.dropped
    rig.session.disconnected()
    rig.change({"Score": 0.8})
    assert 1 == rig.session.counts.history.dropped


# Rebirth


def test_a_rebirth_has_all_births_and_the_same_bdseq_and_no_death() -> None:
    rig = born_rig()
    rig.change({"Score": 0.9})
    births = rig.rebirth()
    assert ["NBIRTH", "DBIRTH", "DBIRTH"] == verbs(births)
    assert [0, 1, 2] == [message.payload.seq for message in births]
    assert [] == rig.of("NDEATH", "DDEATH")


def test_a_storm_of_rebirths_is_answered_once_and_then_once_a_second() -> None:
    rig = born_rig()
    assert 3 == len(rig.rebirth())
    for _ in range(50):
        assert [] == rig.rebirth()
    assert [] == rig.tick(0.9)
    assert ["NBIRTH", "DBIRTH", "DBIRTH"] == verbs(rig.tick(0.1))
    assert [] == rig.tick(5.0)
    assert (3, 51) == (rig.session.counts.births, rig.session.counts.rebirths_asked)


def test_births_that_a_slow_line_has_yet_to_write_are_not_followed_by_others() -> None:
    rig = born_rig()
    rig.rebirth()
    rig.seconds += 60.0  # so long the line is busy, and no tick comes
    for _ in range(50):
        rig.session.rebirth_asked()
    assert [] == rig.tick()
    assert [] == rig.tick(0.9)
    assert ["NBIRTH", "DBIRTH", "DBIRTH"] == verbs(rig.tick(0.1))


def test_no_data_is_sent_between_a_rebirth_request_and_its_births() -> None:
    rig = born_rig()
    rig.rebirth()
    rig.rebirth()
    assert [] == rig.change({"Score": 0.9}, token=3)
    births = rig.tick(1.0)
    assert 0.9 == births[1].metric("Score").double_value
    assert [(0.9, True)] == values(rig.tick())


def test_a_device_lost_between_request_and_births_is_born_and_dies() -> None:
    rig = born_rig()
    rig.rebirth()
    rig.rebirth()
    assert [] == rig.lose("fan")
    assert ["NBIRTH", "DBIRTH", "DBIRTH", "DDEATH"] == verbs(rig.tick(1.0))
    assert ["NBIRTH", "DBIRTH"] == verbs([*rig.rebirth(), *rig.tick(1.0)])


def test_a_message_that_failed_is_followed_by_births_and_told_again() -> None:
    rig = born_rig()
    (lost,) = rig.change({"Score": 1.0}, token=1)
    births = rig.keep(rig.session.failed(lost.number, rig.now))
    assert [("NBIRTH", 0), ("DBIRTH", 1), ("DBIRTH", 2)] == [(each.verb, each.payload.seq) for each in births]
    assert [(1.0, True)] == values(rig.tick())


def test_after_a_failure_hosts_hear_nothing_but_births_however_soon_it_is() -> None:
    rig = born_rig()
    rig.rebirth()
    rig.tick()
    (lost,) = rig.change({"Score": 1.0}, token=1)
    assert [] == rig.keep(rig.session.failed(lost.number, rig.now))
    assert [] == rig.change({"Score": 2.0}, "fan", token=2)
    assert [] == rig.lose("fan")
    assert [("NBIRTH", 0), ("DBIRTH", 1), ("DBIRTH", 2), ("DDEATH", 3)] == [
        (each.verb, each.payload.seq) for each in rig.tick(1.0)
    ]
    assert [(1.0, True)] == values(rig.tick())


def test_a_node_that_ends_after_a_failure_tells_its_own_death_alone() -> None:
    rig = born_rig()
    rig.rebirth()
    (lost,) = rig.change({"Score": 1.0})
    rig.keep(rig.session.failed(lost.number, rig.now))
    assert ["NDEATH"] == verbs(rig.stop())


def test_rebirths_are_nothing_to_a_node_that_is_not_born() -> None:
    rig = Rig(HOSTED)
    rig.connect()
    assert [] == rig.rebirth()
    assert [] == rig.tick(100.0)


# The primary host


def test_nothing_is_said_before_the_primary_host_is_there() -> None:
    rig = Rig(HOSTED)
    rig.appear()
    assert [] == rig.connect()
    assert "spBv1.0/STATE/scada" in rig.subscribed
    assert [] == rig.change({"Score": 0.9}, token=1)
    assert [] == rig.host(online=False, timestamp_ms=5)
    assert [] == rig.host(online=True, timestamp_ms=4)
    assert ["NBIRTH", "DBIRTH"] == verbs(rig.host(online=True, timestamp_ms=5))
    assert [(0.9, True)] == values(rig.tick())


def test_when_the_primary_host_goes_the_node_dies_and_leaves() -> None:
    rig = born_rig(HOSTED)
    assert [] == rig.host(online=False, timestamp_ms=0)
    assert ["NDEATH"] == verbs(rig.host(online=False, timestamp_ms=1))
    assert [Disconnect(reconnect=True)] == rig.disconnects
    assert [] == rig.change({"Score": 0.9})
    assert [] == rig.host(online=True, timestamp_ms=2)


def test_what_was_sent_shortly_before_the_host_was_found_away_is_told_again() -> None:
    rig = born_rig(HOSTED)
    (old,) = rig.change({"Score": 1.0}, token=1)
    rig.session.confirmed(old.number, rig.now)
    (new,) = rig.change({"Score": 2.0}, token=2)
    rig.seconds += 51.0
    rig.session.confirmed(new.number, rig.now)  # the line was slow
    rig.seconds += 10.0
    assert (1,) == rig.session.settled(rig.now)
    rig.host(online=False, timestamp_ms=1)
    rig.session.disconnected()
    rig.connect()
    rig.host(online=True, timestamp_ms=3)
    assert [(2.0, True)] == values(rig.tick())


def test_nothing_is_settled_between_the_hosts_leave_and_ours() -> None:
    rig = born_rig(HOSTED)
    (told,) = rig.change({"Score": 1.0}, token=1)
    rig.session.confirmed(told.number, rig.now)
    rig.host(online=False, timestamp_ms=1)
    rig.seconds += 1_000.0  # the line is slow to end
    assert () == rig.session.settled(rig.now)


def test_a_host_that_was_there_at_the_last_broker_must_say_so_again() -> None:
    rig = born_rig(HOSTED)
    rig.session.disconnected()
    assert [] == rig.connect()
    assert [] == rig.host(online=True, timestamp_ms=0)  # times outlive the connection
    assert "NBIRTH" in verbs(rig.host(online=True, timestamp_ms=1))


def test_with_several_brokers_the_node_walks_to_the_next() -> None:
    rig = born_rig(SessionSettings(NODE, primary_host_id="scada", servers=3))
    rig.host(online=False, timestamp_ms=1)
    rig.session.disconnected()
    rig.connect()  # the second broker knows nothing of the host
    assert [] == rig.tick(9.9)
    assert 1 == len(rig.disconnects)
    rig.tick(0.1)
    assert [Disconnect(reconnect=True)] * 2 == rig.disconnects
    rig.session.disconnected()
    rig.session.connecting(rig.now)  # the third is not there
    rig.session.disconnected()
    rig.connect()
    assert [0, 1, 0] == [connect.server for connect in rig.connects]


def test_the_node_is_born_at_a_broker_where_the_host_has_been_for_longer() -> None:
    rig = Rig(SessionSettings(NODE, primary_host_id="scada", servers=2))
    rig.connect()
    rig.host(online=True, timestamp_ms=1200)
    rig.session.disconnected()
    rig.connect()
    assert ["NBIRTH"] == verbs(rig.host(online=True, timestamp_ms=800))


def test_with_one_broker_the_node_waits_there_for_the_host() -> None:
    rig = Rig(HOSTED)
    rig.connect()
    assert [] == rig.tick(1e6)
    assert [] == rig.disconnects


@pytest.mark.parametrize(
    "wrong", [{"servers": 0}, {"history_per_tick": 0}, {"loose_max": -1}, {"primary_host_id": "a/b"}]
)
def test_settings_that_can_never_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SparkplugError):
        SessionSettings(NODE, **wrong)  # type: ignore[arg-type]
