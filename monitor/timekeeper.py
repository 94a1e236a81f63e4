"""Watches the wall clock of the box, remembers its jumps, and has stored times put right once it is set."""

from __future__ import annotations

import time
from collections.abc import Callable

from monitor.clock import ClockReading, WallClock
from monitor.errors import StoreError
from monitor.logs import Log
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.store import Store
from monitor.store.clocks import correct_times, note_clock

CORRECT_AFTER_S = (0.0, 10.0, 70.0)
"""After a jump: what was dated before it may still be on its way to the disk ..."""
CORRECT_EVERY_S = 3600.0
"""... and a store that refused is asked again."""
RETRY_S = 5.0
"""After the store has refused to remember a jump."""


class Timekeeper:
    """Belongs to one thread, which calls `tend` every second or so."""

    def __init__(
        self,
        store: Store,
        log: Log,
        *,
        clock: WallClock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock or WallClock()
        self._monotonic = monotonic
        self._to_note: ClockReading | None = self._clock.reading
        self._note_at_s = monotonic()
        self._correct_at_s: list[float] = []

    @property
    def clock_set(self) -> bool:
        """Whether the wall clock can be right, so that what is dated by it can be trusted."""
        return self._clock.reading.is_set

    def tend(self) -> None:
        """Look at the clock; remember a jump, and put right what can be."""
        step = self._clock.look()
        now_s = self._monotonic()
        if step is not None:
            self._log.warning(
                "the wall clock was set; what waits goes on by another clock",
                by_s=round(step.by_s, 3),
                now=rfc3339_from_utc_s(time.time()),
                clock_set=step.reading.is_set,
            )
            self._to_note, self._note_at_s = step.reading, now_s
        if self._to_note is not None and now_s >= self._note_at_s:
            self._note(self._to_note, now_s)
        if self._correct_at_s and now_s >= self._correct_at_s[0]:
            self._correct(now_s)

    def finish(self) -> None:
        """Put right what was stored late, when nothing more will be."""
        self.tend()
        if self._correct_at_s:
            self._correct(self._monotonic())

    def _note(self, reading: ClockReading, now_s: float) -> None:
        try:
            note_clock(self._store.database, reading)
        except StoreError as error:
            self._log.warning("how the clock stands is not stored", reason=str(error))
            self._note_at_s = now_s + RETRY_S
            return
        self._to_note = None
        if reading.is_set:
            self._correct_at_s = [now_s + after_s for after_s in CORRECT_AFTER_S]

    def _correct(self, now_s: float) -> None:
        self._correct_at_s = self._correct_at_s[1:] or [now_s + CORRECT_EVERY_S]
        try:
            rows = correct_times(self._store.database)
        except StoreError as error:
            self._log.warning("times of before the clock was set are not put right", reason=str(error))
            return
        if rows:
            self._log.info("times of before the clock was set are put right", rows=rows)
