"""Operators' commands are carried out once, answered always, and refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from machine_rig import Audience, machine, windows

from monitor.desk import QUEUE_COMMANDS, Desk
from monitor.errors import StoreFullError
from monitor.machine import Machine
from monitor.messages import AlarmState
from monitor.pipeline import Pipeline
from monitor.store import Store, open_store
from monitor.testing import CapturedLog


class Plant:
    """A desk with a pump that has just raised an alarm."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pump: Machine = machine("pump", [0.2, 1.2])
        self.pipeline = Pipeline(
            [self.pump], store, Audience(), lambda _: None, CapturedLog(), say=lambda _: None
        )
        self.desk = Desk([self.pump], store, self.pipeline, CapturedLog())
        self.pipeline.hear(windows("pump", 2))
        for record in store.pending(100):
            store.mark_sent(record.seq)

    @property
    def event_id(self) -> str:
        event_id = self.pump.alarm.snapshot.event_id
        assert event_id is not None
        return event_id

    def send(self, **fields: object) -> list[Mapping[str, object]]:
        """Give one command and return the replies that wait to be sent."""
        self.desk.hand_in("pump", json.dumps({"id": "c1", "actor": "anna", **fields}).encode())
        self.desk.obey()
        return self.replies()

    def replies(self) -> list[Mapping[str, object]]:
        waiting = [record for record in self.store.pending(1000) if record.kind == "reply"]
        return [{key: value for key, value in r.body.items() if key != "seq"} for r in waiting]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with closing(open_store(tmp_path)) as store:
        yield Plant(store)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"action": "acknowledge"}, AlarmState.ACKNOWLEDGED),
        ({"action": "ack"}, AlarmState.ACKNOWLEDGED),
        ({"action": "shelve", "duration_s": 60.0}, AlarmState.SHELVED),
        ({"action": "shelve", "one_shot": True}, AlarmState.SHELVED),
        ({"action": "out_of_service"}, AlarmState.OUT_OF_SERVICE),
    ],
)
def test_a_command_changes_the_alarm_and_is_answered_in_the_same_step(
    plant: Plant, fields: dict[str, object], state: AlarmState
) -> None:
    (reply,) = plant.send(**fields)
    assert ("done", state.value) == (reply["result"], reply["state"])
    assert state is plant.pump.alarm.state
    kinds = [record.kind for record in plant.store.pending(10)]
    assert ["event", "reply"] == kinds
    assert "anna" == plant.store.pending(10)[0].body["actor"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"action": "unshelve"}, "is not shelved"),
        ({"action": "in_service"}, "is not out of service"),
        ({"action": "shelve", "duration_s": 1e9}, "alarm.shelve_max_s"),
        ({"action": "acknowledge", "event_id": "another"}, "event another is not open"),
        ({"action": "acknowledge", "source": "fan"}, "it was sent to pump and names fan"),
        ({"action": "label", "event_id": "none", "rating": "anomaly"}, "event none is not known"),
        ({"action": "explode"}, "action"),
        ({"action": "label"}, "label needs event_id and rating"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(
    plant: Plant, fields: dict[str, object], sentence: str
) -> None:
    before = plant.pump.alarm.snapshot
    (reply,) = plant.send(**fields)
    assert "refused" == reply["result"]
    assert sentence in str(reply["reason"])
    assert before == plant.pump.alarm.snapshot


def test_a_command_that_comes_twice_is_done_once_and_answered_twice(plant: Plant) -> None:
    (first,) = plant.send(action="acknowledge")
    for record in plant.store.pending(10):
        plant.store.mark_sent(record.seq)
    (second,) = plant.send(action="acknowledge")
    assert first == second
    assert [] == [record for record in plant.store.pending(10) if record.kind == "event"]


def test_a_refused_command_that_comes_twice_is_refused_twice(plant: Plant) -> None:
    (first,) = plant.send(action="unshelve")
    for record in plant.store.pending(10):
        plant.store.mark_sent(record.seq)
    assert [first] == plant.send(action="unshelve")


def test_a_label_is_kept_with_who_and_when(plant: Plant) -> None:
    (reply,) = plant.send(
        action="label", event_id=plant.event_id, rating="anomaly", fault_code="B1", note="outer race"
    )
    assert "done" == reply["result"]
    (label,) = plant.store.labels(plant.event_id)
    assert ("anomaly", "B1", "outer race", "anna") == (
        label.rating,
        label.fault_code,
        label.note,
        label.who,
    )


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"9" * 20_000])
def test_what_is_no_command_is_answered_if_it_can_be(plant: Plant, payload: bytes) -> None:
    plant.desk.hand_in("pump", payload)
    plant.desk.hand_in("pump", payload)
    plant.desk.obey()
    replies = plant.replies()
    assert [("refused", None)] * 2 == [(reply["result"], reply["id"]) for reply in replies]


def test_too_many_commands_are_turned_away_and_counted(plant: Plant) -> None:
    for number in range(QUEUE_COMMANDS + 5):
        plant.desk.hand_in("pump", json.dumps({"id": f"c{number}", "action": "unshelve"}).encode())
    plant.desk.hand_in("fan", b"{}")
    assert 6 == plant.desk.turned_away


def refuse(*_arguments: object, **_rest: object) -> None:
    raise StoreFullError("no space left")


@pytest.mark.parametrize("refusing", ["repeat_reply", "event", "add_label"])
def test_a_command_that_the_store_cannot_take_is_refused_and_may_come_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    label = {"action": "label", "event_id": plant.event_id, "rating": "anomaly"}
    with monkeypatch.context() as disk:
        disk.setattr(plant.store, refusing, refuse)
        (refused,) = plant.send(**label)
    assert ("c1", "refused", "no space left") == (refused["id"], refused["result"], refused["reason"])
    assert [] == plant.store.labels(plant.event_id)
    _, done = plant.send(**label)
    assert ("c1", "done") == (done["id"], done["result"])
    assert 1 == len(plant.store.labels(plant.event_id))


def test_a_command_that_comes_twice_while_the_disk_is_full_is_done_once_too(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as disk:
        disk.setattr(plant.store, "apply", refuse)
        for _ in range(2):
            assert [] == plant.send(action="acknowledge")
    plant.pipeline.expire(0.0)
    (reply,) = plant.replies()
    assert "done" == reply["result"]
    assert 0 == plant.pipeline.given_up_changes
