"""What survives a restart, and the invariants that hold at any moment of any history."""

from __future__ import annotations

import json

import pytest
from alarm_sounds import START_UTC_S, play, score, when
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.errors import CommandError, StoreError
from monitor.messages import AlarmChange, AlarmState, ChangeReason

AT_ONCE = AlarmConfig(on_delay_s=0, off_delay_s=0, shelve_max_s=50.0)
DELAYED = AlarmConfig(on_delay_s=2.0, off_delay_s=3.0, shelve_max_s=50.0)
UNFORCED = AlarmConfig(on_delay_s=0, off_delay_s=1.0, shelve_max_s=50.0, acknowledge_required=False)

VALUES = st.one_of(st.none(), st.sampled_from([0.0, 0.6, 0.69, 0.7, 0.9, 0.95, 1.0, 1.5]), st.floats(-1, 3))
COMMANDS = st.sampled_from(["ack", "shelve", "one-shot", "unshelve", "out", "in", "expire"])
HISTORY = st.lists(
    st.one_of(st.tuples(st.just("judge"), VALUES), st.tuples(COMMANDS, st.none())), max_size=60
)


def step(alarm: Alarm, index: int, verb: str, value: float | None) -> list[AlarmChange]:
    """Make one step; a refused command changes nothing."""
    now_utc_s = START_UTC_S + index
    before = alarm.snapshot
    try:
        return {
            "judge": lambda: alarm.judge(score(index, value)),
            "ack": lambda: alarm.acknowledge("ada", now_utc_s),
            "shelve": lambda: alarm.shelve("ada", now_utc_s, duration_s=10.0),
            "one-shot": lambda: alarm.shelve("ada", now_utc_s, one_shot=True),
            "unshelve": lambda: alarm.unshelve("ada", now_utc_s),
            "out": lambda: alarm.take_out_of_service("ada", now_utc_s),
            "in": lambda: alarm.return_to_service("ada", now_utc_s),
            "expire": lambda: alarm.expire(now_utc_s),
        }[verb]()
    except CommandError:
        assert before == alarm.snapshot
        return []


def derived(facts: AlarmSnapshot) -> str:
    """The state by the table of ISA-18.2, written down a second time."""
    if facts.out_of_service:
        return "out_of_service"
    if facts.shelved_until_utc_s is not None:
        return "shelved"
    return {
        (True, False): "unacknowledged",
        (True, True): "acknowledged",
        (False, False): "returned" if facts.event_id else "normal",
    }[facts.active, facts.acknowledged]


@settings(max_examples=200, deadline=None)
@given(history=HISTORY, config=st.sampled_from([AT_ONCE, DELAYED, UNFORCED]))
def test_invariants_hold_at_every_step(history: list[tuple[str, float | None]], config: AlarmConfig) -> None:
    alarm = Alarm("pump-3", config)
    told = alarm.state
    for index, (verb, value) in enumerate(history):
        before = alarm.snapshot
        changes = step(alarm, index, verb, value)
        after = alarm.snapshot
        for change in changes:
            assert told is change.old_state
            told = change.new_state
        assert told is alarm.state
        assert derived(after) == alarm.state.value
        assert (after.event_id is None) == (after.peak is None) == (after.event_start_utc_s is None)
        assert not (after.active and after.event_id is None)
        assert not (after.event_id is None and after.acknowledged)
        if verb == "judge" and value is None:
            assert (before.active, before.warning, before.event_id) == (
                after.active,
                after.warning,
                after.event_id,
            )
        if before.event_id is not None and after.event_id is not None:
            assert before.event_id == after.event_id
            assert (before.peak or 0.0) <= (after.peak or 0.0)
        if before != after and (before.peak, before.event_id) == (after.peak, after.event_id):
            assert changes
    alarm.expire(START_UTC_S + len(history) + config.shelve_max_s)
    assert alarm.snapshot.shelved_until_utc_s is None


@settings(max_examples=150, deadline=None)
@given(history=HISTORY, cut=st.integers(0, 60))
def test_a_restart_at_any_moment_changes_nothing_that_follows(
    history: list[tuple[str, float | None]], cut: int
) -> None:
    through, first = Alarm("pump-3", AT_ONCE), Alarm("pump-3", AT_ONCE)
    for index, (verb, value) in enumerate(history[:cut]):
        assert step(through, index, verb, value) == step(first, index, verb, value)
    stored = json.loads(json.dumps(first.snapshot.to_tree()))
    second = Alarm("pump-3", AT_ONCE, AlarmSnapshot.from_tree(stored))
    for index, (verb, value) in enumerate(history[cut:], cut):
        assert step(through, index, verb, value) == step(second, index, verb, value)
    assert through.snapshot == second.snapshot


def test_an_alarm_that_was_active_before_a_restart_stays_so_until_it_is_judged_otherwise() -> None:
    first = Alarm("pump-3", DELAYED)
    play(first, [1.5] * 4)
    first.acknowledge("ada", START_UTC_S + 5)
    second = Alarm("pump-3", DELAYED, AlarmSnapshot.from_tree(first.snapshot.to_tree()))
    assert [] == when(play(second, [None, None]), ChangeReason.CLEARED)
    assert AlarmState.ACKNOWLEDGED is second.snapshot.state
    changes = play(second, [0.0] * 5, first=2)
    assert [5] == when(changes, ChangeReason.CLEARED)
    assert AlarmState.NORMAL is second.state


def test_what_changed_it_last_and_who_did_are_known_after_a_restart() -> None:
    first = Alarm("pump-3", AT_ONCE)
    assert None is first.snapshot.last_reason
    play(first, [1.5])
    assert (ChangeReason.LIMIT, None) == (first.snapshot.last_reason, first.snapshot.actor)
    first.shelve("ada", START_UTC_S + 5, duration_s=10.0, note="the fitter is there")
    facts = AlarmSnapshot.from_tree(json.loads(json.dumps(first.snapshot.to_tree())))
    assert (ChangeReason.SHELVED, "ada", "the fitter is there") == (
        facts.last_reason,
        facts.actor,
        facts.note,
    )


def test_the_on_delay_starts_again_after_a_restart() -> None:
    first = Alarm("pump-3", DELAYED)
    play(first, [1.5, 1.5])
    second = Alarm("pump-3", DELAYED, first.snapshot)
    assert [4] == when(play(second, [1.5] * 4, first=2), ChangeReason.LIMIT)


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"source_id": "pump-3", "active": "yes"},
        {"source_id": "pump-3", "reason": "a siren"},
        {"source_id": "pump-3", "reason": ["limit"]},
        {"source_id": "pump-3", "peak": "high"},
        {"source_id": None},
        {"source_id": "pump-3", "siren": True},
        {"source_id": "pump-3", "active": True},
        {"source_id": "pump-3", "event_id": "e"},
    ],
)
def test_a_damaged_snapshot_is_refused_with_a_remedy(tree: dict[str, object]) -> None:
    with pytest.raises(StoreError, match="remove it from the store"):
        AlarmSnapshot.from_tree(tree)


def test_another_sources_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="fan-1"):
        Alarm("pump-3", AT_ONCE, AlarmSnapshot("fan-1"))
