"""Writes what a technician will want to see: clips and error maps of flagged windows.

It is slow work on a disk that may be full, so it has a thread and a bounded queue of its own and can
never hold up judging. What does not fit is dropped, oldest first, and counted; alarms do not pass here.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from monitor.config import Config, StoreConfig
from monitor.errors import CommandError, StoreError
from monitor.housekeeping import Housekeeping
from monitor.logs import Log
from monitor.machine import Machine
from monitor.messages import Span
from monitor.pipeline import FlaggedWindow
from monitor.privacy.guard import SoundGuard
from monitor.privacy.portraits import portrait_to_keep, take_courses_out
from monitor.privacy.rules import SoundRules
from monitor.shadow.sounds import DisputeSounds, is_of_dispute
from monitor.store import ClipJob, Reckon, RetentionFacts, Store
from monitor.store.shadow_clips import DisputeShelf
from monitor.worded import worded, wording_of

QUEUE_WINDOWS = 256
"""Flagged windows that may wait for the disk: about 100 kB each."""
CLIPS_EVERY_S = 0.25
"""While a clip is being recorded: between two looks whether it is complete."""
LOOK_EVERY_S = 5.0
"""Between two looks whether there is room, when there is nothing to write."""
WRITTEN_WITHIN_S = 20.0
"""For so long a reload waits for the file that is being written by the rules before it."""
QUEUE_DISPUTES = 8
"""Clips of candidates' disputes that may wait for the disk: 6 MB each at 48 kHz."""
NO_ROOM = "no-room"
"""The trouble of a disk that has less than store.min_free_bytes left; others are the codes of errors, ..."""
NO_MEMORY = "no-memory"
"""... and a clip or map too large for the memory that is left."""


