"""A source that leaves the configuration is out of service until it is back, with all else as it was."""

from __future__ import annotations

from dataclasses import replace

from monitor.alarm import Alarm, AlarmSnapshot
from monitor.config import AlarmConfig
from monitor.messages import AlarmState, ChangeReason

OPEN = AlarmSnapshot("pump", active=True, event_id="pump-1", event_start_utc_s=1.0, peak=1.4)


def test_an_open_event_stays_open_while_its_source_is_away_and_the_same_alarm_is_back_with_it() -> None:
    alarm = Alarm("pump", AlarmConfig(), OPEN)
    (left,) = alarm.leave_configuration(10.0)
    assert (ChangeReason.OUT_OF_SERVICE, AlarmState.UNACKNOWLEDGED, AlarmState.OUT_OF_SERVICE) == (
        left.reason,
        left.old_state,
        left.new_state,
    )
    assert ("configuration", "the configuration has this source no more", "pump-1") == (
        left.actor,
        left.note,
        left.event_id,
    )
    assert [] == alarm.leave_configuration(11.0)
    again = Alarm("pump", AlarmConfig(), AlarmSnapshot.from_tree(alarm.snapshot.to_tree()))
    (back,) = again.join_configuration(20.0)
    assert (ChangeReason.IN_SERVICE, AlarmState.UNACKNOWLEDGED) == (back.reason, back.new_state)
    told = {"reason": "in_service", "actor": "configuration", "note": back.note}
    assert replace(OPEN, **told) == again.snapshot
    assert [] == again.join_configuration(21.0)


def test_what_an_operator_took_out_of_service_stays_out_when_its_source_is_back() -> None:
    alarm = Alarm("pump", AlarmConfig(), replace(OPEN, out_of_service=True))
    alarm.leave_configuration(10.0)
    (back,) = alarm.join_configuration(20.0)
    assert AlarmState.OUT_OF_SERVICE is back.new_state
    alarm.return_to_service("anna", 30.0)
    assert AlarmState.UNACKNOWLEDGED is alarm.state
