"""Where a candidate and the live bundle disagreed, and the sound of it, to be listened to.

The sound is kept where only the candidate alarmed: of what the live bundle raises its event has the clips.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from monitor.errors import StoreError
from monitor.store.clip_files import flac_from_samples
from monitor.store.clips import ClipJob
from monitor.store.database import Database
from monitor.store.files import new_path, write_whole
from monitor.store.shadow import RunKey, run_number

FOLDER = "shadow"
"""Under the state directory: shadow/source/date/id.flac."""
Who = Literal["live", "candidate"]
_DISPUTES = (
    "SELECT d.*, r.source_id, r.live_bundle_id, r.candidate FROM shadow_disagreements AS d "
    "JOIN shadow_runs AS r ON r.n = d.run"
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A stretch in which one of two bundles alarmed and the other did not."""

    alarmed: Who
    """Which of them did."""
    start_s: float
    """Stream time: the first window at the limit of the one that alarmed."""
    start_utc_s: float
    """UTC of start_s."""
    end_s: float
    """Stream time: when they agreed again, or the last window so far."""
    live_peak: float | None
    """The highest value of the live bundle meanwhile; None: none of its windows was judged."""
    candidate_peak: float | None
    """The highest value of the candidate meanwhile; None alike."""
    event_id: str | None
    """The event that the live bundle had open; its clips have the sound. None: there was none."""


@dataclass(frozen=True, slots=True)
class StoredDispute:
    """A dispute as it is kept."""

    n: int
    """Rises by insertion."""
    run: RunKey
    """The run that it belongs to."""
    dispute: Dispute
    """What it was."""
    clip: DisputeClip | None
    """Its own clip; None: the event has it, or it has not been written yet or at all."""

    @property
    def end_utc_s(self) -> float:
        """UTC of the dispute's end."""
        return self.dispute.start_utc_s + self.dispute.end_s - self.dispute.start_s


@dataclass(frozen=True, slots=True)
class DisputeClip:
    """The sound of a dispute on disk."""

    clip_id: str
    """The name of the file, without folder and ending; unique."""
    before_s: float
    """So long before the dispute it begins."""
    duration_s: float
    """Of the sound."""
    sample_rate_hz: int
    """The device's own."""
    lost_samples: int
    """How many of the samples are zeros that stand for lost ones."""
    path: str
    """Relative to the state directory."""
    size_bytes: int
    """Of the file, as it was written."""
    gone: str | None
    """Why there is no file: `age`, `space`, `missing`, `never` or `unchecked`. None: it is there."""
    protection: str | None
    """What was taken out of the sound, for protection_from_text; None: it is as it was heard."""


def add_dispute(database: Database, key: RunKey, dispute: Dispute) -> int | None:
    """Keep a dispute and return its number; None: the run is not known, so that it proves nothing.

    Raises:
        StoreFullError: There is no space left.
        StoreError: The database refuses.
    """
    with database.transaction(durable=False) as connection:
        run = run_number(connection, key)
        if run is None:
            return None
        cursor = connection.execute(
            "INSERT INTO shadow_disagreements (run, alarmed, start_s, start_utc_s, duration_s, live_peak, "
            "candidate_peak, event_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                dispute.alarmed,
                dispute.start_s,
                dispute.start_utc_s,
                dispute.end_s - dispute.start_s,
                dispute.live_peak,
                dispute.candidate_peak,
                dispute.event_id,
            ),
        )
        connection.execute("UPDATE shadow_runs SET disputes = disputes + 1 WHERE n = ?", (run,))
        return int(cursor.lastrowid or 0)


def prolong_disputes(database: Database, disputes: Sequence[tuple[int, Dispute]]) -> None:
    """Keep how long disputes have lasted by now, by their numbers. Raises as add_dispute does."""
    with database.transaction(durable=False) as connection:
        connection.executemany(
            "UPDATE shadow_disagreements SET duration_s = ?, live_peak = ?, candidate_peak = ?, "
            "event_id = ? WHERE n = ?",
            [
                (one.end_s - one.start_s, one.live_peak, one.candidate_peak, one.event_id, number)
                for number, one in disputes
            ],
        )


class DisputeShelf:
    """Where the sound of one dispute lies, for the guard that lets it be written."""

    def __init__(self, database: Database, state_dir: Path, number: int) -> None:
        self._database = database
        self._state_dir = state_dir
        self._number = number

    def write(self, clip: ClipJob) -> None:
        """Write it. Raises as write_dispute_clip."""
        write_dispute_clip(self._database, self._state_dir, self._number, clip)

    def note_unwritten(self, clip: ClipJob, why: str) -> None:
        """Keep that it is never written. Raises as write_dispute_clip."""
        note_unwritten_dispute(self._database, self._number, clip, why)


