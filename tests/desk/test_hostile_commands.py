"""10 000 commands that nobody should send: refused and counted, and the alarm stays as it is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from machine_rig import Audience, machine, windows

from monitor.config import MqttConfig
from monitor.desk.desk import QUEUE_COMMANDS, Desk
from monitor.desk.refusals import UNREADABLE_ANSWERED
from monitor.errors import CommandError
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.publish.box import Box, Calls
from monitor.publish.edge.calls import EdgeCalls
from monitor.publish.edge.inbox import EdgeInbox
from monitor.publish.edge.line import Inbound
from monitor.publish.explained import Voice
from monitor.publish.publisher import Publisher
from monitor.publish.sparkplug.command_tags import COMMAND_TAGS
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.topics import EdgeNode
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedCalls, CapturedLog, ListOutbox

SEED = 20261122
JSON_COMMANDS, SPARKPLUG_COMMANDS, OTHER_TOPICS = 5_000, 4_000, 1_000
DCMD = "spBv1.0/mill/DCMD/box1/pump"
Tree = dict[str, Any]

GOOD: tuple[Tree, ...] = (
    {"action": "acknowledge", "note": "heard it"},
    {"action": "shelve", "duration_s": 60},
    {"action": "shelve", "one_shot": True},
    {"action": "out_of_service"},
    {"action": "set_limits", "limit": 1.5, "deadband": 0.05},
    {"action": "label", "event_id": "EVENT", "rating": "anomaly", "fault_code": "B1"},
)
WRONG_VALUES: tuple[object, ...] = (
    *([], {}, [1], {"a": {"b": [None]}}, "", "x" * 5000, "\ud800", "a\x00b", -1, 10**400),
    *(float("nan"), float("inf"), float("-inf"), True, False, 1.5, "1.5", "acknowledge "),
)
"""No key of a good command may have all of these; those that one may have are left out by `fits`."""


def fits(key: str, value: object) -> bool:
    """Whether a value could be right for a key after all, so that it is not hostile there."""
    if key in {"note", "fault_code", "event_id", "actor"}:
        return isinstance(value, str) and "\ud800" not in value and len(value) < 1000
    return (
        (key in {"duration_s", "limit", "deadband"} and isinstance(value, (int, float)))
        or (key == "one_shot" and isinstance(value, bool))
        or (key == "id" and value == "1.5")
    )


class Fuzzer:
    """Makes good commands bad. What it makes is never a command that may be carried out."""

    def __init__(self, dice: random.Random, event_id: str) -> None:
        self._dice = dice
        self._event_id = event_id
        self._number = 0

    def good(self) -> Tree:
        """A command that would be carried out."""
        self._number += 1
        tree = {"id": f"h-{self._number}", "actor": "eve", **self._dice.choice(GOOD)}
        return {key: self._event_id if value == "EVENT" else value for key, value in tree.items()}

    def document(self) -> bytes:
        """A document that is no command, or one that must be refused."""
        kinds: tuple[Callable[[Tree], bytes], ...] = (
            *(self._wrong_value, self._missing_key, self._strange_key, self._cut, self._bad_bytes),
            *(self._twice, self._deep, self._oversized, self._noise, self._senseless),
        )
        return self._dice.choices(kinds, weights=(6, 2, 2, 3, 3, 2, 1, 1, 2, 0.5))[0](self.good())

    def _wrong_value(self, tree: Tree) -> bytes:
        while True:
            key, value = self._dice.choice(sorted(tree)), self._dice.choice(WRONG_VALUES)
            if not fits(key, value):
                return json.dumps({**tree, key: value}).encode()

    def _missing_key(self, tree: Tree) -> bytes:
        del tree[
            self._dice.choice([key for key in tree if key in {"id", "actor", "action", "event_id", "rating"}])
        ]
        return json.dumps(tree).encode()

    def _strange_key(self, tree: Tree) -> bytes:
        key = self._dice.choice(["__proto__", "ID", "source ", "", "ö", "reset2", "\u202e", "x" * 300])
        return json.dumps({**tree, key: self._dice.choice([None, 1, "x", []])}, ensure_ascii=False).encode()

    def _cut(self, tree: Tree) -> bytes:
        document = json.dumps(tree).encode()
        return document[: self._dice.randrange(len(document))]

    def _bad_bytes(self, tree: Tree) -> bytes:
        document = bytearray(json.dumps(tree).encode())
        at = self._dice.randrange(1, len(document))
        document[at:at] = self._dice.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x00", b"\x1b[2J"])
        return bytes(document)

    def _twice(self, tree: Tree) -> bytes:
        key = self._dice.choice(sorted(tree))
        return (json.dumps(tree)[:-1] + f", {json.dumps(key)}: {json.dumps(tree[key])}}}").encode()

    def _deep(self, tree: Tree) -> bytes:
        depth = self._dice.choice([10, 200, 4000])
        bracket = self._dice.choice(["[]", "{}"])
        nested = '{"a":' * depth + "1" + "}" * depth if bracket == "{}" else "[" * depth + "]" * depth
        return (json.dumps(tree)[:-1] + f', "note": {nested}}}').encode()

    def _oversized(self, tree: Tree) -> bytes:
        return json.dumps(tree).encode() + b" " * self._dice.choice([16_385, 100_000])

    def _noise(self, _tree: Tree) -> bytes:
        return self._dice.randbytes(self._dice.randrange(300))

    def _senseless(self, tree: Tree) -> bytes:
        bad: Tree = self._dice.choice(
            [
                {"action": "unshelve"},
                {"action": "in_service"},
                {"action": "reload"},
                {"action": "acknowledge", "event_id": "pump-2"},
                {"action": "acknowledge", "source": "fan"},
                {"action": "shelve", "duration_s": 1e300},
                {"action": "label", "event_id": "x'; DROP TABLE labels; --", "rating": "none"},
                {"action": "set_limits", "limit": 1e-300},
                {"action": "set_limits", "off_delay_s": -1.0},
                {"action": "set_limits", "reset": True},
            ]
        )
        return json.dumps({"id": tree["id"], "actor": "eve", **bad}).encode()

    def payload(self) -> bytes:
        """A DCMD that cannot be read, asks for nothing, or must be refused."""
        self._number += 1
        kind = self._dice.randrange(4)
        if kind == 0:
            return self._dice.randbytes(self._dice.randrange(200))
        if kind == 1:
            return self._flipped(encode_payload(self._dcmd(self._refused_metric()), states_datatypes=True))
        return encode_payload(
            self._dcmd(self._wrong_metric()), states_datatypes=bool(self._dice.randrange(2))
        )

    def _dcmd(self, *metrics: Metric) -> Payload:
        return Payload(metrics, self._number, None)

    def _refused_metric(self) -> Metric:
        """The alarm is not shelved: however its bits are turned, this changes nothing."""
        return Metric("Command/Unshelve", DataType.BOOLEAN, value=True)

    def _flipped(self, data: bytes) -> bytes:
        mutable = bytearray(data)
        for _ in range(self._dice.randrange(1, 4)):
            mutable[self._dice.randrange(len(mutable))] ^= 1 << self._dice.randrange(8)
        return bytes(mutable[: self._dice.randrange(1, len(mutable) + 1)])

    def _wrong_metric(self) -> Metric:
        if self._dice.random() < 0.3:
            # what is no UTF-8 is made readable, and might be good again: only its end is cut for certain
            document = self.document().strip().decode("utf-8", "replace")
            return Metric("Command/Document", DataType.STRING, document[: min(15_000, len(document) - 1)])
        tag = self._dice.choice([tag for tag in COMMAND_TAGS if tag.datatype is DataType.DOUBLE])
        wrong: tuple[Metric, ...] = (
            Metric(tag.name, DataType.DOUBLE, self._dice.choice([float("nan"), float("inf"), -1.0, 1e308])),
            Metric(tag.name, DataType.STRING, "1.2"),
            Metric(tag.name, DataType.INT64, 1),
            Metric(tag.name, DataType.DOUBLE, None),
            Metric(tag.name, DataType.DOUBLE, 1.2, is_historical=True),
            Metric(tag.name.lower(), DataType.DOUBLE, 1.2),
            Metric("Alarm/Active", DataType.BOOLEAN, value=False),
            Metric("bdSeq", DataType.INT64, 3),
            Metric(None, DataType.DOUBLE, 1.2, alias=self._dice.randrange(100)),
            Metric("Command/Actor", DataType.STRING, "\u202eeve"),
        )
        return self._dice.choice(wrong)


class Plant:
    """A desk with a pump whose alarm is active and not acknowledged."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pump = machine("pump", [0.2, 1.2])
        self.roster = Roster([self.pump])
        self.pipeline = Pipeline(
            self.roster, store, Audience(), lambda _: None, CapturedLog(), say=lambda _: None
        )
        self.desk = Desk(self.roster, store, self.pipeline, CapturedLog(), monotonic=lambda: 0.0)
        self.pipeline.hear(windows("pump", 2))
        self.handed_in = 0

    def hand_in(self, payload: bytes | CommandError, origin: Origin) -> None:
        assert self.desk.hand_in("pump", payload, origin=origin)
        self.handed_in += 1
        if self.handed_in % QUEUE_COMMANDS == 0:
            self.obey()

    def obey(self) -> None:
        for _ in range(QUEUE_COMMANDS):
            self.desk.obey()

    def state(self) -> tuple[object, ...]:
        """Everything that a command could change."""
        queries = [f"SELECT * FROM {table}" for table in ("events", "transitions", "labels", "alarms")]  # noqa: S608 - ours
        rows = [[tuple(row) for row in self.store.database.rows(query)] for query in queries]
        return self.pump.alarm.snapshot, self.pump.alarm.limits, self.pump.scorer.limit_raw, rows


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with closing(open_store(tmp_path)) as store:
        yield Plant(store)


