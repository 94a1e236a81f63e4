"""Notices that the judging thread has begun a turn and does not come back: its engine hangs.

What hangs settles no window, so that every alarm keeps the state that it had last, `normal` too, until
systemd's watchdog ends the daemon. Only that thread may touch an alarm; but another can tell, in the health
of every source, that the state of its alarm is not to be believed.
"""

from __future__ import annotations

from monitor.logs import Log

STANDS_STILL_S = 10.0
"""A turn takes half a second of work. Well below the time that systemd waits (WatchdogSec=30)."""
LOOK_MAX_S = 2.0
"""More time than this between two looks does not count: the whole process was stopped, not the engine."""


class Standstill:
    """Belongs to the thread that looks, which must not be the one that judges."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._turns = -1
        self._looked_s = 0.0
        self._still_s = 0.0

    def look(self, turns: int, now_s: float) -> bool:
        """Say whether judging stands still at monotonic `now_s`; `turns`: how often it has come round."""
        stood = self._still_s >= STANDS_STILL_S
        passed_s, self._looked_s = min(now_s - self._looked_s, LOOK_MAX_S), now_s
        self._still_s = self._still_s + passed_s if turns == self._turns else 0.0
        self._turns = turns
        stands = self._still_s >= STANDS_STILL_S
        if stands and not stood:
            self._log.error(
                "the engine does not come back: no sound is judged, and alarms keep the state that they had",
                still_s=round(self._still_s),
                remedy="the watchdog of systemd ends the daemon and starts it anew; without one, restart it",
            )
        elif stood and not stands:
            self._log.info("the engine has come back")
        return stands
