"""Operators' commands are carried out once, answered always, and refused with a sentence."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from machine_rig import Audience, machine, windows

from monitor.desk.desk import AT_ONCE, QUEUE_COMMANDS, TURN_S, Desk
from monitor.desk.refusals import REFUSED_ANSWERED, UNREADABLE_ANSWERED, WITHIN_S
from monitor.desk.reload import Plan
from monitor.desk.reloads import Reloads
from monitor.errands import Errands
from monitor.errors import CommandError, StoreFullError
from monitor.machine import Machine
from monitor.messages import AlarmState
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.publish.records import STORE_KEYS
from monitor.roster import Roster
from monitor.store import Reply, Store, open_store
from monitor.supervisor import guarded
from monitor.testing import CapturedLog


class Plant:
    """A desk with a pump that has just raised an alarm."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pump: Machine = machine("pump", [0.2, 1.2])
        self.roster = Roster([self.pump])
        self.pipeline = Pipeline(
            self.roster, store, Audience(), lambda _: None, CapturedLog(), say=lambda _: None
        )
        self.desk = Desk(self.roster, store, self.pipeline, CapturedLog())
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
        waiting = [record for record in self.store.pending(5000) if record.kind == "reply"]
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
        ({"action": "set_limits", "limit": 1.5}, AlarmState.UNACKNOWLEDGED),
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
        ({"action": "label", "event_id": "none", "rating": "none"}, "event none is not known"),
        ({"action": "set_limits", "limit": 3}, "limit 3 must be 0.5 to 2 (alarm.limit_min, alarm.limit_max)"),
        ({"action": "set_limits", "reset": True}, "as configured already"),
        ({"action": "set_limits"}, "set_limits needs one of"),
        ({"action": "set_limits", "limit": 1.2, "reset": True}, "reset: true and none of them"),
        ({"action": "acknowledge", "limit": 1.2}, "belong to set_limits, not to acknowledge"),
        ({"action": "reload"}, "reload is for the whole box"),
        ({"action": "explode"}, "action"),
        ({"action": "label"}, "label needs event_id and rating"),
        ({"action": "lock"}, "lock needs event_id"),
        ({"action": "lock", "event_id": "none"}, "event none is not known"),
        ({"action": "unlock", "event_id": "none", "note": "no more"}, "event none is not known"),
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


@pytest.mark.parametrize(
    "other",
    [
        {"action": "unshelve"},
        {"actor": "bo"},
        {"duration_s": 61.0},
        {"note": "another"},
        {},
    ],
)
@pytest.mark.parametrize("failing", [(), ("apply", "save_replies")])
def test_an_id_that_was_used_for_another_command_is_refused_to_its_sender(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, other: dict[str, object], failing: tuple[str, ...]
) -> None:
    told: list[Mapping[str, object]] = []
    command: dict[str, object] = {"id": "1", "actor": "anna", "action": "shelve", "duration_s": 60.0}
    address = "pump" if other else None
    with monkeypatch.context() as disk:
        for method in failing:
            disk.setattr(plant.store, method, refuse)
        plant.send(**command)
        sent = command | other
        if "action" in other:
            del sent["duration_s"]
        plant.desk.hand_in(address, json.dumps(sent).encode(), answered=told.append)
        plant.desk.obey()
    plant.pipeline.expire(0.0)
    (refused,) = told
    assert ("1", "refused", address) == (refused["id"], refused["result"], refused["source"])
    assert sent["action"] == refused["action"]
    assert "id 1 was used for another command (shelve to pump)" in str(refused["reason"])
    assert ["refused", "done"] == [entry.result for entry in plant.store.audit(9)]
    assert 1 == plant.desk.refused
    assert AlarmState.SHELVED is plant.pump.alarm.state


