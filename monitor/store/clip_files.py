"""Clips on disk: FLAC that gives every sample back exactly as a converter of up to 24 bits made it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection
from pathlib import Path

import numpy as np
import soundfile

from monitor.errors import StoreError, StoreRefusedError
from monitor.messages import Float32
from monitor.store.clips import ClipJob
from monitor.store.database import Database
from monitor.store.files import new_path, write_whole
from monitor.store.records import StoredClip

COLUMNS = (
    "clip_id, event_id, source_id, start_s, start_utc_s, duration_s, sample_rate_hz, lost_samples, "
    "path, size_bytes, gone, protection"
)


def write_clip(database: Database, state_dir: Path, job: ClipJob) -> str:
    """Write a clip's file, then its row, and return its id; a kill in between leaves an unlisted file.

    Raises:
        StoreFullError: There is no space left; nothing remains.
        StoreRefusedError: FLAC has no such sample rate, or the event is not known.
        StoreError: The disk refuses.
    """
    content = flac_from_samples(job.samples, job.sample_rate_hz, comment=job.protection.words)
    clip_id, path = new_path("clips", job.source_id, job.start_utc_s, "flac")
    write_whole(state_dir / path, content, below=state_dir)
    try:
        _put_row(database, job, (clip_id, path, len(content)), gone=None)
    except StoreError:
        with contextlib.suppress(OSError):  # unlisted: the next opening removes it
            (state_dir / path).unlink(missing_ok=True)
        raise
    return clip_id


def note_unwritten_clip(database: Database, job: ClipJob, why: str) -> str:
    """Keep the row of a clip whose sound is never written, and return its id; `why` stands as `gone`.

    Raises:
        StoreFullError: There is no space left.
        StoreRefusedError: The event is not known.
        StoreError: The disk refuses.
    """
    clip_id, path = new_path("clips", job.source_id, job.start_utc_s, "flac")
    _put_row(database, job, (clip_id, path, 0), gone=why)
    return clip_id


def _put_row(database: Database, job: ClipJob, file: tuple[str, str, int], *, gone: str | None) -> None:
    clip_id, path, size_bytes = file
    with database.transaction() as connection:
        connection.execute(
            f"INSERT INTO clips ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
            (
                clip_id,
                job.event_id,
                job.source_id,
                job.start_s,
                job.start_utc_s,
                len(job.samples) / job.sample_rate_hz,
                job.sample_rate_hz,
                job.lost_samples,
                path,
                size_bytes,
                gone,
                job.protection.text,
            ),
        )


def clips_of(database: Database, event_id: str) -> list[StoredClip]:
    """Return an event's clips in the order in which they were recorded, those whose file is gone too."""
    query = f"SELECT {COLUMNS} FROM clips WHERE event_id = ? ORDER BY n"  # noqa: S608 - a constant of ours
    return [StoredClip(*row) for row in database.rows(query, (event_id,))]


def first_clips_of_events(database: Database, event_ids: Collection[str]) -> dict[str, str]:
    """Return the id of the first clip of each of these events whose file is there, by the event's id.

    One query for all of them: 999 at most, for older SQLite takes no more.
    """
    marks = ", ".join("?" * len(event_ids))
    query = (
        "SELECT event_id, clip_id, MIN(n) FROM clips "  # noqa: S608 - only marks
        f"WHERE gone IS NULL AND event_id IN ({marks}) GROUP BY event_id"
    )
    return {row["event_id"]: row["clip_id"] for row in database.rows(query, tuple(event_ids))}


def flac_from_samples(samples: Float32, sample_rate_hz: int, *, comment: str = "") -> bytes:
    """Encode sound in 16 bits if that loses nothing, else in 24; +1.0 becomes the highest code.

    `comment` stands in the file's tag COMMENT; empty: there is none.

    Raises:
        StoreRefusedError: FLAC has no such sample rate.
    """
    scaled = samples.astype(np.float64) * 2**15
    if np.array_equal(scaled, np.rint(scaled)):
        codes, subtype = np.clip(scaled, -(2**15), 2**15 - 1).astype(np.int16), "PCM_16"
    else:
        wide = np.clip(np.rint(scaled * 2**8), -(2**23), 2**23 - 1).astype(np.int32)
        codes, subtype = wide << 8, "PCM_24"  # libsndfile takes the upper 24 bits
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(file, "w", sample_rate_hz, 1, subtype, format="FLAC") as sound:
            if comment:
                sound.comment = comment
            sound.write(codes)
        file.seek(0)
        frames = soundfile.info(file).frames  # libFLAC writes rates that it will not read
    except soundfile.LibsndfileError as error:
        raise StoreRefusedError(
            f"FLAC cannot hold {sample_rate_hz} Hz ({error}); set another sample_rate_hz"
        ) from error
    if frames != len(samples):
        raise StoreRefusedError(f"FLAC kept {frames} of {len(samples)} samples at {sample_rate_hz} Hz")
    return file.getvalue()
