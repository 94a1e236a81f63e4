"""Writes what a technician will want to see: clips and error maps of flagged windows.

It is slow work on a disk that may be full, so it has a thread and a bounded queue of its own and can
never hold up judging. What does not fit is dropped, oldest first, and counted; alarms do not pass here.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.housekeeping import Housekeeping
from monitor.logs import Log
from monitor.machine import Machine
from monitor.pipeline import FlaggedWindow
from monitor.store import RetentionFacts, Store

QUEUE_WINDOWS = 256
"""Flagged windows that may wait for the disk: about 100 kB each."""


class Keeper:
    """Keeps clips and maps within their quota. `keep_window` may be called from any thread."""

    def __init__(
        self,
        machines: Iterable[Machine],
        store: Store,
        config: StoreConfig,
        log: Log,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machines = machines
        self._store = store
        self._config = config
        self._log = log
        self._housekeeping = Housekeeping(store, config, log, monotonic=monotonic)
        self._windows: queue.Queue[FlaggedWindow] = queue.Queue(QUEUE_WINDOWS)
        self.dropped = 0
        """Windows and clips that were not written."""
        self.error: str | None = None
        """Why nothing is written at present."""

    def keep_window(self, flagged: FlaggedWindow) -> None:
        """Take a flagged window; the oldest one makes room when too many wait."""
        while not self._put(flagged):
            self._forget_oldest()

    @property
    def waiting(self) -> int:
        """How many flagged windows wait for the disk; at most QUEUE_WINDOWS."""
        return self._windows.qsize()

    @property
    def retention(self) -> RetentionFacts:
        """What retention removed last, and why not more."""
        return self._housekeeping.facts

    def reconfigure(self, config: StoreConfig) -> None:
        """Take new bounds of what is kept, and prune to them at the next turn. From any thread."""
        self._config = config
        self._housekeeping.reconfigure(config)

    def run_once(self, timeout_s: float) -> None:
        """Write what has come within `timeout_s`, and every clip that is complete."""
        self._housekeeping.tend()
        try:
            flagged = self._windows.get(timeout=timeout_s)
        except queue.Empty:
            flagged = None
        if flagged is not None:
            self._write(lambda: self._add_map(flagged))
        for machine in self._machines:
            for clip in machine.clips.take_finished():
                self._write(lambda clip=clip: self._store.add_clip(clip))  # type: ignore[misc]

    def finish(self) -> None:
        """End the clips that are being recorded and write all that waits."""
        for machine in self._machines:
            machine.clips.finish()
        for _ in range(QUEUE_WINDOWS + 1):
            self.run_once(0.0)
            if self._windows.empty():
                return

    def _add_map(self, flagged: FlaggedWindow) -> None:
        self._store.add_map(
            event_id=flagged.event_id,
            score=flagged.score,
            logmel=flagged.logmel,
            inference=flagged.inference,
            maps_per_event=self._config.maps_per_event,
        )

    def _write(self, write: Callable[[], object]) -> None:
        try:
            if not self._housekeeping.has_room():
                self._fail(f"less than {self._config.min_free_bytes} bytes are free")
                return
            self._housekeeping.note_written()
            write()
        except StoreError as error:
            self._fail(str(error))
            return
        if self.error is not None:
            self._log.info("clips and maps are written again")
            self.error = None

    def _fail(self, reason: str) -> None:
        self.dropped += 1
        if self.error != reason:
            self._log.error("clips and maps are not written", reason=reason)
        self.error = reason

    def _put(self, flagged: FlaggedWindow) -> bool:
        try:
            self._windows.put_nowait(flagged)
        except queue.Full:
            return False
        return True

    def _forget_oldest(self) -> None:
        try:
            self._windows.get_nowait()
        except queue.Empty:
            return
        self.dropped += 1
