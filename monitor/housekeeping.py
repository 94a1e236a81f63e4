"""Keeps clips and maps within their bounds: every hour, and within seconds when room is short.

What goes and what stays is decided in monitor/store/retention; here is when, and what is told.
Also here: the room that is held back for alarms is made again when there is some.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.logs import Log
from monitor.store import Reckon, RetentionFacts, RetentionReport, Store, prune
from monitor.store.files import disk_errors, free_bytes
from monitor.store.measures import kept_bytes
from monitor.store.retention.age_clock import AgeClock

PRUNE_EVERY_S = 3600.0
LOOK_EVERY_S = 2.0
"""Between two looks at free space and at the size of what is kept."""
PRESSED_EVERY_S = 5.0
"""Between two prunings for want of room ..."""
SHORT_EVERY_S = 60.0
LONG_SHORT_EVERY_S = 600.0
"""... and while pruning does not help, doubled each time up to this: not every window is to bring a search
through all files."""


class Housekeeping:
    """Prunes when it is time. Belongs to the thread that writes clips and maps; `facts` from any thread."""

    def __init__(
        self,
        store: Store,
        config: StoreConfig,
        log: Log,
        *,
        reckon: Reckon | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reckon`: says which alarms the rows of a shadow run come to, when they go."""
        self._store = store
        self._config = config
        self._log = log
        self._reckon = reckon
        self._monotonic = monotonic
        self._clock = AgeClock(store, monotonic=monotonic)
        self._short_every_s = SHORT_EVERY_S
        self._hourly_at_s = self._look_at_s = self._pressed_at_s = self._failed_until_s = monotonic()
        self._kept_bytes: int | None = None
        self._removed_files: Counter[str] = Counter()
        self._removed_bytes = 0
        self._told: object = None
        self._facts = RetentionFacts()

    @property
    def facts(self) -> RetentionFacts:
        """How it is getting on."""
        return replace(self._facts, reserve_bytes=self._store.reserve.size_bytes)

    def reconfigure(self, config: StoreConfig) -> None:
        """Take new bounds, and prune to them at the next turn. From any thread."""
        self._config = config
        self._short_every_s = SHORT_EVERY_S
        self._hourly_at_s = self._monotonic()

    def tend(self) -> None:
        """Prune if it is time, or if room is short."""
        now_s = self._monotonic()
        self._clock.look()
        if now_s >= self._hourly_at_s:
            self._hourly_at_s = now_s + PRUNE_EVERY_S
            self._prune(hourly=True)
        elif now_s >= self._look_at_s:
            self._look_for_room()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_EVERY_S
            self._store.reserve.make()

    def note_written(self) -> None:
        """Take it that more is kept than before."""
        self._kept_bytes = None

    def has_room(self) -> bool:
        """Say whether clips and maps may be written; make room, if that was not tried just now.

        Raises:
            StoreError: The disk does not answer.
        """
        if self._free_bytes() >= self._config.min_free_bytes:
            return True
        self._prune_if_pressed()
        return self._free_bytes() >= self._config.min_free_bytes

    def _look_for_room(self) -> None:
        """Prune if room is short; once more when it is not any more, so that this is told."""
        try:
            if self._kept_bytes is None:
                self._kept_bytes = kept_bytes(self._store)
            is_short = (
                self._kept_bytes > self._config.max_bytes or self._free_bytes() < self._config.min_free_bytes
            )
        except StoreError:  # the hourly pruning tells it
            return
        if is_short:
            self._prune_if_pressed()
        elif self._facts.short_bytes and self._monotonic() >= self._failed_until_s:
            self._prune(hourly=False)

    def _free_bytes(self) -> int:
        with disk_errors(self._store.state_dir):
            return free_bytes(self._store.state_dir)

    def _prune_if_pressed(self) -> None:
        if self._monotonic() >= self._pressed_at_s:
            self._prune(hourly=False)

    def _prune(self, *, hourly: bool) -> None:
        now_s = self._monotonic()
        self._kept_bytes = None
        try:
            report = prune(self._store, self._config, self._clock.look(), reckon=self._reckon)
        except StoreError as error:
            self._pressed_at_s = self._failed_until_s = now_s + SHORT_EVERY_S
            self._facts = replace(self._facts, line=f"nothing can be removed: {error}")
            if hourly or self._told != str(error):
                self._log.error("retention failed", reason=str(error))
            self._told = str(error)
            return
        self._pressed_at_s = now_s + self._pause_s(report)
        self._note(report)
        self._tell(report, hourly=hourly)

    def _pause_s(self, report: RetentionReport) -> float:
        """Return how long to wait with the next pruning for want of room."""
        if report.in_vain:  # each try costs sound
            return PRUNE_EVERY_S
        if not report.short_bytes or report.removed_bytes:
            self._short_every_s = SHORT_EVERY_S
        if not report.short_bytes:
            return PRESSED_EVERY_S
        pause_s, self._short_every_s = self._short_every_s, min(2.0 * self._short_every_s, LONG_SHORT_EVERY_S)
        return pause_s

    def _note(self, report: RetentionReport) -> None:
        self._removed_files.update(age=report.removed_for_age, space=report.removed_for_space)
        self._removed_bytes += report.removed_bytes
        self._facts = RetentionFacts(
            line=report.line,
            short_bytes=report.short_bytes,
            staying_bytes=dict(report.staying_bytes),
            removed_files=dict(self._removed_files),
            removed_bytes=self._removed_bytes,
        )

    def _tell(self, report: RetentionReport, *, hourly: bool) -> None:
        """Log a pruning, unless it is one more of those that came to nothing for the same reason."""
        what = (bool(report.short_bytes), sorted(report.staying_bytes), report.failures)
        if hourly or report.removed_bytes or what != self._told:
            tell = self._log.warning if report.short_bytes else self._log.info
            tell("retention", **asdict(report))
        self._told = what
