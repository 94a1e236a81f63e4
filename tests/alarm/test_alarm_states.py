"""The ISA-18.2 states: every transition, events, commands and their refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alarm_sounds import START_UTC_S, play, score, when

from monitor.alarm import Alarm, event_id_of
from monitor.config import AlarmConfig
from monitor.errors import CommandError
from monitor.messages import AlarmChange, AlarmState, ChangeReason

NOW_UTC_S = START_UTC_S + 1000.0
Step = Callable[[Alarm], list[AlarmChange]]


def fresh(**settings: float) -> Alarm:
    return Alarm("pump-3", AlarmConfig(**{"on_delay_s": 0, "off_delay_s": 0, **settings}))  # type: ignore[arg-type]


STEPS: dict[str, Step] = {
    "raise": lambda alarm: alarm.judge(score(0, 1.5)),
    "clear": lambda alarm: alarm.judge(score(1, 0.0)),
    "ack": lambda alarm: alarm.acknowledge("ada", NOW_UTC_S),
    "shelve": lambda alarm: alarm.shelve("ada", NOW_UTC_S, duration_s=60.0),
    "one-shot": lambda alarm: alarm.shelve("ada", NOW_UTC_S, one_shot=True),
    "unshelve": lambda alarm: alarm.unshelve("ada", NOW_UTC_S),
    "expire": lambda alarm: alarm.expire(NOW_UTC_S + 60.0),
    "out": lambda alarm: alarm.take_out_of_service("ada", NOW_UTC_S),
    "in": lambda alarm: alarm.return_to_service("ada", NOW_UTC_S),
}

TRANSITIONS = [
    ("raise", "unacknowledged"),
    ("raise ack", "acknowledged"),
    ("raise clear", "returned"),
    ("raise ack clear", "normal"),
    ("raise clear ack", "normal"),
    ("raise clear raise", "unacknowledged"),
    ("raise ack clear raise", "unacknowledged"),
    ("shelve", "shelved"),
    ("raise shelve", "shelved"),
    ("raise ack shelve", "shelved"),
    ("raise clear shelve", "shelved"),
    ("shelve raise", "shelved"),
    ("shelve raise clear", "shelved"),
    ("shelve unshelve", "normal"),
    ("shelve expire", "normal"),
    ("raise shelve unshelve", "unacknowledged"),
    ("raise ack shelve expire", "acknowledged"),
    ("raise clear shelve expire", "returned"),
    ("shelve raise expire", "unacknowledged"),
    ("shelve raise clear expire", "returned"),
    ("shelve raise ack expire", "acknowledged"),
    ("shelve raise clear ack expire", "normal"),
    ("one-shot", "shelved"),
    ("one-shot raise", "shelved"),
    ("one-shot raise clear", "returned"),
    ("raise ack one-shot clear", "normal"),
    ("one-shot unshelve", "normal"),
    ("out", "out_of_service"),
    ("raise out", "out_of_service"),
    ("shelve out", "out_of_service"),
    ("out raise", "out_of_service"),
    ("out in", "normal"),
    ("out raise in", "unacknowledged"),
    ("out raise ack in", "acknowledged"),
    ("out raise clear in", "returned"),
    ("shelve out in", "shelved"),
    ("shelve out expire in", "normal"),
    ("shelve out unshelve in", "normal"),
]


@pytest.mark.parametrize(("steps", "state"), TRANSITIONS)
def test_every_transition_leads_where_isa_18_2_says(steps: str, state: str) -> None:
    alarm = fresh()
    previous = alarm.state
    for step in steps.split():
        for change in STEPS[step](alarm):
            assert previous is change.old_state
            previous = change.new_state
    assert AlarmState(state) is alarm.state
    assert previous is alarm.state


REFUSALS = [
    ("ack", "nothing to acknowledge"),
    ("raise ack ack", "acknowledged already"),
    ("shelve shelve", "shelved already, until 2023-11-14 22:31:00 UTC"),
    ("one-shot shelve", "shelved already"),
    ("out shelve", "out of service"),
    ("unshelve", "not shelved"),
    ("shelve expire unshelve", "not shelved"),
    ("out out", "out of service already"),
    ("in", "not out of service"),
]


@pytest.mark.parametrize(("steps", "sentence"), REFUSALS)
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(steps: str, sentence: str) -> None:
    alarm = fresh()
    *before, last = steps.split()
    for step in before:
        STEPS[step](alarm)
    snapshot = alarm.snapshot
    with pytest.raises(CommandError, match=sentence):
        STEPS[last](alarm)
    assert snapshot == alarm.snapshot


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 28800.001, float("nan"), float("inf")])
def test_shelving_for_an_impossible_time_is_refused(duration_s: float) -> None:
    with pytest.raises(CommandError, match="shelve_max_s"):
        fresh().shelve("ada", NOW_UTC_S, duration_s=duration_s)


def test_shelving_needs_one_kind_and_the_longest_time_is_allowed() -> None:
    with pytest.raises(CommandError, match="either"):
        fresh().shelve("ada", NOW_UTC_S)
    with pytest.raises(CommandError, match="either"):
        fresh().shelve("ada", NOW_UTC_S, duration_s=5.0, one_shot=True)
    (change,) = fresh().shelve("ada", NOW_UTC_S, duration_s=28800.0)
    assert NOW_UTC_S + 28800.0 == change.shelved_until_utc_s


def test_shelving_ends_exactly_at_its_time() -> None:
    alarm = fresh()
    alarm.shelve("ada", NOW_UTC_S, duration_s=60.0)
    assert [] == alarm.expire(NOW_UTC_S + 59.999)
    (change,) = alarm.expire(NOW_UTC_S + 60.0)
    assert ChangeReason.SHELVING_EXPIRED is change.reason
    assert change.actor is None


def test_one_shot_shelving_ends_even_if_the_alarm_never_comes() -> None:
    alarm = fresh(shelve_max_s=100.0)
    alarm.shelve("ada", NOW_UTC_S, one_shot=True)
    assert [] == alarm.expire(NOW_UTC_S + 99.0)
    assert 1 == len(alarm.expire(NOW_UTC_S + 100.0))


def test_a_clock_that_was_set_back_cannot_shelve_for_years() -> None:
    alarm = fresh(shelve_max_s=100.0)
    alarm.shelve("ada", NOW_UTC_S, duration_s=100.0)
    assert [] == alarm.expire(0.0)
    assert 1 == len(alarm.expire(100.0))


def test_one_shot_tells_the_clearing_first_and_both_under_the_events_id() -> None:
    alarm = fresh(warning_value=1.0)
    STEPS["one-shot"](alarm)
    (raised,) = play(alarm, [1.5])[0][1:]
    cleared, expired = (c for c in alarm.judge(score(1, 0.0)) if c.reason is not ChangeReason.WARNING_CLEARED)
    assert (ChangeReason.CLEARED, AlarmState.SHELVED) == (cleared.reason, cleared.new_state)
    assert (ChangeReason.SHELVING_EXPIRED, AlarmState.RETURNED) == (expired.reason, expired.new_state)
    assert raised.event_id == cleared.event_id == expired.event_id


def test_an_event_is_named_and_dated_by_its_first_high_window() -> None:
    alarm = fresh(on_delay_s=2.0)
    changes = play(alarm, [0.0, 1.1, 1.9, 1.2, 1.3])
    (raised,) = (c for c in changes[3] if c.reason is ChangeReason.LIMIT)
    assert START_UTC_S + 1 == raised.event_start_utc_s
    assert START_UTC_S + 3 + 2.0 == raised.at_utc_s
    assert "pump-3-20231114T221321000Z" == raised.event_id
    assert 1.9 == raised.peak


@pytest.mark.parametrize(
    ("utc_s", "digits"),
    [(0.0, "19700101T000000000Z"), (1.9996, "19700101T000002000Z"), (1.9994, "19700101T000001999Z")],
)
def test_event_ids_are_rounded_to_the_millisecond(utc_s: float, digits: str) -> None:
    assert f"a-{digits}" == event_id_of("a", utc_s)


def test_a_second_activation_before_acknowledgement_belongs_to_the_same_event() -> None:
    alarm = fresh()
    changes = play(alarm, [1.5, 0.0, 2.5, 0.0])
    told = [c for made in changes.values() for c in made if "warning" not in c.reason.value]
    assert {"pump-3-20231114T221320000Z"} == {change.event_id for change in told}
    assert {START_UTC_S} == {change.event_start_utc_s for change in told}
    assert [1.5, 1.5, 2.5, 2.5] == [change.peak for change in told]
    alarm.acknowledge("ada", NOW_UTC_S)
    assert alarm.snapshot.event_id is None
    assert alarm.snapshot.peak is None
    play(alarm, [1.2], first=10)
    assert "pump-3-20231114T221330000Z" == alarm.snapshot.event_id


def test_an_event_that_was_acknowledged_before_it_came_back_must_be_acknowledged_again() -> None:
    alarm = fresh()
    play(alarm, [1.5])
    alarm.acknowledge("ada", NOW_UTC_S)
    play(alarm, [0.0, 1.5], first=1)
    assert AlarmState.UNACKNOWLEDGED is alarm.state
    assert "pump-3-20231114T221322000Z" == alarm.snapshot.event_id


def test_without_required_acknowledgement_an_event_closes_when_it_clears() -> None:
    alarm = fresh(acknowledge_required=False)
    changes = play(alarm, [1.5, 0.0])
    (cleared,) = (c for c in changes[1] if c.reason is ChangeReason.CLEARED)
    assert AlarmState.NORMAL is cleared.new_state
    assert "pump-3-20231114T221320000Z" == cleared.event_id
    assert alarm.snapshot.event_id is None


@pytest.mark.parametrize("aside", ["shelve", "out"])
def test_what_is_set_aside_is_still_evaluated_and_recorded(aside: str) -> None:
    alarm = fresh()
    STEPS[aside](alarm)
    hidden = alarm.state
    changes = play(alarm, [1.5, 3.0, 0.0])
    assert [0] == when(changes, ChangeReason.LIMIT)
    assert [2] == when(changes, ChangeReason.CLEARED)
    assert {hidden} == {change.new_state for made in changes.values() for change in made}
    assert [True, False] == [
        c.active for made in changes.values() for c in made if "warning" not in c.reason.value
    ]
    assert 3.0 == alarm.snapshot.peak


def test_a_command_keeps_who_gave_it_and_why() -> None:
    (change,) = fresh().take_out_of_service("ada", NOW_UTC_S, "bearing is being changed")
    assert ("ada", "bearing is being changed", NOW_UTC_S) == (change.actor, change.note, change.at_utc_s)


@pytest.mark.parametrize(
    ("steps", "acknowledged"),
    [
        ("raise", False),
        ("raise ack", True),
        ("shelve", True),
        ("raise shelve", False),
        ("raise ack shelve", True),
        ("raise ack shelve clear raise", False),
        ("raise clear out", False),
        ("raise out ack", True),
        ("raise clear ack", True),
    ],
)
def test_a_change_says_whether_something_waits_to_be_acknowledged_whatever_was_set_aside(
    steps: str, *, acknowledged: bool
) -> None:
    alarm = fresh()
    changes = [change for name in steps.split() for change in STEPS[name](alarm)]
    assert acknowledged is changes[-1].acknowledged is alarm.snapshot.nothing_waits