def test_the_reply_of_older_software_is_repeated_to_the_same_action_and_source(plant: Plant) -> None:
    known = {"schema": "reply/1", "source": "pump", "action": "acknowledge", "id": "1", "result": "done"}
    plant.store.save_reply(Reply("1", "pump", 0.0, known))
    told: list[Mapping[str, object]] = []
    for action in ("acknowledge", "unshelve"):
        command = {"id": "1", "actor": "anna", "action": action}
        plant.desk.hand_in("pump", json.dumps(command).encode(), answered=told.append)
    plant.desk.obey()
    assert ["done", "refused"] == [reply["result"] for reply in told]


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


def test_a_label_for_the_event_of_another_source_is_refused_and_the_box_takes_any(plant: Plant) -> None:
    machines = [plant.pump, machine("fan", [0.2])]
    roster = Roster(machines)
    pipeline = Pipeline(roster, plant.store, Audience(), lambda _: None, CapturedLog(), say=lambda _: None)
    desk = Desk(roster, plant.store, pipeline, CapturedLog())
    label = {"actor": "anna", "action": "label", "event_id": plant.event_id, "rating": "anomaly"}
    for command_id, address in (("1", "fan"), ("2", "pump"), ("3", None)):
        desk.hand_in(address, json.dumps({"id": command_id, **label}).encode())
    desk.obey()
    refused, *done = plant.replies()
    assert f"event {plant.event_id} is one of pump, not of fan" in str(refused["reason"])
    assert ["done", "done"] == [reply["result"] for reply in done]
    assert 2 == len(plant.store.labels(plant.event_id))


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"9" * 20_000])
def test_what_is_no_command_is_answered_if_it_can_be(plant: Plant, payload: bytes) -> None:
    plant.desk.hand_in("pump", payload)
    plant.desk.hand_in("pump", payload)
    plant.desk.obey()
    replies = plant.replies()
    assert [("refused", None)] * 2 == [(reply["result"], reply["id"]) for reply in replies]


def test_an_event_is_locked_and_unlocked_once_each_and_both_are_on_record(plant: Plant) -> None:
    asked = {"event_id": plant.event_id, "note": "insurance"}
    results = []
    for number, action in enumerate(("unlock", "lock", "lock", "unlock", "unlock")):
        reply = plant.send(id=f"k{number}", action=action, **asked)[-1]
        event = plant.store.event(plant.event_id)
        assert event is not None
        results.append((action, reply["result"], event.locked_by))
    assert [
        ("unlock", "refused", None),
        ("lock", "done", "anna"),
        ("lock", "refused", "anna"),
        ("unlock", "done", None),
        ("unlock", "refused", None),
    ] == results
    entries = [(entry.action, entry.result, entry.arguments) for entry in plant.store.audit(9)]
    assert [(action, result, asked) for action, result, _ in reversed(results)] == entries


def test_a_label_is_withdrawn_by_a_further_one_and_once_only(plant: Plant) -> None:
    label = {"action": "label", "event_id": plant.event_id}
    assert "no label that could be withdrawn" in str(
        plant.send(id="w1", rating="none", **label)[-1]["reason"]
    )
    for number, rating in enumerate(("anomaly", "none", "unsure", "none")):
        assert "done" == plant.send(id=f"w{number + 2}", rating=rating, **label)[-1]["result"]
    assert plant.store.label(plant.event_id) is None
    assert "refused" == plant.send(id="w6", rating="none", **label)[-1]["result"]
    assert 4 == len(plant.store.labels(plant.event_id))


def test_every_command_is_on_record_with_who_what_and_what_came_of_it(plant: Plant) -> None:
    plant.send(id="a1", action="shelve", duration_s=60, note="ö")
    plant.send(id="a2", action="shelve", duration_s=1e9)
    plant.send(id="a1", action="shelve", duration_s=60, note="ö")
    plant.desk.hand_in("pump", CommandError("tag X is not writable"), origin=Origin.SPARKPLUG)
    plant.desk.hand_in(None, b'{"id": "a3", "actor": "bo", "action": "unshelve"}', origin=Origin.PAGE)
    plant.desk.obey()
    noted = [
        (entry.origin.value, entry.source_id, entry.command_id, entry.actor, entry.action, entry.result)
        for entry in reversed(plant.store.audit(10))
    ]
    assert noted == [
        ("mqtt", "pump", "a1", "anna", "shelve", "done"),
        ("mqtt", "pump", "a2", "anna", "shelve", "refused"),
        ("sparkplug", "pump", None, None, None, "refused"),
        ("page", None, "a3", "bo", "unshelve", "refused"),
    ]
    fourth, third, _, first = plant.store.audit(10)
    assert {"duration_s": 60.0, "note": "ö"} == first.arguments
    assert first.reason is None
    assert "tag X is not writable" == third.reason
    assert "unshelve is for one source; send it to that source" == fourth.reason
    assert 3 == plant.desk.refused


