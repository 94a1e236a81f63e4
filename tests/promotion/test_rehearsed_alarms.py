"""Values become the alarms that the alarm machine would raise; alarms of two bundles become cases."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Literal

import pytest
from shadowed_rows import PUMP, T0, window

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.messages import ChangeReason, Quality, Score, Span
from monitor.promotion.again import RaisedBy
from monitor.promotion.agreement import agreed
from monitor.promotion.comparison import _found_beside, _said
from monitor.promotion.faults import cases
from monitor.promotion.labelled import Labelled, Listened
from monitor.promotion.pairing import Said, Sorted, Stretches, beginning, sort_alarms, spells
from monitor.promotion.records import LeftOut, Pairs
from monitor.promotion.rehearsed import AGAIN_S, Alarmed, RehearsedAlarm, Value
from monitor.promotion.shadowed import Shadowed, shadowed
from monitor.store import Label


def value(second: float, level: float | None) -> Value:
    return Value(second, second + 2.0, T0 + second, level, Quality.OK if level is not None else Quality.GAP)


def alarms(
    levels: list[float | None], *, facts: AlarmSnapshot = PUMP, **settings: float
) -> list[tuple[float, float]]:
    alarm = RehearsedAlarm(AlarmConfig(**settings), facts)  # type: ignore[arg-type]
    for second, level in enumerate(levels):
        alarm.take(value(float(second), level))
    return [(one.start_utc_s - T0, one.end_utc_s - T0) for one in alarm.finish()]


def test_delays_and_limits_of_the_source_hold() -> None:
    levels: list[float | None] = [0.1, 1.5, 0.1, 0.1, 1.2, 1.3, 1.4, 1.5, *[0.2] * 9]
    assert [(1.0, 15.0)] == alarms(levels), "five seconds below: both are one alarm"
    assert [(1.0, 5.0), (4.0, 11.0)] == alarms(levels, off_delay_s=1.0)
    assert [(4.0, 15.0)] == alarms(levels, on_delay_s=2.0)
    operated = AlarmSnapshot("pump", limit=1.6, warning_value=1.0)
    assert [] == alarms(levels, facts=operated), "an operator's limit"


def test_what_is_passed_over_changes_nothing() -> None:
    draws = random.Random(5)
    settings = AlarmConfig(on_delay_s=2.0, off_delay_s=3.0, acknowledge_required=False)
    for _ in range(20):
        levels: list[float | None] = [draws.choice([None, 0.2, 0.95, 1.2, 1.3]) for _ in range(200)]
        whole = Alarm("pump", settings, None)
        raised = 0
        for second, level in enumerate(levels):
            quality = Quality.OK if level is not None else Quality.GAP
            span = Span("pump", 0, float(second), second + 2.0, T0 + second, quality, None)
            changes = whole.judge(Score(span, level, None, None, None, "b"))
            raised += sum(change.reason is ChangeReason.LIMIT for change in changes)
        assert raised == len(alarms(levels, on_delay_s=2.0, off_delay_s=3.0))


def test_an_alarm_that_stays_counts_again_where_it_is_asked_for_and_a_restart_ends_it() -> None:
    steady = RehearsedAlarm(AlarmConfig(), PUMP, again_s=AGAIN_S)
    for second in range(1500):
        steady.take(value(float(second), 2.0))
    assert 3 == len(steady.finish())
    assert 1 == len(alarms([2.0] * 1500))
    restarted = RehearsedAlarm(AlarmConfig(), PUMP)
    for at_s in (5.0, 6.0, 0.0, 1.0):
        restarted.take(value(at_s, 2.0))
    assert 2 == len(restarted.finish())


def test_only_what_both_judged_counts() -> None:
    rows = [window(float(i), 0.1, 0.1) for i in range(10)]
    rows += [window(10.0 + i, 2.0, None) for i in range(5)]
    rows += [window(15.0 + i, 0.1, 2.0) for i in range(10)]
    found = shadowed(rows, AlarmConfig(), PUMP)
    assert (0, 1) == (len(found.live), len(found.candidate))
    assert found.hours == pytest.approx((11.0 + 11.0) / 3600.0)
    assert (True, False) == (
        found.covered.covered_s(Alarmed(T0, T0 + 11.0, 0.0)) == pytest.approx(11.0),
        found.covered.meets(Alarmed(T0 + 12.0, T0 + 14.0, 0.0)),
    )


def test_an_alarm_that_stays_does_not_count_again_where_nothing_was_heard() -> None:
    rows = [window(float(i), 0.1, 2.0) for i in range(20)]
    weekend = [window(200_000.0 + i, 0.1, 2.0) for i in range(20)]
    assert 2 == len(shadowed([*rows, *weekend], AlarmConfig(), PUMP).candidate)


def test_a_clock_that_was_set_makes_no_years_judged_and_no_alarm_of_years() -> None:
    year_s = 365.0 * 86_400.0
    rows = [window(float(i), 0.1, 2.0 if i > 5 else 0.1) for i in range(20)]
    rows = [
        replace(row, start_utc_s=row.start_utc_s - year_s, end_utc_s=row.end_utc_s - year_s)
        if i < 10
        else row
        for i, row in enumerate(rows)
    ]
    found = shadowed(rows, AlarmConfig(), PUMP)
    old = Alarmed(T0 - 86_400.0, T0 - 86_000.0, 0.0)
    assert not found.covered.meets(old)
    assert [False, False] == [Stretches([one]).meets(old) for one in found.candidate]


def at(*seconds: float) -> list[Alarmed]:
    return [Alarmed(T0 + second, T0 + second + 5.0, 1.5) for second in seconds]


def test_alarms_are_cases_by_what_people_said() -> None:
    live, candidate = at(0, 1000, 2000, 2100, 3000, 5000), at(0, 1003, 4000, 5000, 6000, 7000)
    said = Said(
        anomaly=Stretches(at(0)), no_anomaly=Stretches(at(1000, 2000, 2100, 4000)), open=Stretches(at(7000))
    )
    found = sort_alarms(live, candidate, said, said)
    assert Pairs(both=1, live_only=2, candidate_only=2) == found.false_alarms
    assert 1 == found.spared, "two within five minutes have one cause"
    assert at(3000) == list(found.unlabelled_live_only), "no false alarm, for it may be a fault"
    assert (1, 1) == (found.unlabelled_both, found.unlabelled_candidate_only)


def test_spells_are_five_minutes_apart() -> None:
    assert [2, 1] == [len(one) for one in spells(at(0, 300, 700))]
    assert [1, 1] == [len(one) for one in spells(at(0, 305))]


def test_the_last_word_of_each_counts() -> None:
    def said(*words: tuple[str, str]) -> str | None:
        return agreed(Label("e", rating, who, T0) for who, rating in words)  # type: ignore[arg-type]

    assert None is said()
    assert "anomaly" == said(("ann", "no_anomaly"), ("ann", "anomaly"), ("bert", "unsure"))
    assert "disagreed" == said(("ann", "anomaly"), ("bert", "no_anomaly"))
    assert "no_anomaly" == said(("ann", "anomaly"), ("bert", "no_anomaly"), ("ann", "none"))
    assert ("withdrawn", "unsure") == (said(("ann", "anomaly"), ("ann", "none")), said(("ann", "unsure")))


def test_an_event_that_nobody_acknowledged_is_one_case_and_excuses_nothing_in_its_quiet_hours() -> None:
    live = at(*range(0, 80_000, 10_000))
    (weekend,) = [Labelled("event-1", T0, T0 + 80_000.0, "no_anomaly", "mae-1")]

    def found(rating: Literal["anomaly", "no_anomaly"], candidate: list[Alarmed]) -> Sorted:
        event = replace(weekend, rating=rating)
        heard = Listened((event,), (), (), LeftOut())
        return sort_alarms(live, candidate, _said(heard), _said(heard, of_events=beginning))

    assert (Pairs(live_only=1), 1) == (
        found("no_anomaly", []).false_alarms,
        found("no_anomaly", []).spared,
    ), "one key press is one case"
    quiet = at(*range(5_000, 80_000, 10_000))
    assert Pairs(candidate_only=8) == found("anomaly", quiet).false_alarms


def test_an_alarm_is_not_drawn_over_the_hour_by_which_the_clock_was_set() -> None:
    alarm = RehearsedAlarm(AlarmConfig(on_delay_s=2.0, off_delay_s=2.0), PUMP)
    for second in range(20):
        set_s = 3600.0 if second >= 10 else 0.0
        alarm.take(Value(second, second + 1.0, T0 + second + set_s, 1.5))
    found = [(one.start_utc_s - T0, one.end_utc_s - T0) for one in alarm.finish()]
    assert [(0.0, 10.0), (3610.0, 3620.0)] == found


def test_who_alarms_hours_after_a_fault_began_has_missed_it() -> None:
    def counted(after_s: float) -> Pairs:
        fault = Labelled("event-1", T0, T0 + 40_000.0, "anomaly", "mae-1")
        beside = Shadowed(
            live=(Alarmed(T0, T0 + 40_000.0, 2.0),),
            candidate=(Alarmed(T0 + after_s, T0 + 40_000.0, 2.0),),
            covered=Stretches([fault]),
            hours=11.0,
            since_utc_s=T0,
            until_utc_s=T0 + 40_000.0,
        )
        found, others = _found_beside(beside, Listened((fault,), (), (), LeftOut()), RaisedBy("mae-1", None))
        assert [] == others
        return cases(found)

    assert [Pairs(both=1), Pairs(live_only=1)] == [counted(200.0), counted(39_000.0)]


def test_one_long_alarm_of_the_live_one_excuses_no_calls_of_the_candidate_but_one() -> None:
    hours_s = 8 * 3600.0
    live = [Alarmed(T0, T0 + hours_s, 2.0), *at(*range(40_000, 120_000, 10_000))]
    calls = at(*range(0, 28_800, 640))

    def counted(candidate: list[Alarmed], no_anomaly: list[Alarmed]) -> Sorted:
        said = Said(anomaly=Stretches([]), no_anomaly=Stretches(no_anomaly), open=Stretches([]))
        return sort_alarms(live, candidate, said, said)

    found = counted(calls, live)
    assert (45, Pairs(both=1, live_only=8, candidate_only=44)) == (len(calls), found.false_alarms)
    assert 44 == counted(calls, live[1:]).unlabelled_candidate_only, "until somebody labels the event"
    flickers = at(*range(0, 28_800, 250))
    stays = [Alarmed(T0 + second, T0 + second + AGAIN_S, 2.0) for second in range(0, 28_800, int(AGAIN_S))]
    assert [0, 0] == [counted(one, live).false_alarms.candidate_only for one in (flickers, stays)]
    fault = Said(anomaly=Stretches(live), no_anomaly=Stretches([]), open=Stretches([]))
    assert 0 == sort_alarms(live, calls, fault, fault).false_alarms.candidate_only, "a fault that goes on"
