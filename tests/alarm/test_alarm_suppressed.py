"""Suppressed by design: a machine that is off neither raises an alarm nor ends one."""

from __future__ import annotations

from dataclasses import replace

from alarm_sounds import START_UTC_S, play, score, when
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.errors import CommandError
from monitor.messages import AlarmChange, AlarmState, ChangeReason, MachineOff, OffCause, Quality, Score

AT_ONCE = AlarmConfig(on_delay_s=0, off_delay_s=0, acknowledge_required=False)
DELAYED = AlarmConfig(on_delay_s=2.0, off_delay_s=3.0)
OFF = MachineOff((OffCause.SIGNAL,), "the plant's signal", START_UTC_S)


def off_score(index: int) -> Score:
    """A window of the machine's off time."""
    unjudged = score(index, None)
    return replace(unjudged, span=replace(unjudged.span, quality=Quality.OFF))


def test_an_active_alarm_is_shown_suppressed_with_its_event_open() -> None:
    alarm = Alarm("pump-3", DELAYED)
    play(alarm, [1.5] * 4)
    event_id = alarm.snapshot.event_id
    (change,) = alarm.take_machine(OFF, 5.0)
    assert (AlarmState.UNACKNOWLEDGED, AlarmState.SUPPRESSED) == (change.old_state, change.new_state)
    assert (ChangeReason.MACHINE_OFF, "the plant's signal", True) == (
        change.reason,
        change.off_reason,
        change.active,
    )
    assert event_id == change.event_id == alarm.snapshot.event_id


def test_when_the_machine_runs_again_sound_that_is_judged_clears_it() -> None:
    alarm = Alarm("pump-3", DELAYED)
    play(alarm, [1.5] * 4)
    alarm.take_machine(OFF, 6.0)
    for index in range(4, 100):
        assert [] == alarm.judge(off_score(index))
    (change,) = alarm.take_machine(None, 101.0)
    assert (ChangeReason.MACHINE_ON, AlarmState.UNACKNOWLEDGED, None) == (
        change.reason,
        change.new_state,
        change.off_reason,
    )
    # the off-delay is counted from the first judged window: 3 s later
    assert [103] == when(play(alarm, [0.1] * 9, first=100), ChangeReason.CLEARED)


def test_the_on_delay_is_not_counted_over_the_off_time() -> None:
    alarm = Alarm("pump-3", DELAYED)
    play(alarm, [1.5] * 2)
    alarm.take_machine(OFF, 4.0)
    alarm.take_machine(None, 50.0)
    assert [52] == when(play(alarm, [1.5] * 3, first=50), ChangeReason.LIMIT)


def test_a_window_of_the_off_time_is_not_uncertain() -> None:
    alarm = Alarm("pump-3", DELAYED)
    assert [] == alarm.judge(off_score(0))
    assert not alarm.snapshot.uncertain


def test_a_further_reason_is_no_change() -> None:
    alarm = Alarm("pump-3", DELAYED)
    assert 1 == len(alarm.take_machine(OFF, 1.0))
    assert [] == alarm.take_machine(replace(OFF, reason="schedule"), 2.0)
    assert 1 == len(alarm.take_machine(None, 3.0))
    assert [] == alarm.take_machine(None, 4.0)


def test_what_a_hand_has_set_aside_is_shown_before_what_is_by_design() -> None:
    alarm = Alarm("pump-3", DELAYED)
    alarm.take_machine(OFF, 1.0)
    assert AlarmState.SHELVED is alarm.shelve("ada", 2.0, duration_s=10.0)[0].new_state
    assert AlarmState.OUT_OF_SERVICE is alarm.take_out_of_service("ada", 3.0)[0].new_state
    assert "the plant's signal" == alarm.snapshot.off_reason
    alarm.return_to_service("ada", 4.0)
    assert AlarmState.SUPPRESSED is alarm.unshelve("ada", 5.0)[0].new_state


def test_it_survives_a_restart() -> None:
    alarm = Alarm("pump-3", DELAYED)
    alarm.take_machine(OFF, 1.0)
    again = Alarm("pump-3", DELAYED, AlarmSnapshot.from_tree(alarm.snapshot.to_tree()))
    assert AlarmState.SUPPRESSED is again.state
    assert ("signal", START_UTC_S) == (again.snapshot.off_causes, again.snapshot.off_since_utc_s)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("judge"), st.sampled_from([None, 0.0, 0.9, 1.0, 1.5])),
        st.tuples(st.sampled_from(["off", "on", "ack", "shelve", "unshelve", "expire"]), st.none()),
    ),
    max_size=60,
)


def step(alarm: Alarm, index: int, verb: str, value: float | None) -> list[AlarmChange]:
    """Make one step; windows of a machine that is off are marked as the pipeline marks them."""
    now_utc_s = START_UTC_S + index
    is_off = alarm.snapshot.off_reason is not None
    try:
        return {
            "judge": lambda: alarm.judge(off_score(index) if is_off else score(index, value)),
            "off": lambda: alarm.take_machine(OFF, now_utc_s),
            "on": lambda: alarm.take_machine(None, now_utc_s),
            "ack": lambda: alarm.acknowledge("ada", now_utc_s),
            "shelve": lambda: alarm.shelve("ada", now_utc_s, duration_s=10.0),
            "unshelve": lambda: alarm.unshelve("ada", now_utc_s),
            "expire": lambda: alarm.expire(now_utc_s),
        }[verb]()
    except CommandError:
        return []


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, config=st.sampled_from([AT_ONCE, DELAYED]))
def test_an_alarm_is_never_normal_because_the_machine_is_off(
    steps: list[tuple[str, float | None]], config: AlarmConfig
) -> None:
    alarm = Alarm("pump-3", config)
    for index, (verb, value) in enumerate(steps):
        before = alarm.snapshot
        changes = step(alarm, index, verb, value)
        after = alarm.snapshot
        if after.off_reason is not None:
            assert AlarmState.NORMAL not in {change.new_state for change in changes}
            assert (before.active, before.warning) == (after.active, after.warning)
        if verb in {"off", "on"}:
            assert (before.active, before.event_id, before.peak) == (after.active, after.event_id, after.peak)
