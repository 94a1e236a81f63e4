"""When a score becomes an alarm, and when it stops being one: ISA-18.2 without I/O and without a clock."""

from __future__ import annotations

from monitor.alarm.machine import Alarm, event_id_of
from monitor.alarm.operated import AlarmSettings
from monitor.alarm.snapshot import AlarmSnapshot

__all__ = ["Alarm", "AlarmSettings", "AlarmSnapshot", "event_id_of"]