@pytest.mark.timeout(300)
def test_ten_thousand_hostile_commands_change_nothing_and_each_is_counted(plant: Plant) -> None:
    event_id = plant.pump.alarm.snapshot.event_id
    assert event_id is not None
    fuzzer = Fuzzer(random.Random(SEED), event_id)
    before = plant.state()
    for _ in range(JSON_COMMANDS):
        plant.hand_in(fuzzer.document(), Origin.MQTT)
    inbox = inbox_of(plant)
    for _ in range(SPARKPLUG_COMMANDS):
        assert [] == inbox.hear(Inbound(DCMD, fuzzer.payload(), retained=False), Now(5, 5.0))
    plant.obey()

    assert before == plant.state()
    assert {"refused"} == {entry.result for entry in plant.store.audit(100_000)}
    assert plant.handed_in == plant.desk.refused
    assert JSON_COMMANDS + inbox.commands == plant.handed_in
    asked_nothing = SPARKPLUG_COMMANDS - inbox.commands - inbox.malformed
    assert 0 < asked_nothing < SPARKPLUG_COMMANDS / 20, "a switch that was let go, a message without tags"
    answered = plant.desk.refused - plant.desk.unanswered
    assert answered == len(plant.store.audit(100_000))
    assert plant.desk.unanswered > 0.8 * plant.handed_in
    assert answered > UNREADABLE_ANSWERED, "what could be read has its answer all the same"

    # and the desk is as good as before
    good = {"id": "good", "actor": "anna", "action": "acknowledge"}
    plant.hand_in(json.dumps(good).encode(), Origin.MQTT)
    plant.obey()
    assert plant.pump.alarm.snapshot.acknowledged


