"""What the broker keeps of a source that was removed is cleared at the next start, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually, retained
from publish_rig import LIMITS, VOICE, Rig, change_to

from monitor.messages import AlarmState, CaptureHealth, CaptureState
from monitor.publish.documents import Progress, alarm_payload, health_payload
from monitor.publish.homeassistant import discovery_topic
from monitor.publish.leftovers import FILE, Announced, Leftovers
from monitor.publish.retained import RetainedTopics
from monitor.testing import CapturedLog

PREFIX = "wheeltapper/plant/box1"


@pytest.fixture
def live(
    mosquitto: Mosquitto, topic_prefix: str, tmp_path: Path
) -> Iterator[Callable[..., tuple[Rig, dict[str, str]]]]:
    """A function that lets a box with these sources live until it has told of all, and ends it."""
    rigs: list[Rig] = []

    def one_life(*source_ids: str, prefix: str = topic_prefix, **mqtt: object) -> tuple[Rig, dict[str, str]]:
        """Return the box and what the broker then keeps: topic below the prefix (or full) -> payload."""
        rig = Rig(prefix, source_ids=source_ids, state_dir=tmp_path)
        rig.build(port=mosquitto.port, **mqtt)
        rigs.append(rig)
        rig.run()
        for source_id in source_ids:
            change = change_to(AlarmState.NORMAL, source_id=source_id)
            rig.publisher.set_alarm(alarm_payload(change, bundle_id=None, voice=VOICE, limits=LIMITS))
            health = CaptureHealth(source_id, CaptureState.HEALTHY, "", "simulated")
            rig.publisher.set_health(health_payload(health, Progress(), at_utc_s=1.75e9, bundle_id=None))
        eventually(lambda: rig.publisher.connected and rig.publisher._retained.settled)
        rig.stop()
        kept = retained(mosquitto.port, "#")
        return rig, {
            topic.removeprefix(f"{topic_prefix}/"): heard.payload.decode() for topic, heard in kept.items()
        }

    yield one_life
    for rig in rigs:
        rig.stop(1.0)


def remembered(folder: Path) -> list[object]:
    sources = json.loads((folder / FILE).read_text())["sources"]
    assert isinstance(sources, list)
    return sources


@pytest.mark.broker
def test_the_topics_of_a_removed_source_are_emptied_at_the_next_start_and_others_stay(
    live: Callable[..., tuple[Rig, dict[str, str]]],
    mosquitto: Mosquitto,
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
    tmp_path: Path,
) -> None:
    stranger = make_recorder(mosquitto.port, f"{topic_prefix}/fan/#")
    stranger.send(f"{topic_prefix}/motor/alarm", b"{}", retain=True)
    _, before = live("pump", "fan")
    of_both = {"pump/alarm", "pump/health", "fan/alarm", "fan/health"}
    assert of_both | {"status", "motor/alarm"} == set(before)
    rig, after = live("pump")
    assert {"pump/alarm", "pump/health", "status", "motor/alarm"} == set(after)
    assert [["pump", None]] == remembered(tmp_path)
    assert ["the broker keeps nothing more of sources that were removed"] == [
        event for level, event, _ in rig.log.lines if "removed" in event and level == "info"
    ]

    def emptied() -> list[str]:
        return [heard.topic for heard in list(stranger.heard) if not heard.payload]

    once = [f"{topic_prefix}/fan/alarm", f"{topic_prefix}/fan/health"]
    eventually(lambda: len(emptied()) >= len(once))
    by_then = emptied()
    # on a line that broke they are emptied again: QoS 1 is at least once
    assert once == list(dict.fromkeys(by_then)), "in this order"
    live("pump")
    assert by_then == emptied(), "never again"


@pytest.mark.broker
def test_home_assistant_switched_off_is_told_so(
    live: Callable[..., tuple[Rig, dict[str, str]]], topic_prefix: str
) -> None:
    introduced = discovery_topic("homeassistant", topic_prefix, "pump")
    assert introduced in live("pump", home_assistant=True)[1]
    after = live("pump")[1]
    assert introduced not in after
    assert {"pump/alarm", "pump/health", "status"} <= set(after)


@pytest.mark.broker
def test_what_stands_below_an_earlier_prefix_is_left_alone_for_another_box_may_have_it(
    live: Callable[..., tuple[Rig, dict[str, str]]], topic_prefix: str
) -> None:
    live("pump", "fan", prefix=topic_prefix)
    rig, after = live("pump", prefix=f"{topic_prefix}/renamed")
    assert {"fan/alarm", "pump/alarm", "renamed/pump/alarm"} <= set(after)
    assert any("prefix has changed" in event for _, event, _ in rig.log.lines)


def leftovers(folder: Path, *source_ids: str, log: CapturedLog | None = None) -> Leftovers:
    present = [Announced(source_id, None) for source_id in source_ids]
    return Leftovers(folder / FILE, PREFIX, present, log or CapturedLog())


def test_a_removed_source_is_remembered_until_the_broker_has_acknowledged(tmp_path: Path) -> None:
    leftovers(tmp_path, "pump", "fan").begin(RetainedTopics())
    retained_topics = RetainedTopics()
    second = leftovers(tmp_path, "pump")
    second.begin(retained_topics)
    assert not retained_topics.settled
    second.settle(retained_topics)
    assert [["fan", None], ["pump", None]] == remembered(tmp_path), "a kill here must not forget the fan"
    third = leftovers(tmp_path, "pump", "fan")
    again = RetainedTopics()
    third.begin(again)
    assert again.settled, "it has come back: nothing is cleared"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"prefix": "wheeltapper/plant/box1"}',
        b'{"prefix": "wheeltapper/plant/box1", "sources": [["../../other/box/pump", null]]}',
        b'{"prefix": "wheeltapper/plant/box1", "sources": [["#", null]]}',
        b'{"prefix": "wheeltapper/plant/box1", "sources": [["pump", "a/#"]]}',
        b'{"prefix": "wheeltapper/plant/box1", "sources": [["pump"]]}',
        b'{"prefix": "wheeltapper/plant/box1", "sources": 7}',
        b"[" * 100_000,
        b'{"prefix": "' + b"x" * 2_000_000 + b'", "sources": []}',
    ],
)
def test_a_damaged_or_hostile_file_clears_nothing_is_told_and_written_anew(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    topics, log = RetainedTopics(), CapturedLog()
    leftovers(tmp_path, "fan", log=log).begin(topics)
    assert topics.settled
    assert ["not known which sources the broker was told of; those removed are not cleared there"] == [
        event for _, event, _ in log.lines
    ]
    assert [["fan", None]] == remembered(tmp_path)


def test_a_folder_that_cannot_be_written_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    log = CapturedLog()
    leftovers(tmp_path / "missing", "fan", log=log).begin(RetainedTopics())
    assert ["not remembered which sources the broker is told of; after a removal they stay there"] == [
        event for _, event, _ in log.lines
    ]


def test_an_introduction_that_two_ids_share_stays_while_one_of_them_does(tmp_path: Path) -> None:
    """Home Assistant takes no dots in ids, so that two of ours may become one there."""
    gone, present = Announced("pump.1", "homeassistant"), Announced("pump_1", "homeassistant")
    assert gone.topics(PREFIX)[0] == present.topics(PREFIX)[0]
    Leftovers(tmp_path / FILE, PREFIX, [gone], CapturedLog()).begin(RetainedTopics())
    topics = RetainedTopics()
    Leftovers(tmp_path / FILE, PREFIX, [present], CapturedLog()).begin(topics)
    assert [f"{PREFIX}/pump.1/alarm", f"{PREFIX}/pump.1/health"] == list(topics._entries)


@pytest.mark.broker
def test_sources_that_join_and_leave_while_it_runs_are_told_and_emptied_at_once(
    mosquitto: Mosquitto, topic_prefix: str, tmp_path: Path
) -> None:
    rig = Rig(topic_prefix, source_ids=("pump", "fan"), state_dir=tmp_path)
    rig.build(port=mosquitto.port, home_assistant=True)
    rig.run()

    def tell(source_id: str) -> None:
        change = change_to(AlarmState.NORMAL, source_id=source_id)
        rig.publisher.set_alarm(alarm_payload(change, bundle_id=None, voice=VOICE, limits=LIMITS))
        health = CaptureHealth(source_id, CaptureState.HEALTHY, "", "simulated")
        rig.publisher.set_health(health_payload(health, Progress(), at_utc_s=1.75e9, bundle_id=None))

    def kept() -> dict[str, bytes]:
        own = retained(mosquitto.port, "#").items()
        return {
            topic: heard.payload
            for topic, heard in own
            if topic_prefix.replace("/", "_") in topic.replace("/", "_")
        }

    def topics(source_id: str) -> set[str]:
        return {
            discovery_topic("homeassistant", topic_prefix, source_id),
            f"{topic_prefix}/{source_id}/alarm",
            f"{topic_prefix}/{source_id}/health",
        }

    for source_id in ("pump", "fan"):
        tell(source_id)
    rig.publisher.join("press")
    tell("press")
    rig.publisher.leave("fan")
    tell("fan")  # a thread that has not noticed yet
    everything = {*topics("pump"), *topics("press"), f"{topic_prefix}/status"}
    eventually(lambda: everything == kept().keys())
    eventually(lambda: ["pump", "press"] == json.loads(kept()[f"{topic_prefix}/status"])["sources"])
    eventually(lambda: [["pump", "homeassistant"], ["press", "homeassistant"]] == remembered(tmp_path))

    rig.publisher.leave("press")
    rig.publisher.join("press")
    tell("press")
    eventually(lambda: everything == kept().keys())
    eventually(lambda: [["pump", "homeassistant"], ["press", "homeassistant"]] == remembered(tmp_path))
    rig.stop()
    assert everything == kept().keys(), "what came back is not emptied late"
