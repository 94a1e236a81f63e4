"""What is told of an alarm is how it now is; why it changed stands beside."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from machine_rig import UTC_S, machine

from monitor.announcer import Announcer
from monitor.config import MqttConfig
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.health import HealthBook
from monitor.machine import Machine, facts_at_start
from monitor.messages import AlarmState, CaptureHealth, CaptureState, Quality, Score, Span
from monitor.publish.explained import Voice
from monitor.publish.outlet import Outlet
from monitor.publish.payloads import AlarmPayload, HealthPayload
from monitor.roster import Roster

HISS = Explanation(
    findings=(Finding(SoundKind.HISS, 1000.0, 4000.0, UTC_S, UTC_S + 2.0, 9.0),),
    start_utc_s=UTC_S,
    end_utc_s=UTC_S + 2.0,
    windows=1,
)


class Told:
    """Keeps what the publisher was given."""

    def __init__(self) -> None:
        self.alarms: list[AlarmPayload] = []
        self.healths: list[HealthPayload] = []

    def set_alarm(self, payload: AlarmPayload) -> None:
        self.alarms.append(payload)

    def set_health(self, payload: HealthPayload) -> None:
        self.healths.append(payload)


def announcer_of(pump: Machine) -> tuple[Announcer, HealthBook, Told]:
    told = Told()
    book = HealthBook([facts_at_start(pump)])
    voice = Voice("en", lambda explanation: f"{explanation.windows} windows")
    return Announcer(Roster([pump]), [cast("Outlet", told)], book, MqttConfig(), voice), book, told


def score(value: float | None, second: float) -> Score:
    quality = Quality.OK if value is not None else Quality.GAP
    span = Span("pump", int(second * 16_000), second, second + 2.0, UTC_S + second, quality, -20.0)
    return Score(span, value, 0.0, 0.0, None, "mae-1")


def test_the_open_event_is_told_until_it_closes_and_then_no_more() -> None:
    pump = machine("pump", [])
    announcer, book, told = announcer_of(pump)
    for change in pump.alarm.judge(score(1.5, 0.0)):
        announcer.tell_alarm(pump, change)
    raised = told.alarms[-1]
    assert (AlarmState.UNACKNOWLEDGED, 1.5) == (raised.state, raised.peak)
    assert raised.event_id is not None
    for change in pump.alarm.judge(score(0.1, 1.0)):
        announcer.tell_alarm(pump, change)
    assert raised.event_id == told.alarms[-1].event_id, "returned, and still open"
    (change,) = pump.alarm.acknowledge("anna", UTC_S + 9.0)
    announcer.tell_alarm(pump, change)
    closed = told.alarms[-1]
    assert (AlarmState.NORMAL, "anna") == (closed.state, closed.actor)
    assert (None, None, None) == (closed.event_id, closed.event_start, closed.peak)
    assert AlarmState.NORMAL is book.sources()[0].alarm


def test_an_alarm_after_a_restart_has_the_peak_as_it_was_told_before() -> None:
    pump = machine("pump", [])
    announcer, _, told = announcer_of(pump)
    for change in pump.alarm.judge(score(3.540626458309321, 0.0)):
        announcer.tell_alarm(pump, change)
    announcer.tell_present_alarm(pump, None)
    before, after = told.alarms[-2:]
    assert (3.54063, 3.54063) == (before.peak, after.peak)


def test_until_a_window_is_judged_the_alarm_is_told_as_uncertain_whatever_the_store_had() -> None:
    pump = machine("pump", [])
    announcer, book, told = announcer_of(pump)
    announcer.tell_present_alarm(pump, None)
    assert (AlarmState.NORMAL, True) == (told.alarms[-1].state, told.alarms[-1].uncertain)
    assert book.sources()[0].uncertain
    (change,) = pump.alarm.take_out_of_service("anna", UTC_S)
    announcer.tell_alarm(pump, change)
    assert told.alarms[-1].uncertain, "an operator's command is no sound"
    announcer.tell_window(score(None, 0.0), lag_s=0.1)
    assert told.alarms[-1].uncertain
    announcer.tell_window(score(0.2, 1.0), lag_s=0.1)
    assert (AlarmState.OUT_OF_SERVICE, False) == (told.alarms[-1].state, told.alarms[-1].uncertain)
    assert not book.sources()[0].uncertain
    announcer.tell_present_alarm(pump, None)
    assert not told.alarms[-1].uncertain, "a reload forgets nothing that was heard"


def test_at_the_start_the_alarm_is_told_as_it_was_left() -> None:
    pump = machine("pump", [])
    pump.alarm.judge(score(1.5, 0.0))
    announcer, _, told = announcer_of(pump)
    announcer.tell_present_alarm(pump, HISS)
    assert (AlarmState.UNACKNOWLEDGED, "limit", None) == (
        told.alarms[-1].state,
        told.alarms[-1].reason,
        told.alarms[-1].actor,
    )
    pump.alarm.acknowledge("anna", UTC_S + 3.0, note="I go and look")
    announcer.tell_present_alarm(pump, HISS)
    assert ("acknowledged", "anna", "I go and look") == (
        told.alarms[-1].reason,
        told.alarms[-1].actor,
        told.alarms[-1].note,
    )
    assert told.alarms[-1].explanation is not None
    assert "1 windows" == told.alarms[-1].explanation.text


def test_what_grows_is_told_with_the_alarm_as_it_was_told_last() -> None:
    pump = machine("pump", [])
    announcer, _, told = announcer_of(pump)
    (_, raised) = pump.alarm.judge(score(1.5, 0.0))
    announcer.tell_alarm(pump, replace(raised, explanation=HISS))
    (acknowledged,) = pump.alarm.acknowledge("anna", UTC_S + 3.0)
    announcer.tell_alarm(pump, replace(acknowledged, explanation=HISS))
    assert [] == pump.alarm.judge(score(2.5, 4.0))
    announcer.tell_explanation(pump, replace(HISS, windows=5, end_utc_s=UTC_S + 6.0))
    before, now = told.alarms[-2:]
    assert ("5 windows", 2.5) == (now.explanation and now.explanation.text, now.peak)
    assert (AlarmState.ACKNOWLEDGED, "anna") == (now.state, now.actor)
    assert now.time > before.time
    assert now.says_more_than(before)


def test_an_alarm_whose_event_is_closed_has_no_explanation_any_more() -> None:
    pump = machine("pump", [])
    announcer, _, told = announcer_of(pump)
    pump.alarm.judge(score(1.5, 0.0))
    pump.alarm.judge(score(0.1, 1.0))
    (change,) = pump.alarm.acknowledge("anna", UTC_S + 9.0)
    announcer.tell_alarm(pump, replace(change, explanation=HISS))
    assert told.alarms[-1].explanation is None


def test_health_is_told_at_once_when_a_state_changes_and_now_and_then_for_counters() -> None:
    pump = machine("pump", [])
    announcer, book, told = announcer_of(pump)
    announcer.tell_health(book.sources(), 0.0)
    book.note_capture([CaptureHealth("pump", CaptureState.HEALTHY, "", "default", 4800)])
    announcer.tell_health(book.sources(), 0.5)
    book.note_capture([CaptureHealth("pump", CaptureState.HEALTHY, "", "default", 9600)])
    announcer.tell_health(book.sources(), 1.0)
    assert [0, 4800] == [payload.received_samples for payload in told.healths]
    announcer.tell_health(book.sources(), 61.0)
    assert [0, 4800, 9600] == [payload.received_samples for payload in told.healths]
