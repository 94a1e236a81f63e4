"""What is known of the sound that a bundle is judged on: labels of files, and events with their times."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import NoSoundError, TrainingError
from training.sound import INDEX, SUFFIXES, rows_of_index

TEST_ROLE = "test"
LABELS = ("normal", "anomaly")
TRUTH_COLUMNS = frozenset({"file", "onset_s", "offset_s", "kind", "snr_db"})


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of sound that should be found."""

    onset_s: float
    """Seconds into the file."""
    offset_s: float
    """Infinite where all that is known is that the file is not normal."""
    kind: str
    """What it is, such as `fault:bearing` or `dog_bark`."""
    snr_db: float | None
    """How loud it is against the machine; None when it was not mixed in."""


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A sound file and what is said of the whole of it."""

    name: str
    """As it stands in truth.csv, in the scores and in the report."""
    path: Path
    """Where it lies."""
    anomaly: bool
    """False also where nothing is said."""
    kind: str
    """The index's kind; empty where there is none."""


Events = Mapping[str, Sequence[Event]]


def labelled_files(
    data: Path, *, role: str | None = None, sets: Sequence[str] = (), relative_to: Path | None = None
) -> list[LabelledFile]:
    """Return the files of a folder, or of an index.csv (given, or lying in the folder) with their labels.

    `role` None: the rows of role `test` where there are any, else all. Rows that are labelled neither normal
    nor anomaly (events and backgrounds to mix in) are left out. A folder's files are taken as normal.
    Files are named relative to `relative_to` where they lie in it, else to the folder or the index.

    Raises:
        TrainingError: The index cannot be read.
        NoSoundError: No file fits.
    """
    index = data / INDEX if data.is_dir() else data
    if not index.exists() and data.is_dir():
        paths = sorted(path for path in data.rglob("*") if path.suffix.lower() in SUFFIXES)
        found = [(path, {"label": "normal"}) for path in paths]
    else:
        found = [(index.parent / row["file"], row) for row in _rows(index, role, sets)]
    root = index.parent
    files = list(
        dict.fromkeys(  # an index may have a row for each anomaly of a file
            LabelledFile(
                _name(path, relative_to, root), path, row.get("label") == "anomaly", row.get("kind", "")
            )
            for path, row in found
        )
    )
    if not files:
        raise NoSoundError(
            f"{data}: holds no sound file that is labelled normal or anomaly, of role {role or 'any'} and "
            f"set {' or '.join(sets) or 'any'}; name another folder, index, role or set"
        )
    return files


def files_of_paths(paths: Sequence[Path], *, relative_to: Path | None = None) -> list[LabelledFile]:
    """Return files of which nothing is said, named relative to `relative_to` where they lie in it."""
    return [LabelledFile(_name(path, relative_to, Path()), path, anomaly=False, kind="") for path in paths]


def _rows(index: Path, role: str | None, sets: Sequence[str]) -> list[dict[str, str]]:
    rows = [row for row in rows_of_index(index) if row.get("label", "") in (*LABELS, "")]
    rows = [row for row in rows if not sets or row.get("set") in sets]
    if role is None:
        return [row for row in rows if row["role"] == TEST_ROLE] or rows
    return [row for row in rows if row["role"] == role]


def _name(path: Path, wanted: Path | None, root: Path) -> str:
    resolved = path.resolve()
    if wanted is not None and resolved.is_relative_to(wanted.resolve()):
        return resolved.relative_to(wanted.resolve()).as_posix()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def events_of_truth(path: Path) -> dict[str, list[Event]]:
    """Return the events of a truth.csv (file, onset_s, offset_s, kind, snr_db) by file, in its order.

    Raises:
        TrainingError: It cannot be read, lacks a column, or a number in it is none.
    """
    events: dict[str, list[Event]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = TRUTH_COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise TrainingError(f"{path}: lacks the columns {', '.join(sorted(missing))}; add them")
            for row in reader:
                events.setdefault(row["file"], []).append(_event(row, f"{path}, line {reader.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path}: cannot be read: {error}; give another truth.csv") from error
    return events


def _event(row: Mapping[str, str], place: str) -> Event:
    try:
        onset_s, offset_s = float(row["onset_s"]), float(row["offset_s"])
        snr_db = float(row["snr_db"]) if row["snr_db"].strip() else None
    except ValueError as error:
        raise TrainingError(f"{place}: {error}; times are seconds, snr_db is dB or empty") from error
    if not 0.0 <= onset_s < offset_s:
        raise TrainingError(f"{place}: an event from {onset_s} to {offset_s} s; it must end after it begins")
    return Event(onset_s, offset_s, row["kind"], snr_db)


def events_of_files(files: Sequence[LabelledFile], truth: Events) -> dict[str, list[Event]]:
    """Return the events of each file; an anomaly whose times are not known is one event, the whole file.

    Raises:
        TrainingError: The truth names none of the files.
    """
    if truth and not any(file.name in truth for file in files):
        raise TrainingError(
            f"truth: names {next(iter(truth))!r} and others, none of which is in the data, such as "
            f"{files[0].name!r}; files are named relative to the folder of truth.csv"
        )
    whole = {f.name: [Event(0.0, math.inf, f.kind or "anomaly", None)] for f in files if f.anomaly}
    return {f.name: list(truth.get(f.name, whole.get(f.name, []))) for f in files}
