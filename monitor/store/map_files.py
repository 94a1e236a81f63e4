"""Flagged windows on disk: error map, reconstruction and log-mel as float16, the worst of each event."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import StoreError, StoreRefusedError
from monitor.messages import Float32, Inference, LogMel, Score
from monitor.store.database import Database
from monitor.store.files import new_path, write_whole
from monitor.store.protection import Protection
from monitor.store.records import StoredWindow

COLUMNS = (
    "window_id, event_id, source_id, start_s, end_s, start_utc_s, value, expected_per_day, quality, "
    "bundle_id, path, size_bytes, gone, protection"
)
# a window without a value is less than any with one
LOWEST = (
    "SELECT window_id, path, COALESCE(value, -1e308) AS value FROM windows "
    "WHERE event_id = ? AND gone IS NULL ORDER BY value, n LIMIT 1"
)
COUNT = "SELECT COUNT(*) FROM windows WHERE event_id = ? AND gone IS NULL"
IS_LOCKED = "SELECT locked_by IS NOT NULL FROM events WHERE event_id = ?"


def write_map(
    database: Database,
    state_dir: Path,
    event_id: str,
    score: Score,
    arrays: tuple[Inference, LogMel, Protection],
    maps_per_event: int,
) -> str | None:
    """Write a window's file, then its row; of a full event the lowest window goes, maybe this one (None).

    Of a locked event nothing goes: one that is full takes no more.

    Raises:
        StoreFullError: There is no space left; nothing remains.
        StoreRefusedError: The event is not known, or was locked this very moment.
        StoreError: The disk refuses.
    """
    value = -1e308 if score.value is None else score.value
    if database.rows(COUNT, (event_id,))[0][0] >= maps_per_event:
        lowest = database.rows(LOWEST, (event_id,))
        if not lowest or value <= lowest[0]["value"] or database.rows(IS_LOCKED, (event_id,))[0][0]:
            return None
    span = score.span
    inference, logmel, protection = arrays
    content = npz_from_maps(inference, logmel)
    window_id, path = new_path("maps", span.source_id, span.start_utc_s, "npz")
    write_whole(state_dir / path, content, below=state_dir)
    try:
        with database.transaction(durable=False) as connection:
            surplus = connection.execute(COUNT, (event_id,)).fetchone()[0] + 1 - maps_per_event
            if surplus > 0 and connection.execute(IS_LOCKED, (event_id,)).fetchone()[0]:
                raise StoreRefusedError(f"event {event_id!r} was locked meanwhile: its maps stay as they are")
            replaced = _replace_lowest(connection, event_id, surplus)
            connection.execute(
                f"INSERT INTO windows ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",  # noqa: S608 - ours
                (
                    window_id,
                    event_id,
                    span.source_id,
                    span.start_s,
                    span.end_s,
                    span.start_utc_s,
                    score.value,
                    score.expected_per_day,
                    span.quality.value,
                    score.bundle_id,
                    path,
                    len(content),
                    protection.text,
                ),
            )
    except StoreError:
        with contextlib.suppress(OSError):  # unlisted: the next opening removes it
            (state_dir / path).unlink(missing_ok=True)
        raise
    for path_replaced in replaced:
        with contextlib.suppress(OSError):  # unlisted now: the next opening removes it
            (state_dir / path_replaced).unlink(missing_ok=True)
    return window_id


def _replace_lowest(connection: sqlite3.Connection, event_id: str, count: int) -> list[str]:
    """Forget so many of an event's windows, the lowest ones, and return what their files were called."""
    replaced = []
    for _ in range(count):
        row = connection.execute(LOWEST, (event_id,)).fetchone()
        connection.execute("DELETE FROM windows WHERE window_id = ?", (row["window_id"],))
        replaced.append(row["path"])
    return replaced


def windows_of(database: Database, event_id: str) -> list[StoredWindow]:
    """Return an event's kept windows in the order in which they were heard, those whose file is gone too.

    By number: an event that outlives the process has a stream time that began anew.
    """
    query = f"SELECT {COLUMNS} FROM windows WHERE event_id = ? ORDER BY n"  # noqa: S608 - ours
    return [StoredWindow(*row) for row in database.rows(query, (event_id,))]


def npz_from_maps(inference: Inference, logmel: LogMel) -> bytes:
    """Pack the three maps of a window, shape (mel, frames) each, as float16, uncompressed.

    Deflate would take six times the time to save a sixth of the bytes.
    """
    file = io.BytesIO()
    np.savez(
        file,
        error_map=_half(inference.error_map),
        reconstruction=_half(inference.reconstruction),
        logmel=_half(logmel.values),
    )
    return file.getvalue()


def _half(values: Float32) -> NDArray[np.float16]:
    """Round to float16; what is beyond its range becomes its largest number, not infinity."""
    largest = float(np.finfo(np.float16).max)
    return np.clip(values, -largest, largest).astype(np.float16)
