"""Removes sound and maps that are old or too many, and says what it could not remove.

Alarms, events, labels and locks always stay; the record of commands has bounds of its own, and so has what
candidates said. With less than store.min_free_bytes free, what waits of the score history goes before any
sound.

A file goes before its row is marked: a disk that is full has no room for the mark. A kill in between leaves a
row without a file, which the next opening marks (tidying.py).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.clock import CLOCK_SET_UTC_S
from monitor.config import StoreConfig
from monitor.errors import StoreError, StoreFullError
from monitor.store.audit import prune_audit
from monitor.store.events import prune_transitions
from monitor.store.files import disk_errors, free_bytes
from monitor.store.retention.aside import folders_aside, other_name, prune_aside
from monitor.store.retention.choice import (
    CLIPS,
    WINDOWS,
    Age,
    KeptEvent,
    KeptFile,
    files_for_space,
    need_of,
    newest_events,
    old_files,
)
from monitor.store.retention.kept import claims_on, files_of, kept_events, newest_before
from monitor.store.retention.report import (
    FAILED,
    FAILURES_TOLD,
    LOCKED,
    NEWEST,
    RetentionReport,
    why_short,
)
from monitor.store.retention.shadow_rows import Reckon, prune_windows
from monitor.store.retention.shadow_sound import NO_EVENT, kept_sound, remove_disputes, surplus_sound
from monitor.store.retention.shadow_sound import TABLE as DISPUTES
from monitor.store.store import Store

DAY_S = 86_400.0
MARK_FILES = 64
"""Removed files whose rows are marked in one transaction."""
PROBE_BYTES = 1_000_000
"""After so much the disk must have got some of it back, or removing goes on in vain."""
AHEAD_S = DAY_S
"""What is dated so far in the future was dated by a clock that was ahead."""


def prune(
    store: Store, config: StoreConfig, now_utc_s: float | None, *, reckon: Reckon | None = None
) -> RetentionReport:
    """Remove what is too old, then the oldest until store.max_bytes and store.min_free_bytes hold.

    `now_utc_s` None: the clock is not to be trusted, and nothing is removed for its age. What goes and what
    stays is in choice.py; what stands in the way is said in the report's notes. `reckon`: see prune_windows.

    Raises:
        StoreError: The disk or the database refuses; files that went already are marked at the next opening.
    """
    return _Pruning(store, config, now_utc_s, reckon).run()


@dataclass(slots=True)
class _Pruning:
    store: Store
    config: StoreConfig
    now_utc_s: float | None
    reckon: Reckon | None
    report: RetentionReport = field(default_factory=RetentionReport)
    left_bytes: dict[str, int] = field(default_factory=dict)
    """Event -> what is still there of it."""
    labelled: set[str] = field(default_factory=set)
    """Events that had a label when this pruning began, of those that were looked at."""
    locked: set[str] = field(default_factory=set)
    """Events that are locked."""
    linked: list[str] = field(default_factory=list)
    """Folders that were set aside, in which there may be links to our files."""
    marks: list[tuple[KeptFile, str]] = field(default_factory=list)
    """Files that are gone, and why: their rows do not say so yet."""

    def run(self) -> RetentionReport:
        events = kept_events(self.store.database)
        self.left_bytes = {event.event_id: event.size_bytes for event in events}
        sound = [file for yes in (False, True) for file in kept_sound(self.store.database, labelled=yes)]
        self.left_bytes[NO_EVENT] = sum(file.size_bytes for file in sound)
        self.locked = {event.event_id for event in events if event.is_locked}
        self.report.kept_bytes = sum(self.left_bytes.values())
        self._remove_aside()
        self._remove_old(events)
        self._remove_shadow()
        if self._free_bytes() < self.config.min_free_bytes:
            self._remove_scores()
        newest = newest_events(events, self.config.min_events_per_source)
        self._make_room(events, newest)
        self._mark()
        self._remove_records()
        self._say_what_stays(newest)
        return self.report

    def _free_bytes(self) -> int:
        with disk_errors(self.store.state_dir):
            self.report.free_bytes = free_bytes(self.store.state_dir)
        return self.report.free_bytes

    def _files_of(self, event: KeptEvent) -> list[KeptFile]:
        if event.is_labelled:
            self.labelled.add(event.event_id)
        return files_of(self.store.database, event)

    def _remove_old(self, events: Iterable[KeptEvent]) -> None:
        if self.now_utc_s is None:
            self.report.notes.append(
                "the clock of the box jumped by more than a week, and has not run for a day since: "
                "nothing is removed for its age"
            )
            return
        if self.now_utc_s < CLOCK_SET_UTC_S:
            self.report.notes.append("the clock of the box is not set: nothing is removed for its age")
            return
        for file in old_files(events, self._files_of, self._age(events, self.now_utc_s)):
            self.report.removed_for_age += self._remove(file, "age")

    def _remove_shadow(self) -> None:
        """Remove what candidates said, and the sound of their disputes, beyond its own bounds."""
        database, config = self.store.database, self.config
        now_utc_s, max_age_s = self._trusted_utc_s, config.shadow_max_days * DAY_S
        oldest_utc_s = sound_utc_s = None
        if now_utc_s is not None:
            oldest_utc_s = now_utc_s - max_age_s
            sound_utc_s = now_utc_s - min(config.shadow_max_days, config.max_age_days) * DAY_S
        surplus = surplus_sound(database, max_clips=config.shadow_max_clips, oldest_utc_s=sound_utc_s)
        for file in surplus:
            self.report.removed_for_age += self._remove(file, "age")
        with contextlib.suppress(StoreFullError):  # they are small: it can wait
            self._mark()
            self.report.removed_shadow = prune_windows(
                database,
                now_utc_s=now_utc_s,
                max_age_s=max_age_s,
                max_windows=config.shadow_max_windows,
                reckon=self.reckon,
            )
            remove_disputes(database, oldest_utc_s=oldest_utc_s)

    @property
    def _trusted_utc_s(self) -> float | None:
        """The time, where it says how old a record is; None: it does not."""
        now_utc_s = self.now_utc_s
        return None if now_utc_s is not None and now_utc_s < CLOCK_SET_UTC_S else now_utc_s

    def _age(self, events: Iterable[KeptEvent], now_utc_s: float) -> Age:
        oldest_utc_s, ahead_utc_s = now_utc_s - self.config.max_age_days * DAY_S, now_utc_s + AHEAD_S
        if not any((event.last_utc_s or 0.0) > ahead_utc_s for event in events):
            return Age(oldest_utc_s, ahead_utc_s, {})
        return Age(oldest_utc_s, ahead_utc_s, newest_before(self.store.database, oldest_utc_s))

    def _make_room(self, events: Iterable[KeptEvent], newest: frozenset[str]) -> None:
        report, free = self.report, self._free_bytes()
        kept = report.kept_bytes
        need = need_of(self.config, kept_bytes=kept, free_bytes=free)
        removed = -report.removed_bytes
        database = self.store.database
        first, last = (
            (kept_sound(database, labelled=yes) if need.aim_bytes else []) for yes in (False, True)
        )
        for file in itertools.chain(first, files_for_space(events, self._files_of, newest), last):
            aim = need.quota_aim_bytes if report.in_vain else need.aim_bytes
            if kept - report.kept_bytes >= aim:
                break
            report.removed_for_space += self._remove(file, "space")
            freed = removed + report.removed_bytes
            if need.floor_bytes and freed >= PROBE_BYTES:
                report.in_vain = self._free_bytes() - free < freed / 2

    def _is_claimed(self, event_id: str) -> bool:
        """Say whether somebody has locked or labelled an event since this pruning began."""
        is_locked, is_labelled = claims_on(self.store.database, event_id)
        if is_locked:
            self.locked.add(event_id)
        return is_locked or (is_labelled and event_id not in self.labelled)

    def _remove(self, file: KeptFile, reason: str) -> int:
        """Remove a file and note why; return 1 if it went, 0 if it was gone already or stays."""
        if file.event_id != NO_EVENT and self._is_claimed(file.event_id):
            return 0
        report, removed = self.report, 0
        path = self.store.state_dir / file.path
        try:
            for other in self.linked:  # the same sound by another name holds its blocks, and is as old
                (self.store.state_dir / other_name(file.path, other)).unlink(missing_ok=True)
            path.unlink()
            removed = 1
            report.removed_bytes += file.size_bytes
        except FileNotFoundError:
            reason = "missing"
        except OSError as error:
            if error.errno == errno.EROFS:  # it is so of all the others
                raise StoreError(f"{path}: {error.strerror}; mount the disk for writing again") from error
            self._fail(file.path, error, file.size_bytes)
            return 0
        report.kept_bytes -= file.size_bytes
        self.left_bytes[file.event_id] -= file.size_bytes
        self.marks.append((file, reason))
        if len(self.marks) % MARK_FILES == 0:
            with contextlib.suppress(StoreFullError):  # with the next ones: there is more room then
                self._mark()
        return removed

    def _fail(self, path: str, error: OSError, size_bytes: int) -> None:
        report = self.report
        if path not in report.failures:
            report.failed_files += 1
            report.staying_bytes[FAILED] = report.staying_bytes.get(FAILED, 0) + size_bytes
        if len(report.failures) < FAILURES_TOLD:
            report.failures[path] = error.strerror or str(error)

    def _mark(self) -> None:
        """Mark the rows of what is gone, and remove the folders of days of which nothing is left."""
        if not self.marks:
            return
        for folder in {(self.store.state_dir / file.path).parent for file, _ in self.marks}:
            with contextlib.suppress(OSError):  # others are in it
                folder.rmdir()
        with self.store.database.transaction(durable=False) as connection:
            for table in (CLIPS, WINDOWS, DISPUTES):
                gone = [(reason, file.n) for file, reason in self.marks if file.table == table]
                connection.executemany(f"UPDATE {table} SET gone = ? WHERE n = ?", gone)  # noqa: S608 - ours
        self.marks.clear()

    def _remove_aside(self) -> None:
        with disk_errors(self.store.state_dir):
            gone, failures = prune_aside(self.store.state_dir)
            self.linked = folders_aside(self.store.state_dir)
        self.report.removed_aside += gone
        self.report.notes += [f"{name} cannot be removed ({reason})" for name, reason in failures.items()]

    def _remove_scores(self) -> None:
        # full to the last byte even that fails; clips make room, and the next pruning comes
        with contextlib.suppress(StoreFullError):
            self.report.removed_scores = self.store.drop_offline_scores()

    def _remove_records(self) -> None:
        database, config = self.store.database, self.config
        now_utc_s = self._trusted_utc_s
        bounds = {"max_age_s": config.audit_max_days * DAY_S, "max_rows": config.audit_max_rows}
        with contextlib.suppress(StoreFullError):  # they are small: it can wait
            self.report.removed_audit = prune_audit(database, now_utc_s=now_utc_s, **bounds)  # type: ignore[arg-type]
            self.report.removed_transitions = prune_transitions(database, now_utc_s=now_utc_s, **bounds)  # type: ignore[arg-type]

    def _say_what_stays(self, newest: frozenset[str]) -> None:
        report, config, locked = self.report, self.config, self.locked
        staying = {
            LOCKED: sum(self.left_bytes[event_id] for event_id in locked),
            NEWEST: sum(self.left_bytes[event_id] for event_id in newest.difference(locked)),
        }
        report.staying_bytes |= {why: size_bytes for why, size_bytes in staying.items() if size_bytes}
        need = need_of(config, kept_bytes=report.kept_bytes, free_bytes=self._free_bytes())
        report.short_bytes = max(need.quota_bytes, need.floor_bytes)
        if not report.short_bytes:
            return
        locked_left = sum(self.left_bytes[event_id] > 0 for event_id in locked)
        why = why_short(report, locked=locked_left, min_events_per_source=config.min_events_per_source)
        if need.quota_bytes:
            report.notes.append(
                f"{report.kept_bytes} bytes are kept, store.max_bytes is {config.max_bytes}: {why}"
            )
        if need.floor_bytes:
            report.notes.append(
                f"{report.free_bytes} bytes are free, store.min_free_bytes is {config.min_free_bytes}: {why}"
                "; free the disk of what is not ours"
            )
