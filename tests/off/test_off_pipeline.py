"""A machine that is off costs no engine call, flags nothing, and its alarm waits with its event open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from machine_rig import AT_ONCE, Audience, machine, windows
from off_sounds import section

from monitor.between_events import KEEP_OFF_EVERY_S
from monitor.config import Config, OffConfig, SimulatedSource
from monitor.desk.live_off import off_part
from monitor.explanation import SoundKind
from monitor.machine import Machine, facts_at_start
from monitor.messages import AlarmState, ChangeReason, OffCause, Quality
from monitor.off import OffWatch, SignalBoard, machine_off_from_facts
from monitor.pipeline import Pipeline
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog, ScriptedEngine

BY_SIGNAL = section(signal={"kind": "mqtt", "topic": "plant/pump"}, settle_s=0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


class Plant:
    """One machine with a signal, and the pipeline that judges it."""

    def __init__(self, store: Store, values: list[float], *, off: OffConfig = BY_SIGNAL) -> None:
        self.audience = Audience()
        self.pump: Machine = replace(machine("pump", values, settings=AT_ONCE), off=OffWatch(off))
        self.board = SignalBoard({"pump": off}, CapturedLog())
        self.roster = Roster([self.pump])
        self.pipeline = Pipeline(
            self.roster, store, self.audience, self.audience.keep, CapturedLog(), say=lambda _: None
        )
        self.pipeline.ask_plant(self.board)
        self.heard = windows("pump", len(values))

    def hear(self, first: int, last: int) -> None:
        self.pipeline.hear(self.heard[first:last])

    @property
    def calls(self) -> int:
        assert isinstance(self.pump.engine, ScriptedEngine)
        return sum(self.pump.engine.batches)


def test_while_it_is_off_nothing_is_given_to_the_engine_and_nothing_is_flagged(store: Store) -> None:
    plant = Plant(store, [1.5] * 12)
    plant.hear(0, 2)
    kept = len(plant.audience.kept)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(2, 10)
    assert (2, kept) == (plant.calls, len(plant.audience.kept))
    off = plant.audience.scores[2:]
    assert {(None, Quality.OFF)} == {(score.value, score.span.quality) for score in off}


def test_an_active_alarm_is_suppressed_with_its_event_open_and_cleared_only_by_judged_sound(
    store: Store,
) -> None:
    plant = Plant(store, [1.5, 1.5, *[0.1] * 10])
    plant.hear(0, 2)
    event_id = plant.pump.alarm.snapshot.event_id
    plant.board.hear_topic("plant/pump", b"stopped")
    plant.hear(2, 6)
    assert ("suppressed", event_id) == (
        plant.pump.alarm.state.value,
        plant.pump.alarm.snapshot.event_id,
    )
    plant.board.hear_topic("plant/pump", b"running")
    plant.hear(6, 12)
    told = [(record.body["reason"], record.body["off_reason"]) for record in store.pending(20)]
    assert [
        ("warning", None),
        ("limit", None),
        ("machine_off", "the plant's signal"),
        ("machine_on", None),
        ("warning_cleared", None),
        ("cleared", None),
    ] == told
    assert AlarmState.RETURNED is plant.pump.alarm.state


def test_the_off_time_is_no_dropout_in_what_the_event_sounded_like(store: Store) -> None:
    plant = Plant(store, [1.5] * 14)
    plant.hear(0, 2)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(2, 9)
    plant.board.hear_topic("plant/pump", b"1")
    plant.hear(9, 14)
    explanation = plant.pipeline.explanation_of(plant.pump)
    assert explanation is not None
    assert SoundKind.DROPOUT not in {finding.kind for finding in explanation.findings}


def test_whether_it_runs_is_told_once_for_each_change(store: Store) -> None:
    plant = Plant(store, [0.1] * 8)
    plant.hear(0, 2)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(2, 6)
    missing, off = (condition for _, condition in plant.audience.conditions)
    assert (True, None) == (bool(missing.signal_missing), missing.off)
    assert off.off is not None
    assert (OffCause.SIGNAL,) == off.off.causes


def test_a_dropped_window_of_a_machine_that_is_off_is_off(store: Store) -> None:
    plant = Plant(store, [0.1] * 4)
    plant.board.hear_topic("plant/pump", b"0")
    plant.pipeline.give_up([window.span for window in plant.heard])
    assert {Quality.OFF} == {score.span.quality for score in plant.audience.scores}
    assert not plant.pump.alarm.snapshot.uncertain


def test_it_is_off_from_the_start_when_it_was_before(store: Store) -> None:
    plant = Plant(store, [0.1] * 4)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(0, 1)
    facts = plant.pump.alarm.snapshot
    was = machine_off_from_facts(facts.off_reason, facts.off_causes, facts.off_since_utc_s)
    again = replace(plant.pump, off=OffWatch(BY_SIGNAL, was=was))
    assert was == facts_at_start(again).machine.off
    assert was is not None


def test_a_reload_that_takes_the_section_away_lets_it_run(store: Store) -> None:
    plant = Plant(store, [0.1] * 4)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(0, 1)
    followed: list[int] = []
    prepare = off_part(plant.roster, plant.board, lambda: followed.append(1))
    prepare(Config(sources=(SimulatedSource(id="pump", kind="simulated"),))).apply()
    plant.hear(1, 4)
    reasons = [change.reason for change in plant.audience.alarms]
    assert [ChangeReason.MACHINE_OFF, ChangeReason.MACHINE_ON] == reasons
    assert ((), [1]) == (plant.board.topics, followed)


def test_a_source_that_a_reload_removes_is_as_off_as_it_was_until_its_last_window(store: Store) -> None:
    plant = Plant(store, [0.1] * 2 + [1.5] * 6)
    plant.board.hear_topic("plant/pump", b"0")
    plant.hear(0, 2)
    prepared = off_part(plant.roster, plant.board, lambda: None)(
        Config(sources=(SimulatedSource(id="fan", kind="simulated", off=BY_SIGNAL),))
    )
    prepared.apply()
    plant.hear(2, 6)
    assert [ChangeReason.MACHINE_OFF] == [change.reason for change in plant.audience.alarms]
    assert ("plant/pump",) == plant.board.topics
    prepared.follow()
    assert None is plant.board.said("pump")


def test_by_what_it_is_off_now_survives_a_kill_and_is_written_seldom(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("monitor.pipeline.time.monotonic", lambda: now_s[0])
    level = {"below_dbfs": -1, "after_s": 0}  # the rig's sound is always below
    plant = Plant(store, [0.1] * 12, off=section(level=level, signal={"kind": "mqtt", "topic": "plant/pump"}))
    plant.hear(0, 1)

    def stored() -> object:
        plant.pipeline.expire(0.0)
        return store.alarm_snapshots()["pump"]["off_causes"]

    kept = [stored()]
    for index, payload in enumerate((b"0", b"1"), 1):
        plant.board.hear_topic("plant/pump", payload)
        plant.hear(index, index + 1)
        kept.append(stored())
        now_s[0] += KEEP_OFF_EVERY_S / 2
    kept.append(stored())
    assert ["level", "level signal", "level signal", "level"] == kept
    assert [ChangeReason.MACHINE_OFF] == [change.reason for change in plant.audience.alarms]
