"""Windows become scores, alarms and records, in the order in which they were heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from machine_rig import AT_ONCE, Audience, demo_ear, machine, windows

from engines.errors import EngineError
from engines.runtime import EngineOutput
from monitor.config import AlarmConfig
from monitor.errors import StoreFullError
from monitor.machine import Machine
from monitor.messages import AlarmState, ChangeReason, Float32, Quality
from monitor.pipeline import Pipeline
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog, ScriptedEngine
from monitor.unsaved import UNSAVED_MAX


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


@pytest.fixture
def audience() -> Audience:
    return Audience()


def pipeline(store: Store, audience: Audience, *machines: Machine) -> Pipeline:
    return Pipeline(Roster(machines), store, audience, audience.keep, CapturedLog(), say=lambda _: None)


def test_windows_of_all_sources_are_judged_in_one_call(store: Store, audience: Audience) -> None:
    one = machine("a", [0.1, 0.2, 0.3, 0.4])
    two = machine("b", [], engine=one.engine)
    heard = windows("a", 2) + windows("b", 2)
    pipeline(store, audience, one, two).hear(heard)
    assert isinstance(one.engine, ScriptedEngine)
    assert [4] == one.engine.batches
    assert [("a", 0.1), ("a", 0.2), ("b", 0.3), ("b", 0.4)] == [
        (s.span.source_id, pytest.approx(s.value, abs=1e-4)) for s in audience.scores
    ]


def test_an_alarm_is_in_the_store_with_its_record_and_its_windows_are_kept(
    store: Store, audience: Audience
) -> None:
    pump = machine("pump", [0.2, 1.2, 1.5, 0.1])
    pipeline(store, audience, pump).hear(windows("pump", 4))
    reasons = [record.body["reason"] for record in store.pending(10)]
    assert ["warning", "limit", "warning_cleared", "cleared"] == reasons
    (event,) = store.events(10)
    assert pytest.approx(1.5, abs=1e-4) == event.peak
    assert [event.event_id] * 2 == [flagged.event_id for flagged in audience.kept]
    assert [False, True, True, False] == audience.maps
    assert AlarmState.RETURNED is audience.alarms[-1].new_state
    assert pump.alarm.snapshot.to_tree() == store.alarm_snapshots()["pump"]


def test_a_window_that_cannot_be_judged_has_no_value_and_freezes_the_alarm(
    store: Store, audience: Audience
) -> None:
    pump = machine("pump", [1.2] * 9)
    pipeline(store, audience, pump).hear(windows("pump", 6, bad=[3]))
    values = [score.value for score in audience.scores]
    assert [False, False, True, True, True, False] == [value is None for value in values]
    assert pump.alarm.snapshot.active
    assert {ChangeReason.CERTAIN, ChangeReason.UNCERTAIN} <= {change.reason for change in audience.alarms}
    assert ChangeReason.CLEARED not in {change.reason for change in audience.alarms}


def test_windows_that_the_engine_fails_on_are_told_as_not_judged_and_freeze_the_alarm(
    store: Store, audience: Audience
) -> None:
    pump = machine("pump", [1.2, float("nan"), 1.2])
    judge = pipeline(store, audience, pump)
    heard = windows("pump", 3)
    judge.hear(heard[:1])
    with pytest.raises(EngineError, match="not a number"):
        judge.hear(heard[1:])
    assert [False, True, True] == [score.value is None for score in audience.scores]
    assert (True, True) == (pump.alarm.snapshot.active, pump.alarm.snapshot.uncertain)
    assert "uncertain" == store.pending(10)[-1].body["reason"]


def test_an_engine_that_fails_costs_its_own_windows_and_no_others(store: Store, audience: Audience) -> None:
    good, bad = machine("good", [1.2] * 4), machine("bad", [float("nan"), float("nan"), 0.1, float("nan")])
    log = CapturedLog()
    judge = Pipeline(Roster([bad, good]), store, audience, audience.keep, log, say=lambda _: None)
    turns = list(zip(windows("bad", 4), windows("good", 4), strict=True))
    for turn in turns[:2]:
        judge.hear(turn)
    assert (True, False) == (bad.alarm.snapshot.uncertain, good.alarm.snapshot.uncertain)
    judge.hear(turns[2])
    values = [(score.span.source_id, score.value is None) for score in audience.scores]
    assert [("bad", True), ("good", False)] * 2 + [("bad", False), ("good", False)] == values
    failed, again = log.text().count("an engine fails"), log.text().count("an engine answers again")
    assert (1, 1) == (failed, again), "each told once"
    judge.hear(turns[3][:1])  # no window of the other one in this turn: it answered when it was asked last
    assert 7 == len(audience.scores)


def test_a_call_that_fails_costs_its_own_windows_and_those_behind_it_but_none_before(
    store: Store, audience: Audience
) -> None:
    pump = machine("pump", [0.1, 0.2, float("nan"), 0.3, 0.4])
    assert isinstance(pump.engine, ScriptedEngine)
    pump.engine.call_windows = 2
    with pytest.raises(EngineError, match="not a number"):
        pipeline(store, audience, pump).hear(windows("pump", 5))
    assert [2, 2] == pump.engine.batches
    assert [False, False, True, True, True] == [score.value is None for score in audience.scores]


class Watched(ScriptedEngine):
    """Notes how many windows had been told when it was asked."""

    def __init__(self, audience: Audience) -> None:
        super().__init__(demo_ear().bundle, [0.1] * 9)
        self.call_windows = 2
        self.told: list[int] = []
        self._audience = audience

    def _infer(self, batch: Float32) -> EngineOutput:
        self.told.append(len(self._audience.scores))
        return super()._infer(batch)


def test_windows_are_settled_call_by_call_and_whoever_listens_is_woken_once(
    store: Store, audience: Audience
) -> None:
    engine = Watched(audience)
    pipeline(store, audience, machine("pump", [], engine=engine)).hear(windows("pump", 5))
    assert [0, 2, 4] == engine.told
    assert (5, 1) == (len(audience.scores), audience.woken)


def test_no_window_is_settled_before_one_that_was_heard_earlier(store: Store, audience: Audience) -> None:
    """The first engine has answered for two of them before the second one is asked at all."""
    a, b = machine("a", [0.1] * 2), machine("b", [0.1] * 2)
    first, second = windows("a", 4, bad=[3]), windows("b", 2)
    heard = [first[0], second[0], first[1], first[3], second[1]]
    pipeline(store, audience, a, b).hear(heard)
    assert [window.span.start_s for window in heard] == [score.span.start_s for score in audience.scores]
    assert ["a", "b", "a", "a", "b"] == [score.span.source_id for score in audience.scores]
    assert [False, False, False, True, False] == [score.value is None for score in audience.scores], "silent"


def test_when_no_engine_answers_any_more_the_judging_thread_fails_and_windows_are_settled(
    store: Store, audience: Audience
) -> None:
    one, two = (machine(name, [float("nan")] * 2) for name in "ab")
    judge = pipeline(store, audience, one, two)
    judge.hear(windows("a", 1))
    with pytest.raises(EngineError, match="not a number"):
        judge.hear(windows("b", 1))
    assert ["a", "b"] == [score.span.source_id for score in audience.scores]


def test_a_window_that_has_nobody_to_judge_it_costs_its_neighbours_nothing(
    store: Store, audience: Audience
) -> None:
    judge = pipeline(store, audience, machine("a", [0.1] * 2))
    judge.hear([*windows("gone", 1), *windows("a", 1)])
    judge.give_up([window.span for window in (*windows("gone", 1), *windows("a", 2)[1:])])
    assert ["a", "a"] == [score.span.source_id for score in audience.scores]


def test_dropped_windows_are_told_as_not_judged_and_freeze_the_alarm_without_flipping_it(
    store: Store, audience: Audience
) -> None:
    pump = machine("pump", [1.2] + [0.1] * 99)
    judge = pipeline(store, audience, pump)
    heard = windows("pump", 100, bad=[10])
    judge.hear(heard[:1])
    for number in range(2, 100, 2):  # every other one, for 98 seconds
        judge.give_up([heard[number - 1].span])
        judge.hear([heard[number]])
    told = [(score.value is None, score.span.quality) for score in audience.scores]
    assert [(False, Quality.OK), (True, Quality.DROPPED), (False, Quality.OK)] == told[:3]
    assert (True, Quality.SILENT) == told[10], "a deaf microphone keeps its name"
    reasons = [record.body["reason"] for record in store.pending(100)]
    assert ["warning", "limit", "uncertain", "warning_cleared"] == reasons[:4]
    assert 1 == reasons.count("uncertain")
    assert "certain" not in reasons
    assert pump.alarm.snapshot.uncertain


def test_what_a_window_costs_is_learnt_for_each_engine(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = machine("slow", [0.1] * 3)
    quick = machine("quick", [0.1] * 3)
    assert isinstance(slow.engine, ScriptedEngine)
    answer = slow.engine._infer

    now_s = [0.0]
    monkeypatch.setattr("monitor.inferring.time.perf_counter", lambda: now_s[0])

    def late(batch: Float32) -> EngineOutput:
        now_s[0] += 0.05
        return answer(batch)

    slow.engine._infer = late  # type: ignore[method-assign]  # a model that takes its time
    judge = pipeline(store, audience, slow, quick)
    assert judge.cost_s("slow") == judge.cost_s("quick") == judge.cost_s("gone")
    for _ in range(3):
        judge.hear([*windows("slow", 1), *windows("quick", 1)])
    assert pytest.approx(0.05) == judge.cost_s("slow")
    assert 0.0 == judge.cost_s("quick")


def test_while_the_disk_refuses_alarms_wait_in_order_and_are_told_all_the_same(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = machine("pump", [1.2, 0.1, 1.3])
    judge = pipeline(store, audience, pump)
    real_apply = store.apply

    def full(*_changes: object, **_rest: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(store, "apply", full)
    judge.hear(windows("pump", 2))
    assert "no space left" == judge.store_error
    assert 2 == judge.unsaved
    assert ["limit", "cleared"] == [c.reason.value for c in audience.alarms if not c.warning or c.active]
    assert [] == list(store.pending(10))

    monkeypatch.setattr(store, "apply", real_apply)
    judge.expire(0.0)
    assert judge.store_error is None
    assert 0 == judge.unsaved
    assert ["warning", "limit", "warning_cleared", "cleared"] == [r.body["reason"] for r in store.pending(10)]
    assert pump.alarm.snapshot.to_tree() == store.alarm_snapshots()["pump"]


def test_what_waits_for_the_disk_is_bounded_and_what_goes_is_counted(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = machine("pump", [])
    judge = pipeline(store, audience, pump)

    def full(*_changes: object, **_rest: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(store, "apply", full)
    for number in range(UNSAVED_MAX + 7):
        at_utc_s = float(number)
        if number % 2:
            judge.settle(pump, pump.alarm.unshelve("anna", at_utc_s))
        else:
            judge.settle(pump, pump.alarm.shelve("anna", at_utc_s, duration_s=60.0))
    assert UNSAVED_MAX == judge.unsaved
    assert 7 == judge.given_up_changes


def test_shelving_ends_by_itself_and_that_is_stored(store: Store, audience: Audience) -> None:
    pump = machine("pump", [], settings=AlarmConfig(**{**AT_ONCE.model_dump(), "shelve_max_s": 100.0}))
    judge = pipeline(store, audience, pump)
    judge.settle(pump, pump.alarm.shelve("anna", 1000.0, duration_s=60.0))
    judge.expire(1059.0)
    assert AlarmState.SHELVED is pump.alarm.state
    judge.expire(1060.0)
    assert AlarmState.NORMAL is pump.alarm.state
    assert ["shelved", "shelving_expired"] == [record.body["reason"] for record in store.pending(10)]


def test_engines_of_machines_that_are_passed_over_are_closed_with_the_one_before(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []
    monkeypatch.setattr(ScriptedEngine, "close", lambda engine: closed.append(id(engine)))
    machines = [replace(machine("pump", []), number=number) for number in range(1, 5)]
    first, second, third, fourth = machines
    roster = Roster([first])
    judge = Pipeline(roster, store, audience, audience.keep, CapturedLog(), say=lambda _: None)
    roster.expect(second)
    roster.expect(third)
    judge.take_over(third)
    assert [id(one.engine) for one in (first, second)] == closed
    roster.expect(fourth)
    judge.leave(third)
    assert {id(one.engine) for one in machines} == set(closed)
    assert 4 == len(closed)
