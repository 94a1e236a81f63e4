"""Removes sound and maps that are old or too many, and says what it could not remove.

Alarms, events, labels and locks always stay; the record of commands has bounds of its own. With less than
store.min_free_bytes free, what waits of the score history goes before any sound.

A file goes before its row is marked: a disk that is full has no room for the mark. A kill in between leaves a
row without a file, which the next opening marks (tidying.py).
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.clock import CLOCK_SET_UTC_S
from monitor.config import StoreConfig
from monitor.errors import StoreError, StoreFullError
from monitor.store.audit import prune_audit
from monitor.store.events import prune_transitions
from monitor.store.files import disk_errors, free_bytes
from monitor.store.retention.aside import prune_aside
from monitor.store.retention.choice import (
    CLIPS,
    WINDOWS,
    KeptEvent,
    KeptFile,
    files_for_space,
    need_of,
    newest_events,
    old_files,
)
from monitor.store.retention.report import (
    FAILED,
    FAILURES_TOLD,
    LOCKED,
    NEWEST,
    RetentionReport,
    why_short,
)
from monitor.store.store import Store

DAY_S = 86_400.0
MARK_FILES = 64
"""Removed files whose rows are marked in one transaction."""
_PRESENT = (
    "SELECT event_id, size_bytes, start_utc_s FROM clips WHERE gone IS NULL UNION ALL "
    "SELECT event_id, size_bytes, start_utc_s FROM windows WHERE gone IS NULL"
)
_EVENTS = f"""SELECT events.n, events.event_id, events.source_id, SUM(size_bytes) AS size_bytes,
    MIN(CASE WHEN files.start_utc_s >= {CLOCK_SET_UTC_S} THEN files.start_utc_s END) AS first_utc_s,
    COALESCE((SELECT rating FROM labels WHERE labels.event_id = events.event_id
              ORDER BY labels.n DESC LIMIT 1), 'none') <> 'none' AS is_labelled,
    events.locked_by IS NOT NULL AS is_locked
    FROM ({_PRESENT}) AS files JOIN events ON events.event_id = files.event_id
    GROUP BY events.n"""  # noqa: S608 - constants of ours
_FILES = " UNION ALL ".join(
    f"SELECT '{table}' AS table_name, n, event_id, path, size_bytes, start_s, start_utc_s FROM {table} "  # noqa: S608 - ours
    "WHERE event_id = ?1 AND gone IS NULL"
    for table in (CLIPS, WINDOWS)
)


def prune(store: Store, config: StoreConfig, now_utc_s: float | None) -> RetentionReport:
    """Remove what is too old, then the oldest until store.max_bytes and store.min_free_bytes hold.

    `now_utc_s` None: the clock is not to be trusted, and nothing is removed for its age. What goes and what
    stays is in choice.py; what stands in the way is said in the report's notes.

    Raises:
        StoreError: The disk or the database refuses; files that went already are marked at the next opening.
    """
    return _Pruning(store, config, now_utc_s).run()


@dataclass(slots=True)
class _Pruning:
    store: Store
    config: StoreConfig
    now_utc_s: float | None
    report: RetentionReport = field(default_factory=RetentionReport)
    left_bytes: dict[str, int] = field(default_factory=dict)
    """Event -> what is still there of it."""
    marks: list[tuple[KeptFile, str]] = field(default_factory=list)
    """Files that are gone, and why: their rows do not say so yet."""

    def run(self) -> RetentionReport:
        events = [_event(row) for row in self.store.database.rows(_EVENTS)]
        self.left_bytes = {event.event_id: event.size_bytes for event in events}
        self.report.kept_bytes = sum(self.left_bytes.values())
        self._remove_old(events)
        self._remove_aside()
        if self._free_bytes() < self.config.min_free_bytes:
            self._remove_scores()
        newest = newest_events(events, self.config.min_events_per_source)
        self._make_room(events, newest)
        self._mark()
        self._remove_records()
        self._say_what_stays(events, newest)
        return self.report

    def _free_bytes(self) -> int:
        with disk_errors(self.store.state_dir):
            self.report.free_bytes = free_bytes(self.store.state_dir)
        return self.report.free_bytes

    def _files_of(self, event: KeptEvent) -> list[KeptFile]:
        query = f"SELECT * FROM ({_FILES}) ORDER BY start_s, n"  # noqa: S608 - constants of ours
        return [_file(row) for row in self.store.database.rows(query, (event.event_id,))]

    def _remove_old(self, events: Iterable[KeptEvent]) -> None:
        if self.now_utc_s is None:
            self.report.notes.append(
                "the clock of the box went ahead by more than an hour in the last day: "
                "nothing is removed for its age"
            )
            return
        if self.now_utc_s < CLOCK_SET_UTC_S:
            self.report.notes.append("the clock of the box is not set: nothing is removed for its age")
            return
        oldest_utc_s = self.now_utc_s - self.config.max_age_days * DAY_S
        for file in old_files(events, self._files_of, oldest_utc_s):
            self.report.removed_for_age += self._remove(file, "age")

    def _make_room(self, events: Iterable[KeptEvent], newest: frozenset[str]) -> None:
        kept, free = self.report.kept_bytes, self._free_bytes()
        enough = kept - need_of(self.config, kept_bytes=kept, free_bytes=free).aim_bytes
        for file in files_for_space(events, self._files_of, newest):
            if self.report.kept_bytes <= enough:
                break
            self.report.removed_for_space += self._remove(file, "space")

    def _remove(self, file: KeptFile, reason: str) -> int:
        """Remove a file and note why; return 1 if it went, 0 if it was gone already or stays."""
        report, removed = self.report, 0
        path = self.store.state_dir / file.path
        try:
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
            for table in (CLIPS, WINDOWS):
                gone = [(reason, file.n) for file, reason in self.marks if file.table == table]
                connection.executemany(f"UPDATE {table} SET gone = ? WHERE n = ?", gone)  # noqa: S608 - ours
        self.marks.clear()

    def _remove_aside(self) -> None:
        with disk_errors(self.store.state_dir):
            gone, failures = prune_aside(self.store.state_dir, self.store.recovered_from)
        self.report.removed_aside += gone
        self.report.notes += [f"{name} cannot be removed ({reason})" for name, reason in failures.items()]

    def _remove_scores(self) -> None:
        # full to the last byte even that fails; clips make room, and the next pruning comes
        with contextlib.suppress(StoreFullError):
            self.report.removed_scores = self.store.drop_offline_scores()

    def _remove_records(self) -> None:
        database, config = self.store.database, self.config
        now_utc_s = self.now_utc_s
        if now_utc_s is not None and now_utc_s < CLOCK_SET_UTC_S:
            now_utc_s = None
        bounds = {"max_age_s": config.audit_max_days * DAY_S, "max_rows": config.audit_max_rows}
        with contextlib.suppress(StoreFullError):  # they are small: it can wait
            self.report.removed_audit = prune_audit(database, now_utc_s=now_utc_s, **bounds)  # type: ignore[arg-type]
            self.report.removed_transitions = prune_transitions(database, now_utc_s=now_utc_s, **bounds)  # type: ignore[arg-type]

    def _say_what_stays(self, events: Iterable[KeptEvent], newest: frozenset[str]) -> None:
        report, config = self.report, self.config
        locked = [event.event_id for event in events if event.is_locked]
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


def _event(row: sqlite3.Row) -> KeptEvent:
    return KeptEvent(
        n=row["n"],
        event_id=row["event_id"],
        source_id=row["source_id"],
        size_bytes=row["size_bytes"],
        first_utc_s=row["first_utc_s"],
        is_labelled=bool(row["is_labelled"]),
        is_locked=bool(row["is_locked"]),
    )


def _file(row: sqlite3.Row) -> KeptFile:
    return KeptFile(
        table=row["table_name"],
        n=row["n"],
        event_id=row["event_id"],
        path=row["path"],
        size_bytes=row["size_bytes"],
        start_utc_s=row["start_utc_s"],
    )
