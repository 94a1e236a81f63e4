"""What is known of an event goes wherever the event goes, grows with it, and never costs an alarm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from machine_rig import Audience, demo_ear, machine, windows

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.describe import Describer
from monitor.errors import StoreFullError
from monitor.explanation import Explanation, Finding, SoundKind, tree_from_explanation
from monitor.machine import Machine
from monitor.messages import Inference, LogMel, Quality, Span
from monitor.narrator import KEEP_EVERY_S, Narrator
from monitor.pipeline import Pipeline
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog

ALWAYS, NEVER = 0.0, math.inf


class Scribe(Describer):
    """Says how many windows an event had; keeps what it was told."""

    def __init__(self) -> None:
        manifest, parameters = demo_ear().bundle.manifest, demo_ear().frontend.parameters
        mean, std = manifest.standardisation_mean, manifest.standardisation_std
        super().__init__(parameters, mean=mean, std=std, hop_frames=32)
        self.normal: list[bool] = []
        self.missed: list[tuple[Quality, str | None]] = []
        self.events: dict[str, int] = {}
        self.closed: list[str] = []

    def hear(self, logmel: LogMel, inference: Inference | None = None, *, normal: bool) -> None:
        assert inference is not None
        assert logmel.span == inference.span
        self.normal.append(normal)

    def describe(self, event_id: str, logmel: LogMel, inference: Inference | None) -> Explanation:
        assert inference is not None
        self.events[event_id] = self.events.get(event_id, 0) + 1
        return self.say(event_id, logmel.span)

    def miss(self, span: Span, event_id: str | None = None) -> Explanation | None:
        self.missed.append((span.quality, event_id))
        return None if event_id is None else self.say(event_id, span)

    def close(self, event_id: str) -> None:
        self.closed.append(event_id)

    def portrait_tree(self, event_id: str) -> dict[str, object]:
        return {"windows": self.events[event_id]}

    def restore(self, event_id: str, tree: Mapping[str, object]) -> bool:
        self.events[event_id] = int(str(tree["windows"]))
        return self.events[event_id] < 1000

    def say(self, event_id: str, span: Span) -> Explanation:
        finding = Finding(SoundKind.HISS, 900.0, 1800.0, span.start_utc_s, span.end_utc_s, 12.0)
        return Explanation((finding,), span.start_utc_s, span.end_utc_s, self.events[event_id])


class Broken(Scribe):
    """Fails at one of its questions."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question
        self.asked = 0

    def fail(self, question: str) -> None:
        if question == self.question:
            self.asked += 1
            raise ZeroDivisionError("no frames")

    def hear(self, logmel: LogMel, inference: Inference | None = None, *, normal: bool) -> None:
        self.fail("hear")
        super().hear(logmel, inference, normal=normal)

    def describe(self, event_id: str, logmel: LogMel, inference: Inference | None) -> Explanation:
        self.fail("describe")
        explanation = super().describe(event_id, logmel, inference)
        if self.question == "numbers":
            return replace(explanation, findings=(replace(explanation.findings[0], change_db=math.nan),))
        return explanation

    def miss(self, span: Span, event_id: str | None = None) -> Explanation | None:
        self.fail("miss")
        return super().miss(span, event_id)

    def portrait_tree(self, event_id: str) -> dict[str, object]:
        self.fail("portrait_tree")
        return super().portrait_tree(event_id)

    def close(self, event_id: str) -> None:
        self.fail("close")
        super().close(event_id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


@pytest.fixture
def audience() -> Audience:
    return Audience()


def pipeline(
    store: Store, audience: Audience, machines: Sequence[Machine], log: CapturedLog | None = None
) -> Pipeline:
    return Pipeline(
        Roster(machines),
        store,
        audience,
        audience.keep,
        log or CapturedLog(),
        say=lambda explanation: f"hiss in {explanation.windows}",
    )


def keep_every(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr("monitor.narrator.KEEP_EVERY_S", seconds)


def windows_told(store: Store) -> list[int | None]:
    """How many windows each event record was explained by."""
    told = [record.body["explanation"] for record in store.pending(100)]
    return [tree["windows"] if isinstance(tree, dict) else None for tree in told]


def test_the_first_record_of_an_event_says_what_was_heard_and_the_last_the_whole(
    store: Store, audience: Audience
) -> None:
    pump, log = machine("pump", [0.2, 1.2, 1.5, 1.4, 0.1], describer=Scribe()), CapturedLog()
    pipeline(store, audience, [pump], log).hear(windows("pump", 5))
    reasons = [record.body["reason"] for record in store.pending(10)]
    assert ["warning", "limit", "warning_cleared", "cleared"] == reasons
    assert [None, 1, 3, 3] == windows_told(store)
    assert [1, 3] == [change.explanation and change.explanation.windows for change in audience.alarms]
    (event,) = store.events(10)
    assert event.explanation is not None
    assert 3 == event.explanation.windows
    assert [None, "hiss in 1", "hiss in 3", "hiss in 3"] == [
        facts["explanation"] for _, words, facts in log.lines if words == "alarm"
    ]


def test_the_baseline_learns_from_what_is_neither_alarm_nor_warning(store: Store, audience: Audience) -> None:
    scribe = Scribe()
    pump = machine("pump", [0.2, 0.8, 1.2, 0.95, 0.1, 0.1], describer=scribe)
    judge = pipeline(store, audience, [pump])
    judge.hear(windows("pump", 6))
    assert pump.alarm.snapshot.event_id is not None, "nobody has acknowledged it"
    assert [True, False, False, False, True, True] == scribe.normal
    assert [2] == list(scribe.events.values()), "0.95 is below the limit, and not below the deadband"


def test_a_window_that_cannot_be_judged_is_told_of_with_the_event_that_is_active(
    store: Store, audience: Audience
) -> None:
    scribe = Scribe()
    pump = machine("pump", [0.1, 1.2, 1.2, 0.1, 0.1], describer=scribe)
    # overlapping windows: each silence costs its neighbours too
    pipeline(store, audience, [pump]).hear(windows("pump", 11, bad=[1, 6]))
    event_id = pump.alarm.snapshot.event_id
    assert event_id is not None
    assert {None, event_id} == {event for _, event in scribe.missed}
    assert {Quality.SILENT, Quality.FLAT} >= {quality for quality, _ in scribe.missed}


def test_a_growing_event_is_written_and_told_now_and_then(store: Store, audience: Audience) -> None:
    now_s = 100.0
    pump = machine("pump", [1.2] * 4, describer=Scribe())
    judge = pipeline(store, audience, [pump])
    judge._narrators["pump"] = Narrator(pump, store, audience, CapturedLog(), monotonic=lambda: now_s)
    heard = windows("pump", 4)

    def stored() -> tuple[int | None, object]:
        (event,) = store.events(10)
        portrait = store.portrait(event.event_id)
        windows = None if event.explanation is None else event.explanation.windows
        return windows, None if portrait is None else portrait["windows"]

    judge.hear(heard[:1])
    assert (1, 1) == stored(), "with the alarm, whatever the clock says"
    now_s += KEEP_EVERY_S - 0.1
    judge.hear(heard[1:2])
    assert (1, 1) == stored()
    assert [] == audience.grown
    now_s += 0.2
    judge.hear(heard[2:3])
    assert (3, 3) == stored()
    assert [3] == [explanation.windows for explanation in audience.grown]
    judge.hear(heard[3:])
    assert (3, 3) == stored()


def test_what_grew_since_is_written_when_the_event_ends(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(monkeypatch, NEVER)
    pump = machine("pump", [1.2, 1.3, 1.4, 0.1], describer=Scribe())
    pipeline(store, audience, [pump]).hear(windows("pump", 4))
    (event,) = store.events(10)
    assert event.explanation is not None
    assert 3 == event.explanation.windows
    assert {"windows": 3} == store.portrait(event.event_id), "it may be raised again before it is closed"
    assert [] == audience.grown


def test_a_closed_event_keeps_its_explanation_and_needs_no_portrait(store: Store, audience: Audience) -> None:
    scribe = Scribe()
    pump = machine("pump", [1.2, 0.1, 1.3], describer=scribe)
    judge = pipeline(store, audience, [pump])
    heard = windows("pump", 3)
    judge.hear(heard[:2])
    (event,) = store.events(10)
    judge.settle(pump, pump.alarm.acknowledge("anna", 2e9))
    assert [event.event_id] == scribe.closed
    assert store.portrait(event.event_id) is None
    closed = store.event(event.event_id)
    assert closed is not None
    assert closed.explanation is not None
    assert tree_from_explanation(closed.explanation) == store.pending(10)[-1].body["explanation"]
    assert judge.explanation_of(pump) is None
    judge.hear(heard[2:])
    assert 2 == len(store.events(10))
    assert [1, 1] == list(scribe.events.values()), "another event begins anew"


def restarted(pump: Machine, store: Store, values: Sequence[float], describer: Describer) -> Machine:
    """The machine as a new process finds it."""
    fresh = machine(pump.source_id, values, describer=describer)
    snapshot = AlarmSnapshot.from_tree(store.alarm_snapshots()[pump.source_id])
    return replace(fresh, alarm=Alarm(pump.source_id, fresh.alarm._settings, snapshot))


def test_after_a_kill_an_open_event_grows_on(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(monkeypatch, ALWAYS)
    pump = machine("pump", [1.2] * 3, describer=Scribe())
    heard = windows("pump", 5)
    pipeline(store, audience, [pump]).hear(heard[:3])
    again = restarted(pump, store, [1.2, 1.2], Scribe())
    judge = pipeline(store, audience, [again])
    judge.resume()
    before = judge.explanation_of(again)
    assert before is not None
    assert 3 == before.windows
    judge.hear(heard[3:])
    now = judge.explanation_of(again)
    assert now is not None
    assert 5 == now.windows
    assert [now] == [event.explanation for event in store.events(10)]


def test_a_portrait_of_another_version_begins_anew_and_that_is_said(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(monkeypatch, ALWAYS)
    pump = machine("pump", [1.2], describer=Scribe())
    heard = windows("pump", 2)
    pipeline(store, audience, [pump]).hear(heard[:1])
    (event,) = store.events(10)
    assert event.explanation is not None
    store.update_explanation(event.event_id, event.explanation, portrait={"windows": 5000})
    log = CapturedLog()
    again = restarted(pump, store, [1.2], Scribe())
    judge = pipeline(store, audience, [again], log)
    judge.resume()
    assert event.explanation == judge.explanation_of(again), "what was known is told until more is"
    assert "not of this version" in log.text()
    assert 0 == judge.failed_describers


@pytest.mark.parametrize("question", ["hear", "describe", "miss", "portrait_tree", "close", "numbers"])
def test_a_describer_that_fails_costs_no_alarm_no_window_and_no_other_source(
    store: Store, audience: Audience, question: str
) -> None:
    log, broken = CapturedLog(), Broken(question)
    values = [0.2, 1.2, 1.5, 0.1, 0.1]
    pump = machine("pump", values * 2, describer=broken)
    fan = machine("fan", [], engine=pump.engine, describer=Scribe())
    judge = pipeline(store, audience, [pump, fan], log)
    judge.hear([*windows("pump", 5), *windows("fan", 5)])
    # a window that nobody can judge, and the end of the event
    judge.hear(windows("pump", 1, bad=[0]))
    judge.settle(pump, pump.alarm.acknowledge("anna", 2e9))

    assert 11 == len(audience.scores)
    assert {"pump": 1, "fan": 1} == {
        source_id: len(store.events(10, source_id=source_id)) for source_id in ("pump", "fan")
    }
    reasons = [r.body["reason"] for r in store.pending(20) if r.source_id == "pump"]
    assert {"limit", "cleared", "acknowledged"} <= set(reasons)
    assert AlarmSnapshot.from_tree(store.alarm_snapshots()["pump"]).event_id is None
    assert 4 == len(audience.kept), "maps and clips of both are kept"
    (fans,) = store.events(10, source_id="fan")
    assert fans.explanation is not None
    told = [words for level, words, _ in log.lines if level == "exception"]
    assert ["describer failed; its source has no new explanations before the next start"] == told
    assert 1 == judge.failed_describers
    assert broken.asked <= 1, "not asked again"


def test_while_the_disk_refuses_what_is_known_waits_with_its_change_and_is_told(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(monkeypatch, ALWAYS)
    pump, log = machine("pump", [1.2, 1.3, 1.4], describer=Scribe()), CapturedLog()
    judge = pipeline(store, audience, [pump], log)
    heard = windows("pump", 3)
    real_apply = store.apply

    def full(*_changes: object, **_rest: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(store, "apply", full)
    judge.hear(heard[:2])
    assert [2] == [explanation.windows for explanation in audience.grown]
    assert [] == store.events(10)
    assert "explanation not stored" not in log.text(), "one trouble is told once"
    monkeypatch.setattr(store, "apply", real_apply)
    judge.expire(0.0)
    assert [None, 1] == windows_told(store), "as it was when it happened"
    judge.hear(heard[2:])
    (event,) = store.events(10)
    assert event.explanation is not None
    assert 3 == event.explanation.windows
    assert {"windows": 3} == store.portrait(event.event_id)


def test_a_growth_that_the_disk_refuses_is_a_warning_and_no_failure(
    store: Store, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_every(monkeypatch, ALWAYS)
    log = CapturedLog()
    pump = machine("pump", [1.2, 1.2], describer=Scribe())

    def full(*_changes: object, **_rest: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(store, "update_explanation", full)
    judge = pipeline(store, audience, [pump], log)
    judge.hear(windows("pump", 2))
    assert 2 == len(audience.scores)
    assert [("warning", "explanation not stored")] * 2 == [
        line[:2] for line in log.lines if "explanation" in line[1]
    ]
    assert 0 == judge.failed_describers
