"""Where training sound comes from: files, folders, index.csv, the simulated machine.

A recording is a name and a way to open it; nothing is decoded before it is needed. Decoding is the daemon's
own (monitor.sources), so that a file is the same sound in training and on the box.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from monitor.config import SimulatedSource
from monitor.listening import BlockWindows, Ear
from monitor.messages import AudioBlock, Window, read_only
from monitor.sources.file import Recording as SoundFile
from monitor.sources.paced import Sound
from monitor.sources.simulated import SimulatedSound
from training.errors import NoSoundError, TrainingError

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".rf64"})
INDEX = "index.csv"
INDEX_COLUMNS = frozenset({"file", "role"})
BLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One stretch of sound that was recorded, or made, in one go: the unit by which data are split."""

    name: str
    """For people and for splits; no two recordings of a set share one."""
    open: Callable[[], Sound]
    """Starts at the beginning each time. Raises SourceError where it cannot be had."""


def blocks_of_recording(recording: Recording) -> Iterator[AudioBlock]:
    """Yield the sound in order, at its own rate, about a second at a time.

    Raises:
        SourceError: It cannot be opened, or is damaged from some place on.
    """
    sound = recording.open()
    try:
        size = round(BLOCK_S * sound.sample_rate_hz)
        first = 0
        while len(samples := sound.next_samples(size)):
            yield AudioBlock(
                source_id="training",
                samples=read_only(samples),
                sample_rate_hz=sound.sample_rate_hz,
                first_sample=first,
                lost_samples=0,
                captured_utc_s=0.0,
            )
            first += len(samples)
    finally:
        sound.close()


def windows_of_file(path: Path, ear: Ear, *, channel: int = 1) -> Iterator[Window]:
    """Yield the windows of a sound file as the daemon cuts them, those that cannot be judged too.

    Raises:
        SourceError: It cannot be opened, or is damaged from some place on.
    """
    windows = BlockWindows("file", ear)
    for block in blocks_of_recording(Recording(str(path), partial(SoundFile, path, channel=channel))):
        yield from windows.add(block)
    yield from windows.finish()


def recording_of_file(path: Path, name: str | None = None) -> Recording:
    """Return the first channel of a sound file as a recording."""
    return Recording(name or str(path), partial(SoundFile, path))


def recording_of_machine(source: SimulatedSource) -> Recording:
    """Return `duration_s` of a simulated machine as a recording.

    Raises:
        TrainingError: The source has no end.
    """
    if source.duration_s is None:
        raise TrainingError(f"simulated source {source.id!r} never ends; give it duration_s")
    return Recording(f"{source.machine}-seed-{source.seed}", partial(SimulatedSound, source))


def index_of_path(path: Path) -> Path | None:
    """Return the index that a path names, itself or a folder's index.csv; None where it has none."""
    index = path / INDEX if path.is_dir() and (path / INDEX).is_file() else path
    return index if index.suffix.lower() == ".csv" else None


def files_of_path(path: Path) -> list[Path]:
    """Return the sound files that a path without an index names: all of a folder, or itself.

    Raises:
        NoSoundError: A folder holds none.
        TrainingError: It is neither a folder nor a sound file.
    """
    if path.is_dir():
        return [path / recording.name for recording in recordings_of_folder(path)]
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return [path]
    raise TrainingError(f"{path}: is no folder, no index.csv and no sound file; correct the path")


def recordings_of_folder(folder: Path) -> list[Recording]:
    """Return every sound file under `folder`, in the order of their names.

    Raises:
        NoSoundError: There is none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise NoSoundError(
            f"{folder}: holds no sound files ({', '.join(sorted(SUFFIXES))}); name another folder"
        )
    return [recording_of_file(path, str(path.relative_to(folder))) for path in paths]


def recordings_of_index(
    index: Path, *, roles: Collection[str], sets: Collection[str] | None = None
) -> list[Recording]:
    """Return the files of an index.csv that have one of `roles` (and are of one of `sets`).

    The index has a header and at least the columns `file` (relative to it) and `role`; `set` is used where
    it is there. Whether the files can be read shows when they are.

    Raises:
        TrainingError: The index cannot be read or lacks a column.
        NoSoundError: No row fits.
    """
    rows = rows_of_index(index)
    fitting = [
        row["file"] for row in rows if row["role"] in roles and (sets is None or row.get("set") in sets)
    ]
    if not fitting:
        wanted = " or ".join(sorted(roles)) + (f" in set {' or '.join(sorted(sets))}" if sets else "")
        found = ", ".join(sorted({row["role"] for row in rows}))
        raise NoSoundError(f"{index}: no row has role {wanted}; it has the roles {found}")
    return [recording_of_file(index.parent / name, name) for name in fitting]


def rows_of_index(index: Path) -> list[dict[str, str]]:
    """Return the rows of an index.csv that has at least the columns `file` and `role`.

    Raises:
        TrainingError: It cannot be read or lacks a column.
    """
    try:
        return rows_of_text(index.read_text(encoding="utf-8"), str(index))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{index}: cannot be read: {error}; give another index") from error


def rows_of_text(text: str, name: str) -> list[dict[str, str]]:
    """Return the rows of an index.csv from its text; `name` is what errors call it.

    Raises:
        TrainingError: It is no CSV or lacks a column.
    """
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
        missing = INDEX_COLUMNS - set(reader.fieldnames or ())
        rows = [] if missing else list(reader)
    except csv.Error as error:
        raise TrainingError(f"{name}: cannot be read: {error}; give another index") from error
    if missing:
        raise TrainingError(f"{name}: lacks the columns {', '.join(sorted(missing))}; add them")
    return rows
