"""Limits that an operator sets: what they change, within which bounds, and how they are given back."""

from __future__ import annotations

import pytest
from alarm_sounds import START_UTC_S, play, when
from hypothesis import given
from hypothesis import strategies as st

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.alarm.limits import limits_in_force
from monitor.config import AlarmConfig
from monitor.errors import CommandError
from monitor.messages import AlarmState, ChangeReason
from monitor.operators import LIMIT_KEYS, Limits

NOW_UTC_S = START_UTC_S + 1000.0
SETTINGS = AlarmConfig(warning_value=0.7, deadband=0.1, on_delay_s=0.0, off_delay_s=0.0)
LIMIT, CLEARED, WARNING = ChangeReason.LIMIT, ChangeReason.CLEARED, ChangeReason.WARNING


def fresh(snapshot: AlarmSnapshot | None = None, **settings: float) -> Alarm:
    return Alarm("pump-3", SETTINGS.model_copy(update=settings), snapshot)


def test_the_alarm_compares_with_the_operators_limit_in_units_of_the_calibrated_one() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 1.5, "deadband": 0.2})
    changes = play(alarm, [1.49, 1.5, 1.31, 1.29])
    assert ([1], [3]) == (when(changes, LIMIT), when(changes, CLEARED))
    assert 1.5 == alarm.snapshot.peak, "scores and peak are not scaled"


def test_a_lower_limit_raises_what_the_calibrated_one_would_not() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 0.6, "warning_value": 0.5})
    changes = play(alarm, [0.4, 0.55, 0.6])
    assert ([1], [2]) == (when(changes, WARNING), when(changes, LIMIT))


def test_a_running_alarm_clears_under_a_raised_limit_and_delays_are_the_new_ones() -> None:
    alarm = fresh()
    play(alarm, [1.2])
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 2.0, "off_delay_s": 2.0})
    assert [3] == when(play(alarm, [1.2, 1.2, 1.2, 1.2], first=1), CLEARED)
    assert alarm.state is AlarmState.RETURNED


def test_setting_limits_is_a_change_with_who_and_why() -> None:
    alarm = fresh()
    (change,) = alarm.set_limits("ada", NOW_UTC_S, {"limit": 1.2}, note="windy")
    assert (ChangeReason.LIMITS, "ada", "windy", NOW_UTC_S) == (
        change.reason,
        change.actor,
        change.note,
        change.at_utc_s,
    )
    assert Limits(1.2, 0.7, 0.1, 0.0, 0.0, "ada", NOW_UTC_S) == alarm.limits


def test_what_is_not_given_stays_and_reset_gives_all_back() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 1.2})
    alarm.set_limits("bo", NOW_UTC_S + 1, {"on_delay_s": 4.0})
    assert Limits(1.2, 0.7, 0.1, 4.0, 0.0, "bo", NOW_UTC_S + 1) == alarm.limits
    (change,) = alarm.reset_limits("cy", NOW_UTC_S + 2)
    assert ("cy", Limits(1.0, 0.7, 0.1, 0.0, 0.0)) == (change.actor, alarm.limits)
    with pytest.raises(CommandError, match="as configured already"):
        alarm.reset_limits("cy", NOW_UTC_S + 3)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"limit": 2.01}, r"limit 2.01 must be 0.5 to 2 \(alarm.limit_min, alarm.limit_max\)"),
        ({"limit": 0.49, "warning_value": 0.4}, "limit 0.49 must be 0.5 to 2"),
        ({"limit": 0.6}, "warning_value 0.7 must be above 0 and at most the limit, 0.6; set both"),
        ({"warning_value": 1.01}, "warning_value 1.01 must be above 0 and at most the limit, 1"),
        ({"warning_value": 0.0}, "warning_value 0 must be above 0"),
        ({"warning_value": 0.1}, "deadband 0.1 must be 0 or more and below warning_value 0.1"),
        ({"deadband": -0.1}, "deadband -0.1 must be 0 or more"),
        ({"on_delay_s": 601.0}, r"on_delay_s 601 must be 0 to 600 \(alarm.delay_max_s\)"),
        ({"off_delay_s": -1.0}, "off_delay_s -1 must be 0 to 600"),
        ({"limit": 1.5, "off_delay_s": 1e9}, "off_delay_s 1e\\+09 must be"),
    ],
)
def test_outside_its_bounds_nothing_changes_and_the_text_has_the_bounds(
    wanted: dict[str, float], sentence: str
) -> None:
    alarm = fresh()
    with pytest.raises(CommandError, match=sentence):
        alarm.set_limits("ada", NOW_UTC_S, wanted)
    assert AlarmSnapshot("pump-3") == alarm.snapshot
    assert Limits(1.0, 0.7, 0.1, 0.0, 0.0) == alarm.limits


def test_limits_go_on_after_a_restart_and_have_no_effect_on_the_state() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 1.5, "deadband": 0.2})
    again = fresh(AlarmSnapshot.from_tree(alarm.snapshot.to_tree()))
    assert alarm.limits == again.limits
    assert [1] == when(play(again, [1.4, 1.5]), LIMIT)
    assert alarm.state is AlarmState.NORMAL


def test_the_bounds_of_a_new_configuration_win_over_what_was_set_before() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 2.0, "on_delay_s": 500.0})
    alarm.reconfigure(SETTINGS.model_copy(update={"limit_max": 1.2, "delay_max_s": 60.0}))
    assert (1.2, 60.0, "ada") == (alarm.limits.limit, alarm.limits.on_delay_s, alarm.limits.set_by)
    alarm.reconfigure(SETTINGS)
    assert (2.0, 500.0) == (alarm.limits.limit, alarm.limits.on_delay_s), "nothing was forgotten"


def test_a_configured_warning_is_never_above_the_operators_limit() -> None:
    alarm = fresh()
    alarm.set_limits("ada", NOW_UTC_S, {"limit": 0.8})
    alarm.reconfigure(SETTINGS.model_copy(update={"warning_value": 0.9}))
    assert (0.8, 0.8) == (alarm.limits.limit, alarm.limits.warning_value)


def test_a_new_configuration_holds_from_the_next_window_on() -> None:
    alarm = fresh(on_delay_s=5.0)
    assert [] == when(play(alarm, [1.2, 1.2]), LIMIT)
    alarm.reconfigure(SETTINGS)
    assert [2] == when(play(alarm, [1.2], first=2), LIMIT)


@given(
    st.dictionaries(st.sampled_from(LIMIT_KEYS), st.floats(-1.0, 1e4)), st.floats(0.1, 1.0), st.floats(1, 5)
)
def test_whatever_was_set_the_limits_in_force_can_be_judged_by(
    kept: dict[str, float], limit_min: float, limit_max: float
) -> None:
    settings = SETTINGS.model_copy(update={"limit_min": limit_min, "limit_max": limit_max})
    alarm = Alarm("pump-3", settings)
    try:
        alarm.set_limits("ada", NOW_UTC_S, kept)
    except CommandError:
        assert alarm.snapshot.limits_by is None
        return
    for config in (settings, SETTINGS.model_copy(update={"warning_value": 0.3, "deadband": 0.25})):
        limits = limits_in_force(config, alarm.snapshot)
        assert 0 <= limits.deadband < limits.warning_value <= limits.limit
        assert config.limit_min <= limits.limit <= config.limit_max
        assert 0 <= min(limits.on_delay_s, limits.off_delay_s)
