"""What of an alarm is to survive a kill though it is no event: a new peak, and by what a machine is off.

It is told with the next event. While steps wait for the store nothing is kept here: they carry it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from monitor.alarm import AlarmSnapshot
from monitor.errors import StoreError
from monitor.logs import Log
from monitor.machine import Machine
from monitor.store import Store

KEEP_OFF_EVERY_S = 10.0
"""By what a machine is off is stored anew no more often than this: a signal may flicker all night."""


class BetweenEvents:
    """Keeps alarms' facts between their events. Belongs to the thread that judges."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._off_otherwise: set[str] = set()
        self._keep_off_at_s = 0.0

    def take(self, machine: Machine, before: AlarmSnapshot, *, steps_wait: bool) -> None:
        """Keep a new peak at once, and by what the machine is off with the next `save`.

        `before` are the alarm's facts before the window that was no event.
        """
        facts = machine.alarm.snapshot
        if facts.off_causes != before.off_causes:
            self._off_otherwise.add(machine.source_id)
        if facts.peak == before.peak or steps_wait or facts.event_id is None or facts.peak is None:
            return
        try:
            self._store.update_peak(facts.event_id, facts.peak, snapshot=facts.to_tree())
        except StoreError as error:
            self._log.warning("peak not stored", source=machine.source_id, reason=str(error))

    def save(self, machines: Iterable[Machine], *, steps_wait: bool) -> None:
        """Keep by what machines are off now, where that has changed; at most every KEEP_OFF_EVERY_S."""
        now_s = time.monotonic()
        if not self._off_otherwise or steps_wait or now_s < self._keep_off_at_s:
            return
        self._keep_off_at_s = now_s + KEEP_OFF_EVERY_S
        for machine in [one for one in machines if one.source_id in self._off_otherwise]:
            try:
                self._store.update_snapshot(machine.source_id, machine.alarm.snapshot.to_tree())
            except StoreError as error:
                self._log.warning("machine off not stored", source=machine.source_id, reason=str(error))
                return
        self._off_otherwise.clear()
