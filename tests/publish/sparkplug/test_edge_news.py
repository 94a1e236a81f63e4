from __future__ import annotations

from dataclasses import replace

import pytest
from publish_rig import VOICE, change_to, score_at

from monitor.config import Config, SparkplugConfig
from monitor.config.sparkplug import address_from_server
from monitor.errors import StoreError
from monitor.messages import AlarmState, Score
from monitor.publish.edge.news import Newsbox, ScoreGate
from monitor.publish.edge.records import RecordFeed
from monitor.publish.edge.retry import LONGEST_S, Retry
from monitor.publish.edge.settings import servers_from_config, settings_from_config
from monitor.store.rendering import change_body
from monitor.testing import CapturedLog, ListOutbox


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([0.5], [0.5]),
        ([0.5, 0.7, 0.6], [0.7, 0.6]),
        ([0.5, 0.6, 0.7], [0.7]),
        ([0.9, None], [0.9, None]),
        ([None, 0.2, None], [0.2, None]),
        ([None, None], [None]),
    ],
)
def test_of_scores_not_yet_taken_the_worst_and_the_newest_stay(
    values: list[float | None], kept: list[float | None]
) -> None:
    newsbox = Newsbox()
    for index, value in enumerate(values):
        newsbox.put_score(score_at(index, value=value))
    assert kept == [score.value for score in newsbox.take().scores["pump"]]
    assert {} == newsbox.take().scores


def test_a_score_passes_when_it_says_something_new() -> None:
    gate = ScoreGate(deadband=0.1, every_s=60.0)
    steps: list[tuple[float | None, int, bool]]
    steps = [(0.5, 0, True), (0.55, 1, False), (0.61, 2, True), (0.95, 3, True), (1.0, 4, True)]
    steps += [(None, 5, True), (None, 6, False), (0.5, 7, True), (0.5, 66, False), (0.5, 67, True)]
    for index, (value, second, expected) in enumerate(steps):
        assert expected == gate.passes(score_at(index, value=value), 1.0, float(second)), index


def test_the_limit_that_is_crossed_is_the_one_in_force() -> None:
    gate = ScoreGate(deadband=1.0, every_s=60.0)
    assert gate.passes(score_at(0, value=1.1), 1.5, 0.0)
    assert not gate.passes(score_at(1, value=1.2), 1.5, 1.0)
    assert gate.passes(score_at(2, value=1.5), 1.5, 2.0)


def test_it_tries_each_broker_at_once_and_then_ever_more_slowly() -> None:
    retry, waits, now_s = Retry(servers=2), [], 0.0
    for _ in range(9):
        assert retry.is_due(now_s)
        retry.note_end(now_s)
        begin_s = now_s
        while not retry.is_due(now_s):
            now_s += 0.5
        waits.append(now_s - begin_s)
    assert [0, 1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S] == waits
    retry.note_accepted(now_s)
    retry.note_end(now_s + 60)
    assert retry.is_due(now_s + 60), "a good connection that ended is made again at once"
    retry.note_accepted(now_s + 60)
    retry.note_end(now_s + 61)
    retry.note_accepted(now_s + 61)
    retry.note_end(now_s + 62)
    assert not retry.is_due(now_s + 62), "brokers that throw us out at once are not hammered"


def feed_of(outbox: ListOutbox, log: CapturedLog) -> RecordFeed:
    return RecordFeed(outbox, VOICE, ["pump"], log)


def alive(_source_id: str) -> bool:
    return True


def add(outbox: ListOutbox, source_id: str = "pump") -> int:
    body = change_body(change_to(AlarmState.UNACKNOWLEDGED, source_id=source_id), "demo-1")
    return outbox.add("event", source_id, body, 1.75e9).seq


def test_what_waited_is_the_past_until_the_feed_has_caught_up() -> None:
    outbox = ListOutbox()
    feed = feed_of(outbox, CapturedLog())
    for _ in range(3):
        add(outbox)
    assert [(1, True), (2, True)] == [(s.token, s.late) for s in feed.take(2, 0.0, alive)]
    assert not feed.caught_up
    assert [(3, True)] == [(s.token, s.late) for s in feed.take(2, 0.0, alive)]
    assert feed.caught_up
    add(outbox)
    assert [(4, False)] == [(s.token, s.late) for s in feed.take(2, 0.0, alive)]
    feed.fall_behind()
    add(outbox)
    assert [(5, True)] == [(s.token, s.late) for s in feed.take(2, 0.0, alive)]


def test_records_of_dead_devices_stay_and_hold_up_nobody_and_follow_in_order_when_they_are_back() -> None:
    outbox = ListOutbox()
    feed = RecordFeed(outbox, VOICE, ["pump", "fan"], CapturedLog())
    dead = {"pump"}

    def take(limit: int) -> list[tuple[int | None, bool]]:
        told = feed.take(limit, 0.0, lambda source_id: source_id not in dead)
        return [(sample.token, sample.late) for sample in told]

    for _ in range(450):
        add(outbox, "pump")
    add(outbox, "fan")
    assert [] == take(2) == take(2)
    assert not feed.caught_up
    assert [(451, True)] == take(2)
    assert feed.caught_up
    add(outbox, "pump")
    assert 453 == add(outbox, "fan")
    assert [(453, False)] == take(2), "what is now is told as such, whoever is dead"
    assert [] == outbox.sent
    dead.clear()
    told = [each for _ in range(10) for each in take(100)]
    assert [*range(1, 451), 452] == [token for token, _ in told]
    assert {True} == {late for _, late in told}
    feed.settle([token for token, _ in told if token is not None], 0.0)
    add(outbox, "pump")
    assert [(454, False)] == take(9), "and then all is as before"