def inbox_of(plant: Plant) -> EdgeInbox:
    """What hears Sparkplug's messages, with its commands for the desk."""

    class Counter:
        def next(self) -> int:
            return 0

    settings = SessionSettings(EdgeNode("mill", "box1"))
    calls = EdgeCalls(
        on_command=lambda _source_id, payload: plant.hand_in(payload, Origin.SPARKPLUG),
        offline_score=lambda _score: None,
        flush_scores=lambda: None,
    )
    return EdgeInbox(settings, Session(settings, (), Counter(), Now(0, 0.0)), ("pump",), calls, CapturedLog())


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_good_command_on_a_wrong_topic_or_kept_by_the_broker_reaches_nobody(*, is_alone: bool) -> None:
    dice, calls = random.Random(SEED), CapturedCalls()
    publisher = Publisher(
        MqttConfig(host="127.0.0.1"),
        Box("a/b", "box", ("pump",), "0.1.0", Voice("en", lambda _: None), is_alone=is_alone),
        outbox=ListOutbox(),
        calls=Calls(calls.on_command, calls.offline_score),
        log=CapturedLog(),
    )
    good = b'{"id": "x", "actor": "eve", "action": "out_of_service"}'
    topics = [
        # a box that is alone below its prefix has its desk refuse a command to a source that is not here
        *(() if is_alone else ("a/b/fan/command",)),
        "a/b//command",
        "a/b/pump/x/command",
        "a/b/+/command",
        "a/b/pump/command/",
        "\udcff",
    ]
    for _ in range(OTHER_TOPICS):
        if dice.randrange(2):
            publisher.on_message(dice.choice(["a/b/pump/command", "a/b/command"]), good, retained=True)
        else:
            publisher.on_message(dice.choice(topics), good, retained=False)
    assert [] == calls.commands
    publisher.on_message("a/b/pump/command", good, retained=False)
    assert [("pump", good)] == calls.commands


def test_a_good_dcmd_that_the_broker_kept_or_for_another_device_reaches_nobody(plant: Plant) -> None:
    inbox = inbox_of(plant)
    metric = Metric("Command/OutOfService", DataType.BOOLEAN, value=True)
    good = encode_payload(Payload((metric,), 5, None), states_datatypes=True)
    for topic, retained in ((DCMD, True), (DCMD + "-2", False), (DCMD.replace("DCMD", "NCMD"), False)):
        inbox.hear(Inbound(topic, good, retained=retained), Now(5, 5.0))
    assert (0, 3) == (inbox.commands, inbox.refused)
    inbox.hear(Inbound(DCMD, good, retained=False), Now(5, 5.0))
    plant.obey()
    assert plant.pump.alarm.snapshot.out_of_service