class Keeper:
    """Keeps clips and maps within their quota. `keep_window` may be called from any thread."""

    def __init__(
        self,
        machines: Iterable[Machine],
        store: Store,
        config: StoreConfig,
        log: Log,
        *,
        reckon: Reckon | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reckon`: as of Housekeeping."""
        self._machines = machines
        self._store = store
        self._config = config
        self._log = log
        self._housekeeping = Housekeeping(store, config, log, reckon=reckon, monotonic=monotonic)
        self._windows: queue.Queue[FlaggedWindow | None] = queue.Queue(QUEUE_WINDOWS)
        self._disputes: queue.Queue[tuple[int, ClipJob]] = queue.Queue(QUEUE_DISPUTES)
        self._sounds = DisputeSounds(self.keep_dispute)
        self.dropped = 0
        """Windows and clips that were not written."""
        self.error: str | None = None
        """Why nothing is written at present."""
        self._trouble: str | None = None
        self._monotonic = monotonic
        self._look_at_s = monotonic() + LOOK_EVERY_S
        self.guard = SoundGuard(store, log)
        """Takes out of clips and maps what is not to be stored, and says what it could not check."""
        self.rules = SoundRules(config, [machine.source for machine in machines])
        """What may be stored of each source."""
        if any(self.rules.of(machine.source_id, 0.0).speech != "keep" for machine in machines):
            self.guard.require_speech_check()
        self._writing = threading.Lock()
        self._is_log_full = False
        self.clean_portraits()

    def keep_window(self, flagged: FlaggedWindow) -> None:
        """Take a flagged window; the oldest one makes room when too many wait."""
        while not self._put(flagged):
            self._forget_oldest()

    @property
    def sounds(self) -> DisputeSounds:
        """Which clips are of disputes of candidates."""
        return self._sounds

    def keep_dispute(self, number: int, clip: ClipJob) -> None:
        """Take the sound of a candidate's dispute; it is dropped and counted when too many wait."""
        try:
            self._disputes.put_nowait((number, clip))
        except queue.Full:
            self.dropped += 1

    @property
    def waiting(self) -> int:
        """How many flagged windows wait for the disk; at most QUEUE_WINDOWS."""
        return self._windows.qsize()

    @property
    def waiting_disputes(self) -> int:
        """How many clips of candidates' disputes wait for the disk; at most QUEUE_DISPUTES."""
        return self._disputes.qsize()

    @property
    def retention(self) -> RetentionFacts:
        """What retention removed last, and why not more."""
        return self._housekeeping.facts

    def expect(self, config: Config) -> None:
        """Let the stricter of two rules count from now on: the one in force, and the one that may come.

        Until `reconfigure`, or `rules.forget`. Not by the thread that judges: it waits for the file that is
        being written.

        Raises:
            CommandError: The disk is too slow for that; nothing has changed.
        """
        self.rules.expect(config.store, config.sources)
        if not self._writing.acquire(timeout=WRITTEN_WITHIN_S):
            self.rules.forget()
            raise CommandError(
                f"nothing was changed: a file has been being written for {WRITTEN_WITHIN_S:g} s; look at the "
                "disk, and reload again"
            )
        self._writing.release()

    def reconfigure(self, config: Config) -> None:
        """Take new bounds and rules of what is kept, and prune at the next turn. From any thread."""
        heard_s = {machine.source_id: machine.clips.heard_s for machine in self._machines}
        self.rules.reconfigure(config.store, config.sources, heard_s)
        self._config = config.store
        self._housekeeping.reconfigure(config.store)

    def portrait_to_keep(
        self, source_id: str, portrait: Mapping[str, object], since_s: float
    ) -> Mapping[str, object] | None:
        """Return what may be stored of a portrait that remembers its source from stream time `since_s` on."""
        return portrait_to_keep(self.rules, source_id, portrait, since_s)

    def hides_moments(self, span: Span) -> bool:
        """Whether nothing that is finer than a second may be told of a window: it may be speech."""
        return self.rules.of(span.source_id, span.start_s).speech != "keep"

    def clean_portraits(self) -> None:
        """Take out of stored portraits what may be stored no more. Not by the thread that judges."""
        try:
            self._is_log_full |= take_courses_out(self._store, self.rules) > 0
        except StoreError as error:
            self._log.error("portraits were not cleaned of the course of their sound", reason=str(error))
        self._empty_log()

    def run_once(self, timeout_s: float) -> None:
        """Write what has come within `timeout_s`, and every clip that is complete."""
        self._housekeeping.tend()
        self._look()
        if any(machine.clips.is_recording for machine in self._machines):
            timeout_s = min(timeout_s, CLIPS_EVERY_S)
        try:
            flagged = self._windows.get(timeout=timeout_s)
        except queue.Empty:
            flagged = None
        if flagged is not None:
            self._write(lambda: self._add_map(flagged))
        for machine in self._machines:
            for clip in machine.clips.take_finished():
                if is_of_dispute(clip):
                    self._sounds.bring(clip)
                    continue
                self._write(lambda clip=clip: self._add_clip(clip))  # type: ignore[misc]
        for _ in range(self._disputes.qsize()):
            number, sound = self._disputes.get_nowait()
            self._write(lambda n=number, clip=sound: self._add_dispute(n, clip))  # type: ignore[misc]

    def wake(self) -> None:
        """Have `run_once` return if it waits. From any thread."""
        with contextlib.suppress(queue.Full):  # then it does not wait
            self._windows.put_nowait(None)

    def finish(self) -> None:
        """End the clips that are being recorded and write all that waits."""
        for machine in self._machines:
            machine.clips.finish()
        for _ in range(QUEUE_WINDOWS + 1):
            self.run_once(0.0)
            if self._windows.empty():
                return

    def _add_map(self, flagged: FlaggedWindow) -> None:
        source_id = flagged.score.span.source_id
        machine = next((one for one in self._machines if one.source_id == source_id), None)
        sound = None if machine is None else machine.clips
        with self._writing:
            self.guard.keep_map(flagged, sound, self.rules.of(source_id, flagged.score.span.start_s))

    def _add_clip(self, clip: ClipJob) -> None:
        with self._writing:
            self.guard.keep_clip(clip, self.rules.of(clip.source_id, clip.start_s))

    def _add_dispute(self, number: int, clip: ClipJob) -> None:
        shelf = DisputeShelf(self._store.database, self._store.state_dir, number)
        with self._writing:
            self.guard.keep_clip(clip, self.rules.of(clip.source_id, clip.start_s), shelf)

    def _empty_log(self) -> None:
        """Let go of portraits as they were before, which the log of the database may still hold."""
        if self._is_log_full:
            with contextlib.suppress(StoreError):  # it is tried again
                self._is_log_full = not self._store.database.empty_log()

    def _write(self, write: Callable[[], object]) -> None:
        try:
            if not self._housekeeping.has_room():
                self.dropped += 1
                self._complain(NO_ROOM, self._no_room())
                return
            self._housekeeping.note_written()
            write()
        except StoreError as error:
            self.dropped += 1
            self._complain(error.code, wording_of(error))
            return
        except MemoryError:
            self.dropped += 1
            self._complain(NO_MEMORY, worded("too-little-memory", "there was not enough memory"))
            return
        self._be_well()

    def _look(self) -> None:
        """Find out whether there is room, though there may be nothing to write: it is told either way."""
        if self._monotonic() < self._look_at_s:
            return
        self._look_at_s = self._monotonic() + LOOK_EVERY_S
        self._empty_log()
        try:
            room = self._housekeeping.has_room()
        except StoreError as error:
            self._complain(error.code, wording_of(error))
            return
        if not room:
            self._complain(NO_ROOM, self._no_room())
        elif self._trouble == NO_ROOM:
            self._be_well()

    def _no_room(self) -> str:
        least = self._config.min_free_bytes
        return worded("too-little-free", "less than {least} bytes are free", least=least)

    def _complain(self, trouble: str, reason: str) -> None:
        """Tell the reason; log it once for each trouble, for it may name another file each time."""
        if self._trouble != trouble:
            self._log.error("clips and maps are not written", reason=reason)
        self._trouble, self.error = trouble, reason

    def _be_well(self) -> None:
        if self._trouble is not None:
            self._log.info("clips and maps are written again")
        self._trouble = self.error = None

    def _put(self, flagged: FlaggedWindow) -> bool:
        try:
            self._windows.put_nowait(flagged)
        except queue.Full:
            return False
        return True

    def _forget_oldest(self) -> None:
        try:
            oldest = self._windows.get_nowait()
        except queue.Empty:
            return
        self.dropped += oldest is not None