def test_what_a_dead_device_gave_back_is_taken_again_before_what_followed() -> None:
    outbox = ListOutbox()
    feed = RecordFeed(outbox, VOICE, ["pump", "fan"], CapturedLog())
    for source_id in ("pump", "fan", "pump"):
        add(outbox, source_id)
    first, _, third = feed.take(9, 0.0, alive)
    feed.take_back([third])
    add(outbox, "pump")
    assert [] == feed.take(9, 0.0, lambda source_id: source_id == "fan")
    feed.take_back([first])
    assert [1, 3, 4] == [sample.token for sample in feed.take(9, 0.0, alive)], "2 is under way"


def test_a_score_that_was_kept_is_the_past_even_when_the_feed_has_caught_up() -> None:
    outbox = ListOutbox()
    feed = feed_of(outbox, CapturedLog())
    feed.take(9, 0.0, alive)
    body = {"source_id": "pump", "start_s": 0.0, "end_s": 2.0, "start_utc_s": 1.75e9, "quality": "ok"}
    body |= {"level_dbfs": -30.0, "value": 0.5, "expected_per_day": 0.1, "raw": 1.0, "profile": None}
    outbox.add("score", "pump", {**body, "bundle_id": "demo-1"}, 1.75e9)
    (sample,) = feed.take(9, 0.0, alive)
    assert (True, 0.5) == (sample.late, sample.readings["Score"].value)


def test_a_record_that_cannot_be_told_does_not_hold_up_those_behind_it() -> None:
    outbox, log = ListOutbox(), CapturedLog()
    feed = feed_of(outbox, log)
    outbox.add("event", "pump", {"nonsense": 1})
    add(outbox, "removed")
    outbox.add("hymn", "pump", {})
    assert 4 == add(outbox)
    assert [4] == [sample.token for sample in feed.take(9, 0.0, alive)]
    feed.settle([], 0.0)
    assert ([1, 2, 3], 3) == (outbox.sent, feed.unsendable)
    assert 3 == sum(level == "error" for level, _, _ in log.lines)


def test_a_reply_to_a_source_that_is_not_here_is_passed_over_and_is_no_error() -> None:
    outbox, log = ListOutbox(), CapturedLog()
    feed = feed_of(outbox, log)
    outbox.add("reply", "pump-9", {})
    assert 2 == add(outbox)
    assert [2] == [sample.token for sample in feed.take(9, 0.0, alive)]
    feed.settle([], 0.0)
    assert ([1], 0, []) == (outbox.sent, feed.unsendable, log.lines)


def test_a_store_that_fails_is_left_alone_for_a_while_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outbox, log = ListOutbox(), CapturedLog()
    feed = feed_of(outbox, log)
    seq = add(outbox)

    def broken(*_arguments: object, **_keywords: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as failing:
        failing.setattr(outbox, "pending", broken)
        failing.setattr(outbox, "mark_sent", broken)
        assert [] == feed.take(9, 0.0, alive) == feed.take(9, 0.5, alive)
        feed.settle([seq], 1.0)
    assert 1 == len(log.lines)
    assert [] == feed.take(9, 1.5, alive)
    assert [seq] == [sample.token for sample in feed.take(9, 2.0, alive)]
    feed.settle([], 2.0)
    assert [seq] == outbox.sent


def config_of(**sections: object) -> Config:
    source = {"id": "pump", "kind": "simulated", "machine": "pump"}
    return Config.model_validate({"site": "mill", "box": "box7", "sources": [source], **sections})


def test_the_node_is_the_box_at_its_site_unless_it_is_named() -> None:
    plain = settings_from_config(config_of())
    assert ("mill", "box7", None, 1) == (
        plain.node.group_id,
        plain.node.node_id,
        plain.primary_host_id,
        plain.servers,
    )
    named = config_of(
        sparkplug={"group": "hall 2", "node": "press", "primary_host_id": "scada", "servers": ["a:1", "b:2"]}
    )
    settings = settings_from_config(named)
    assert ("hall 2", "press", "scada", 2) == (
        settings.node.group_id,
        settings.node.node_id,
        settings.primary_host_id,
        settings.servers,
    )


def test_the_brokers_are_those_named_else_that_of_mqtt_else_the_embedded_one() -> None:
    named = config_of(sparkplug={"servers": ["a.plant:1883", "[fe80::1]:8883"]})
    assert [("a.plant", 1883), ("fe80::1", 8883)] == servers_from_config(named, embedded_port=None)
    assert [("broker", 1884)] == servers_from_config(
        config_of(mqtt={"host": "broker", "port": 1884}), embedded_port=None
    )
    assert [("127.0.0.1", 5555)] == servers_from_config(config_of(), embedded_port=5555)


@pytest.mark.parametrize(
    "server", ["broker", "broker:", ":1883", "broker:0", "broker:65536", "a b:1", "::1:1"]
)
def test_what_is_no_broker_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        address_from_server(server)
    with pytest.raises(ValueError, match="host:port"):
        SparkplugConfig(servers=(server,))


def test_sparkplug_without_any_broker_is_refused() -> None:
    with pytest.raises(ValueError, match=r"set mqtt\.host"):
        config_of(sparkplug={"enabled": True}, mqtt={"enabled": False})
    config_of(sparkplug={"enabled": True, "servers": ["a:1"]}, mqtt={"enabled": False})


def test_a_worst_score_is_the_worst_however_many_came_between() -> None:
    newsbox = Newsbox()
    scores: list[Score] = [replace(score_at(index), value=index % 7 / 10) for index in range(40)]
    for score in scores:
        newsbox.put_score(score)
    assert [0.6, 0.4] == [score.value for score in newsbox.take().scores["pump"]]