def test_whoever_waits_is_told_the_stored_reply_the_known_one_too(plant: Plant) -> None:
    told: list[Mapping[str, object]] = []
    command = json.dumps({"id": "c1", "actor": "anna", "action": "acknowledge"}).encode()
    for _ in range(2):
        assert plant.desk.hand_in("pump", command, answered=told.append)
        plant.desk.obey()
    plant.desk.hand_in("pump", b"{", answered=told.append)
    plant.desk.obey()
    (reply, refusal) = plant.replies()
    reply = {key: value for key, value in reply.items() if key not in STORE_KEYS}
    assert [reply, reply, refusal] == told
    assert ("done", "refused") == (reply["result"], refusal["result"])


def test_whoever_waits_is_not_told_before_it_is_stored_and_may_fail(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def fails(document: object) -> None:
        told.append(document)
        raise ValueError("the page has gone")

    command = json.dumps({"id": "c1", "actor": "anna", "action": "acknowledge"}).encode()
    with monkeypatch.context() as disk:
        disk.setattr(plant.store, "apply", refuse)
        plant.desk.hand_in("pump", command, answered=fails)
        plant.desk.obey()
        assert [] == told
    plant.pipeline.expire(0.0)
    assert 1 == len(told)
    assert "done" == plant.replies()[0]["result"]


class Reload:
    """A reloader that plans to note that it was applied, and what came of it."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def plan(self) -> Plan:
        return Plan(
            "alarm.deadband: 0.1 -> 0.2",
            apply=lambda: self.steps.append("applied"),
            follow=lambda: self.steps.append("followed"),
            drop=lambda: self.steps.append("dropped"),
        )


class Hall:
    """A desk beside a thread that looks into reloads, as in the daemon."""

    def __init__(self, plant: Plant, reload: Reload) -> None:
        self.log = CapturedLog()
        self.errands = Errands()
        self.ended = threading.Event()
        self.reloads = Reloads(
            reload,  # type: ignore[arg-type]  # it plans like one
            self.errands,
            self.log,
            end_daemon=self.ended.set,
        )
        self.desk = Desk(plant.roster, plant.store, plant.pipeline, self.log, reloads=self.reloads)

    def reload(self, count: int = 1) -> None:
        """Carry out what was handed in, and `count` reloads that came of it."""
        self.desk.obey()
        for _ in range(count):
            looking = threading.Thread(target=self.reloads.run_once, args=(0.0,))
            looking.start()
            while looking.is_alive():
                guarded(self.log, "judging failed", self.errands.run)
                looking.join(0.01)
        self.desk.obey()


def test_a_reload_is_for_the_box_and_answered_there(plant: Plant) -> None:
    reload = Reload()
    hall = Hall(plant, reload)
    command = b'{"id": "r1", "actor": "anna", "action": "reload"}'
    for _ in range(2):
        hall.desk.hand_in(None, command)
    hall.reload(2)
    assert ["applied", "followed", "dropped"] == reload.steps, "the same id is the same command"
    (record,) = [record for record in plant.store.pending(10) if record.kind == "reply"]
    assert ("", None, "done", "alarm.deadband: 0.1 -> 0.2") == (
        record.source_id,
        *(record.body[key] for key in ("source", "result", "detail")),
    )
    assert "alarm.deadband: 0.1 -> 0.2" == plant.store.audit(1)[0].reason


def test_a_reload_that_takes_long_holds_up_neither_windows_nor_commands(plant: Plant) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(Reload):
        def plan(self) -> Plan:
            begun.set()
            assert goes_on.wait(60.0)
            return super().plan()

    reload = Slow()
    hall = Hall(plant, reload)
    hall.desk.hand_in(None, b'{"id": "r1", "actor": "SIGHUP", "action": "reload"}')
    hall.desk.obey()
    looking = threading.Thread(target=hall.reloads.run_once, args=(0.0,))
    looking.start()
    assert begun.wait(60.0)
    for number in range(2, 12):  # further ones meanwhile: each waits for its turn, too many are refused
        hall.desk.hand_in(None, f'{{"id": "r{number}", "actor": "eve", "action": "reload"}}'.encode())
    hall.desk.hand_in("pump", b'{"id": "a1", "actor": "eve", "action": "acknowledge"}')
    hall.desk.obey()
    results = {reply["id"]: reply["result"] for reply in plant.replies()}
    assert {"r10": "refused", "r11": "refused", "a1": "done"} == results
    goes_on.set()
    while looking.is_alive():
        hall.errands.run()
        looking.join(0.01)
    hall.reload(8)
    assert ["applied", "followed"] * 9 == reload.steps
    assert {"done"} == {reply["result"] for reply in plant.replies() if reply["id"] in {"r1", "r2", "r9"}}


@pytest.mark.parametrize(
    ("fails", "steps"),
    [("apply", ["begun"]), ("follow", ["applied"]), ("keep", ["dropped"])],
)
def test_a_plan_that_fails_half_way_ends_the_daemon_and_closes_nothing_that_is_in_use(
    plant: Plant, fails: str, steps: list[str]
) -> None:
    class Half(Reload):
        def plan(self) -> Plan:
            def fail() -> None:
                if fails == "apply":
                    self.steps.append("begun")
                raise ZeroDivisionError

            plan = super().plan()
            return {
                "apply": replace(plan, apply=fail),
                "follow": replace(plan, follow=fail),
                "keep": replace(plan, keep=fail),
            }[fails]

    reload = Half()
    hall = Hall(plant, reload)
    hall.desk.hand_in(None, b'{"id": "r1", "actor": "anna", "action": "reload"}')
    hall.reload()
    assert steps == reload.steps
    assert (fails != "keep") == hall.ended.is_set(), "before it begins to be applied nothing has changed"


def test_a_reloader_that_fails_is_a_refusal_and_the_log_says_how(plant: Plant) -> None:
    class Broken(Reload):
        def plan(self) -> Plan:
            raise ZeroDivisionError

    hall = Hall(plant, Broken())
    hall.desk.hand_in(None, b'{"id": "r1", "actor": "anna", "action": "reload"}')
    hall.reload()
    (reply,) = plant.replies()
    assert ("refused", "nothing was changed: the daemon failed over it, and its log says how") == (
        reply["result"],
        reply["reason"],
    )
    assert "reload failed" in hall.log.text()


def test_windows_are_judged_between_commands_that_take_long(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]

    def slow(_command_id: str) -> None:
        now_s[0] += 0.6 * TURN_S

    monkeypatch.setattr(plant.pipeline, "waiting_reply", slow)
    desk = Desk(plant.roster, plant.store, plant.pipeline, CapturedLog(), monotonic=lambda: now_s[0])
    for number in range(5):
        desk.hand_in("pump", json.dumps({"id": f"r{number}", "actor": "eve", "action": "unshelve"}).encode())
    answered = []
    for _ in range(3):
        desk.obey()
        answered.append(len(plant.replies()))
    assert [2, 4, 5] == answered


def test_whoever_obeys_is_woken_for_each_command_that_is_taken_and_says_whether_there_was_one(
    plant: Plant,
) -> None:
    woken: list[int] = []
    plant.desk.have_woken(lambda: woken.append(plant.desk.waiting))
    assert not plant.desk.obey()
    for number in range(2):
        plant.desk.hand_in("pump", json.dumps({"id": f"r{number}", "actor": "eve", "action": "ack"}).encode())
    plant.desk.hand_in("no/source", b"{}")
    assert [1, 2] == woken, "what is turned away wakes nobody"
    assert plant.desk.obey()
    assert not plant.desk.obey()


def test_a_reload_that_the_store_cannot_take_is_not_done(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = Reload()
    hall = Hall(plant, reload)
    with monkeypatch.context() as disk:
        disk.setattr(plant.store, "save_replies", refuse)
        hall.desk.hand_in(None, b'{"id": "r1", "actor": "anna", "action": "reload"}')
        hall.reload()
    assert ["dropped"] == reload.steps
    plant.pipeline.expire(0.0)
    assert ["no space left"] == [reply["reason"] for reply in plant.replies()]


def test_a_flood_of_what_is_no_command_is_answered_in_part_counted_whole_and_the_count_kept(
    plant: Plant,
) -> None:
    now_s = [100.0]
    desk = Desk(plant.roster, plant.store, plant.pipeline, CapturedLog(), monotonic=lambda: now_s[0])
    for _ in range(500):
        desk.hand_in("pump", b"{")
    for _ in range(500 // AT_ONCE + 1):
        desk.obey()
    assert (500, 500 - UNREADABLE_ANSWERED) == (desk.refused, desk.unanswered)
    assert UNREADABLE_ANSWERED == len(plant.replies()) == len(plant.store.audit(1000))
    told: list[Mapping[str, object]] = []
    desk.hand_in("pump", b"{", answered=told.append)
    desk.obey()
    assert ["refused"] == [reply["result"] for reply in told], "who waits at the socket is told at once"
    assert UNREADABLE_ANSWERED == len(plant.replies()) == len(plant.store.audit(1000))
    now_s[0] += WITHIN_S
    desk.obey()
    desk.obey()
    assert UNREADABLE_ANSWERED + 1 == len(plant.store.audit(1000))
    assert f"{501 - UNREADABLE_ANSWERED} further commands could not be read" in str(
        plant.store.audit(1)[0].reason
    )
    desk.hand_in("pump", b"{")
    desk.obey()
    assert UNREADABLE_ANSWERED + 1 == len(plant.replies()), "a new minute"


def test_refusals_of_one_turn_are_stored_in_one_step_in_order_and_each_once(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[bool] = []
    transaction = plant.store.database.transaction

    def counted(*, durable: bool = True) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        steps.append(durable)
        return transaction(durable=durable)

    monkeypatch.setattr(plant.store.database, "transaction", counted)
    for number in range(20):
        for _ in range(2):
            command = {"id": f"c{number}", "actor": "eve", "action": "unshelve"}
            plant.desk.hand_in("pump", json.dumps(command).encode())
    plant.desk.obey()
    assert [True] == steps
    expected = [f"c{number}" for number in range(20)]
    assert expected == [reply["id"] for reply in plant.replies()]
    assert expected == [entry.command_id for entry in reversed(plant.store.audit(99))]
    plant.desk.hand_in("pump", b"{")
    plant.send(id="done", action="acknowledge")
    assert [None, "done"] == [reply["id"] for reply in plant.replies()[-2:]], "in order"


def test_both_who_wait_for_one_refusal_are_told_in_the_same_turn(plant: Plant) -> None:
    told: list[object] = []
    for _ in range(2):
        command = b'{"id": "c1", "actor": "eve", "action": "unshelve"}'
        plant.desk.hand_in("pump", command, answered=lambda reply: told.append(reply["result"]))
    plant.desk.obey()
    assert ["refused", "refused"] == told
    assert 1 == len(plant.store.audit(9))


def test_an_answer_that_can_never_be_stored_takes_no_other_with_it(plant: Plant) -> None:
    for command_id, value in (("1", 1.0), ("2", math.nan), ("3", 3.0)):
        plant.pipeline.answer(Reply(command_id, "pump", 0.0, {"value": value}))
    plant.pipeline.save()
    assert [1.0, 3.0] == [reply["value"] for reply in plant.replies()]
    assert (0, 1) == (plant.pipeline.unsaved, plant.pipeline.given_up_changes)


def test_a_flood_of_refused_commands_is_answered_in_part_counted_whole_and_the_count_kept(
    plant: Plant,
) -> None:
    now_s = [100.0]
    desk = Desk(plant.roster, plant.store, plant.pipeline, CapturedLog(), monotonic=lambda: now_s[0])
    for number in range(REFUSED_ANSWERED + 70):
        desk.hand_in("pump", json.dumps({"id": f"c{number}", "actor": "eve", "action": "unshelve"}).encode())
    for _ in range(QUEUE_COMMANDS // AT_ONCE):
        desk.obey()
    assert (REFUSED_ANSWERED + 70, 70) == (desk.refused, desk.unanswered)
    assert REFUSED_ANSWERED == len(plant.replies()) == len(plant.store.audit(9999))
    desk.hand_in("pump", b'{"id": "good", "actor": "anna", "action": "acknowledge"}')
    desk.obey()
    assert "done" == plant.replies()[-1]["result"], "what can be done is, and is answered"
    now_s[0] += WITHIN_S
    desk.obey()
    assert "70 further commands were refused without an answer" == plant.store.audit(1)[0].reason
    desk.hand_in("pump", b'{"id": "c399", "actor": "eve", "action": "unshelve"}')
    desk.obey()
    assert "refused" == plant.replies()[-1]["result"], "a new minute"


def test_too_many_commands_are_turned_away_and_counted(plant: Plant) -> None:
    for number in range(QUEUE_COMMANDS + 5):
        plant.desk.hand_in("pump", json.dumps({"id": f"c{number}", "action": "unshelve"}).encode())
    plant.desk.hand_in("no source", b"{}")
    assert 6 == plant.desk.turned_away


@pytest.mark.parametrize("action", ["acknowledge", "promote", "reload"])
def test_a_command_to_a_source_that_is_not_here_is_refused_with_those_that_are(
    plant: Plant, action: str
) -> None:
    told: list[Mapping[str, object]] = []
    command = json.dumps({"id": "c1", "actor": "anna", "action": action}).encode()
    assert plant.desk.hand_in("pump-9", command, answered=told.append)
    plant.desk.obey()
    (reply,) = plant.replies()
    assert ("pump-9", "c1", "refused") == (reply["source"], reply["id"], reply["result"])
    assert "this box has no source 'pump-9'; its sources are pump" == reply["reason"]
    assert reply["reason"] == told[0]["reason"]
    assert "anna" == plant.store.audit(1)[0].actor, "it is on record"


def refuse(*_arguments: object, **_rest: object) -> None:
    raise StoreFullError("no space left")


@pytest.mark.parametrize("refusing", ["reply_to", "event", "add_label"])
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


def test_a_flood_of_commands_on_a_full_disk_pushes_no_alarm_out(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.unsaved.ANSWERS_MAX", 60)

    def flood() -> None:
        for number in range(80):
            command = {"id": f"f{number}", "actor": "eve", "action": "unshelve"}
            assert plant.desk.hand_in("pump", json.dumps(command).encode())
            plant.desk.obey()

    with monkeypatch.context() as disk:
        for method in ("apply", "save_replies", "repeat_reply"):
            disk.setattr(plant.store, method, refuse)
        plant.pipeline.settle(plant.pump, plant.pump.alarm.take_out_of_service("anna", 0.0))
        flood()
    assert (61, 20) == (plant.pipeline.unsaved, plant.pipeline.given_up_changes)
    plant.pipeline.expire(0.0)
    kinds = [record.kind for record in plant.store.pending(100)]
    assert ["event", *["reply"] * 60] == kinds
    plant.send(id="after", action="in_service")
    assert "done" == plant.replies()[-1]["result"]
    with monkeypatch.context() as disk:
        for method in ("apply", "save_replies", "repeat_reply"):
            disk.setattr(plant.store, method, refuse)
        flood()
    assert (60, 40) == (plant.pipeline.unsaved, plant.pipeline.given_up_changes)
