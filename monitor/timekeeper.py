"""Watches the wall clock of the box, remembers its jumps, and has stored times put right once it is set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from monitor.clock import ClockReading, WallClock, this_boot
from monitor.errors import StoreError
from monitor.known_time import KnownTime
from monitor.logs import Log
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.store import Store
from monitor.store.clocks import correct_times, note_clock, was_set

CORRECT_AFTER_S = (0.0, 10.0, 70.0)
"""After a jump: what was dated before it may still be on its way to the disk."""
AGAIN_S = 60.0
"""After the store has refused to put times right."""
TURN_S = 0.1
"""So long it is at that in one turn, but for the piece that is begun; others wait for the store meanwhile."""
RETRY_S = 5.0
"""After the store has refused to remember a jump."""


def open_clock(store: Store, *, trusted: bool) -> WallClock:
    """Return the wall clock, which goes on knowing the time if it has in this run of the box.

    `trusted`: config key clock.

    Raises:
        StoreError: The database refuses.
    """
    boot_id = this_boot()
    vouched = trusted or was_set(store.database, boot_id)
    return WallClock(boot_id=boot_id, known=KnownTime(vouched=vouched))


class Timekeeper:
    """Belongs to one thread, which calls `tend` every second or so."""

    def __init__(
        self,
        store: Store,
        log: Log,
        *,
        clock: WallClock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Note how the clock stands, so that what is stored from now on is known to be dated by it."""
        self._store = store
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._to_note: ClockReading | None = self._clock.reading
        self._note_at_s = monotonic()
        self._was_set = self.clock_set
        self._correct_at_s: list[float] = []
        self._pieces: Iterator[int] | None = None
        self._rows = 0
        self._note(self._clock.reading, monotonic())

    @property
    def clock_set(self) -> bool:
        """Whether the wall clock can be right, so that what is dated by it can be trusted."""
        return self._clock.reading.is_set

    def tend(self) -> None:
        """Look at the clock; remember a jump, and put right some of what can be."""
        step = self._clock.look()
        now_s = self._monotonic()
        if step is not None:
            self._log.warning(
                "the wall clock was set; what waits goes on by another clock",
                by_s=round(step.by_s, 3),
                now=rfc3339_from_utc_s(time.time()),
                clock_set=step.reading.is_set,
            )
        if step is not None or self._was_set != self.clock_set:
            self._was_set = self.clock_set
            self._to_note, self._note_at_s = self._clock.reading, now_s
        if self._to_note is not None and now_s >= self._note_at_s:
            self._note(self._to_note, now_s)
        self._correct(now_s)

    def finish(self) -> None:
        """Put right what was stored late, when nothing more will be; the next start does the rest."""
        self.tend()
        if self._correct_at_s:
            self._correct_at_s = [self._monotonic()]
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
        if self._pieces is None:
            if not self._correct_at_s or now_s < self._correct_at_s[0]:
                return
            self._correct_at_s = self._correct_at_s[1:]
            self._pieces, self._rows = correct_times(self._store.database), 0
        try:
            for rows in self._pieces:
                self._rows += rows
                if self._monotonic() - now_s >= TURN_S:
                    return
        except StoreError as error:
            self._log.warning("times of before the clock was set are not put right", reason=str(error))
            self._correct_at_s = [now_s + AGAIN_S]
        self._pieces = None
        if self._rows:
            self._log.info("times of before the clock was set are put right", rows=self._rows)