def write_dispute_clip(database: Database, state_dir: Path, number: int, job: ClipJob) -> None:
    """Write the sound of a dispute, then that it is there; a kill in between leaves an unlisted file.

    Raises:
        StoreFullError: There is no space left; nothing remains.
        StoreRefusedError: FLAC has no such sample rate.
        StoreError: The disk refuses.
    """
    content = flac_from_samples(job.samples, job.sample_rate_hz, comment=job.protection.words)
    clip_id, path = new_path(FOLDER, job.source_id, job.start_utc_s, "flac")
    write_whole(state_dir / path, content, below=state_dir)
    try:
        listed = _list_clip(database, number, job, (clip_id, path, len(content)), gone=None)
    except StoreError:
        _remove_unlisted(state_dir / path)
        raise
    if not listed:  # its dispute has been pruned meanwhile
        _remove_unlisted(state_dir / path)


def note_unwritten_dispute(database: Database, number: int, job: ClipJob, why: str) -> None:
    """Keep that the sound of a dispute is never written; `why` stands as `gone`. Raises as above."""
    clip_id, path = new_path(FOLDER, job.source_id, job.start_utc_s, "flac")
    _list_clip(database, number, job, (clip_id, path, 0), gone=why)


def _remove_unlisted(path: Path) -> None:
    with contextlib.suppress(OSError):  # the next opening removes it
        path.unlink(missing_ok=True)


def _list_clip(
    database: Database, number: int, job: ClipJob, file: tuple[str, str, int], *, gone: str | None
) -> bool:
    clip_id, path, size_bytes = file
    with database.transaction(durable=False) as connection:
        changed = connection.execute(
            "UPDATE shadow_disagreements SET clip_id = ?, clip_before_s = start_s - ?, clip_duration_s = ?, "
            "sample_rate_hz = ?, lost_samples = ?, path = ?, size_bytes = ?, gone = ?, protection = ? "
            "WHERE n = ?",
            (
                clip_id,
                job.start_s,
                len(job.samples) / job.sample_rate_hz,
                job.sample_rate_hz,
                job.lost_samples,
                path,
                size_bytes,
                gone,
                job.protection.text,
                number,
            ),
        ).rowcount
    return changed == 1


def disputes_of(
    database: Database,
    source_id: str,
    *,
    candidate: str | None = None,
    live_bundle_id: str | None = None,
    before: int | None = None,
    limit: int = 1000,
) -> list[StoredDispute]:
    """Return the newest disputes of a source, newest first; None: of any candidate, or live bundle.

    `before`: only those with a lower number.

    Raises:
        StoreError: The database refuses.
    """
    rows = database.rows(
        f"{_DISPUTES} WHERE r.source_id = ?1 AND (?2 IS NULL OR r.candidate = ?2) "
        "AND (?3 IS NULL OR r.live_bundle_id = ?3) AND (?4 IS NULL OR d.n < ?4) ORDER BY d.n DESC LIMIT ?5",
        (source_id, candidate, live_bundle_id, before, limit),
    )
    return [_stored(row) for row in rows]


def labelled_disputes(database: Database, key: RunKey, *, limit: int = 1000) -> list[StoredDispute]:
    """Return the newest disputes of a run of which somebody has said something. Raises as disputes_of."""
    rows = database.rows(
        f"{_DISPUTES} WHERE r.source_id = ? AND r.live_bundle_id = ? AND r.candidate = ? "  # noqa: S608 - ours
        "AND EXISTS (SELECT 1 FROM dispute_labels WHERE dispute = d.n) ORDER BY d.n DESC LIMIT ?",
        (key.source_id, key.live_bundle_id, key.candidate, limit),
    )
    return [_stored(row) for row in rows]


def count_disputes(database: Database, source_id: str, *, candidate: str | None = None) -> int:
    """Return how many disputes of a source are kept; None: of any candidate. Raises as disputes_of."""
    rows = database.rows(
        "SELECT COUNT(*) FROM shadow_disagreements AS d JOIN shadow_runs AS r ON r.n = d.run "
        "WHERE r.source_id = ?1 AND (?2 IS NULL OR r.candidate = ?2)",
        (source_id, candidate),
    )
    return int(rows[0][0])


def _stored(row: sqlite3.Row) -> StoredDispute:
    return StoredDispute(
        n=row["n"],
        run=RunKey(row["source_id"], row["live_bundle_id"], row["candidate"]),
        dispute=Dispute(
            alarmed=row["alarmed"],
            start_s=row["start_s"],
            start_utc_s=row["start_utc_s"],
            end_s=row["start_s"] + row["duration_s"],
            live_peak=row["live_peak"],
            candidate_peak=row["candidate_peak"],
            event_id=row["event_id"],
        ),
        clip=None
        if row["clip_id"] is None
        else DisputeClip(
            clip_id=row["clip_id"],
            before_s=row["clip_before_s"],
            duration_s=row["clip_duration_s"],
            sample_rate_hz=row["sample_rate_hz"],
            lost_samples=row["lost_samples"],
            path=row["path"],
            size_bytes=row["size_bytes"],
            gone=row["gone"],
            protection=row["protection"],
        ),
    )
