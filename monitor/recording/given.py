"""Normal sound that was recorded before, as files with roles: what `learn --data` takes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import soundfile

from monitor.errors import RecordError
from monitor.recording.folder import INDEX, Role, roles_by_time

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".rf64"})
NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A sound file that is said to be normal."""

    path: Path
    """Where it lies, absolute."""
    role: Role
    """`train`: learned from; `calibrate`: it sets the alarm limit and is never learned from."""
    seconds: float
    """How long it sounds."""


def given_files(paths: Sequence[Path]) -> list[GivenFile]:
    """Return the normal sound of folders, index files and sound files, each file once, in order.

    Where an index gives roles they count; of all other files the last 30 % of the time set the limit.

    Raises:
        RecordError: A path holds no sound, or an index or a file cannot be read.
    """
    rows = [row for path in paths for row in _rows_of_path(path)]
    once = {file.resolve(): role for file, role in rows}
    lengths = {file: _seconds(file) for file in once}
    without = [file for file, role in once.items() if role is None]
    by_time = dict(zip(without, roles_by_time([lengths[file] for file in without]), strict=True))
    return [GivenFile(file, role or by_time[file], lengths[file]) for file, role in once.items()]


def _rows_of_path(path: Path) -> Iterator[tuple[Path, Role | None]]:
    index = path / INDEX if path.is_dir() else path
    if index.suffix.lower() == ".csv" and index.is_file():
        yield from _rows_of_index(index)
    elif path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not found:
            raise RecordError(f"--data {path}: holds no sound file and no {INDEX}; correct the path")
        yield from ((file, None) for file in found)
    elif path.is_file() and path.suffix.lower() in SUFFIXES:
        yield path, None
    else:
        raise RecordError(f"--data {path}: is no folder, no {INDEX} and no sound file; correct the path")


def _rows_of_index(index: Path) -> Iterator[tuple[Path, Role | None]]:
    try:
        with index.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"--data {index}: cannot be read ({error}); give another index") from error
    if "file" not in (reader.fieldnames or ()):
        raise RecordError(f"--data {index}: lacks the column file; add it")
    roles: dict[str, Role] = {role: role for role in get_args(Role)}
    for row in rows:
        role = row.get("role", "")
        if row.get("label", NORMAL) == NORMAL and (role in roles or not role):
            yield index.parent / row["file"], roles.get(role)


def _seconds(file: Path) -> float:
    try:
        info = soundfile.info(str(file))
    except soundfile.SoundFileError as error:
        raise RecordError(f"--data {file}: cannot be read ({error}); mend it or leave it out") from error
    return float(info.frames / info.samplerate)
