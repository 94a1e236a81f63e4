"""A folder of recordings with its index.csv: the form in which `wheeltapper train` takes sound.

Files come first and the index follows, both whole or not at all: a kill in between leaves a whole file
that is not listed, which the next recording into the folder lists. One process writes to a folder at a time.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import soundfile

from monitor.errors import RecordError, RecordFullError, StoreError, StoreFullError
from monitor.recording.pieces import Piece
from monitor.store.clip_files import flac_from_samples
from monitor.store.files import PART, dated, write_whole

Role = Literal["train", "calibrate"]
Row = dict[str, str]

INDEX = "index.csv"
COLUMNS = ("file", "set", "label", "kind", "role", "rate_hz", "seconds", "licence")
LICENCE = "own recording"
CALIBRATE_SHARE = 0.3
"""The last so much of a recording's time sets the alarm limit; the model never learns from it."""


def roles_by_time(seconds: Sequence[float]) -> list[Role]:
    """Return each file's role, from the lengths of a recording's files in the order of time.

    A file whose middle lies in the last CALIBRATE_SHARE of the time is `calibrate`: files are never split.
    """
    total_s, start_s = sum(seconds), 0.0
    roles: list[Role] = []
    for length_s in seconds:
        late = start_s + length_s / 2 > (1 - CALIBRATE_SHARE) * total_s
        roles.append("calibrate" if late else "train")
        start_s += length_s
    return roles


class RecordFolder:
    """The folder that one run writes the pieces of one source to. Not thread-safe."""

    def __init__(
        self, folder: Path, *, source_id: str, kind: str, role: Role | None = None, continues: bool = False
    ) -> None:
        """Make or take over the folder; `role` None: by time, anew after every file.

        `continues`: what the folder has of this source and this run are one recording, so that `role` counts
        for all of it.

        Raises:
            RecordError: It cannot be written, another process records into it, or its index is not ours.
        """
        self.folder = folder
        self._source_id = source_id
        self._kind = kind
        self._role = role
        self._continues = continues
        self._added: list[tuple[str, int, float]] = []  # name, rate_hz, seconds
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise RecordError(f"{folder}: {error.strerror}; give another folder with --out") from error
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._take_over()
            undo.pop_all()

    def _take_over(self) -> None:
        self._lock_folder()
        self._before = _rows_of_index(self.folder / INDEX)
        self.listed_before = len(self._before)
        """Files that the index listed already."""
        for left in (*self.folder.glob(f"{self._source_id}-*.flac{PART}"), self.folder / (INDEX + PART)):
            left.unlink(missing_ok=True)
        orphans = self._unlisted()
        self.adopted = len(orphans)
        """Whole files that a kill had kept out of the index; they are listed now."""
        if self._continues:
            mine = [row for row in self._before if row["set"] == self._source_id]
            self._before = [row for row in self._before if row["set"] != self._source_id]
            self._added = [*map(self._of_row, mine), *orphans]
        else:
            self._before += [self._row(*orphan, self._role or "train") for orphan in orphans]
        self.seconds_before = sum(seconds for _, _, seconds in self._added)
        """How much of this recording was there already; 0 unless it continues."""
        self._write_index()

    def _of_row(self, row: Row) -> tuple[str, int, float]:
        try:
            return row["file"], int(row["rate_hz"]), float(row["seconds"])
        except ValueError as error:
            raise RecordError(
                f"{self.folder / INDEX}: row {row['file']}: rate_hz and seconds must be numbers; mend it"
            ) from error

    @property
    def names(self) -> frozenset[str]:
        """This recording's files so far."""
        return frozenset(name for name, _, _ in self._added)

    @property
    def roles(self) -> list[Role]:
        """The roles of this recording's files so far, in order; this run's are the last."""
        if self._role is not None:
            return [self._role] * len(self._added)
        return roles_by_time([seconds for _, _, seconds in self._added])

    def add(self, piece: Piece) -> str:
        """Write a piece as FLAC, then the index with it, and return the file's name.

        Raises:
            RecordFullError: There is no space left; nothing of the piece remains.
            StoreRefusedError: FLAC has no such sample rate.
            RecordError: The disk refuses.
        """
        name = self._new_name(piece.start_utc_s)
        self._write(name, flac_from_samples(piece.samples, piece.sample_rate_hz))
        self._added.append((name, piece.sample_rate_hz, piece.seconds))
        try:
            self._write_index()
        except RecordError:
            self._added.pop()
            (self.folder / name).unlink(missing_ok=True)
            raise
        return name

    def close(self) -> None:
        """Let others write here; may be called again."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _lock_folder(self) -> None:
        assert self._lock is not None  # noqa: S101 - only called while open
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RecordError(
                f"{self.folder}: another recording writes there; wait for it or give another --out"
            ) from error

    def _unlisted(self) -> list[tuple[str, int, float]]:
        ours = re.compile(re.escape(self._source_id) + r"-\d{8}T\d{6}Z(-\d+)?\.flac")
        listed = {row["file"] for row in self._before}
        names = sorted(path.name for path in self.folder.iterdir() if ours.fullmatch(path.name))
        found = []
        for name in names:
            if name not in listed:
                try:
                    info = soundfile.info(str(self.folder / name))
                except soundfile.SoundFileError as error:
                    raise RecordError(
                        f"{self.folder / name}: is not listed and cannot be read; remove it"
                    ) from error
                found.append((name, int(info.samplerate), info.frames / info.samplerate))
        return found

    def _new_name(self, start_utc_s: float) -> str:
        stem = f"{self._source_id}-{dated(start_utc_s).strftime('%Y%m%dT%H%M%SZ')}"
        name, number = f"{stem}.flac", 1
        # clocks are set back, and fast sources run ahead of theirs
        while (self.folder / name).exists():
            number += 1
            name = f"{stem}-{number}.flac"
        return name

    def _row(self, name: str, rate_hz: int, seconds: float, role: Role) -> Row:
        values = (name, self._source_id, "normal", self._kind, role, str(rate_hz), f"{seconds:.3f}", LICENCE)
        return dict(zip(COLUMNS, values, strict=True))

    def _write_index(self) -> None:
        rows = [self._row(*added, role) for added, role in zip(self._added, self.roles, strict=True)]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*self._before, *rows])
        self._write(INDEX, text.getvalue().encode())

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        try:
            write_whole(path, content, below=self.folder)
        except StoreFullError as error:
            raise RecordFullError(
                f"{path}: no space left on the device; what was recorded before is kept. Free some, then "
                "run the same command again: it adds to the folder"
            ) from error
        except StoreError as error:
            why = getattr(error.__cause__, "strerror", None) or error
            raise RecordError(f"{path}: {why}; give a folder that can be written with --out") from error


def _rows_of_index(path: Path) -> list[Row]:
    """Return the rows of an index as they stand; none if there is no such file.

    Raises:
        RecordError: It cannot be read or is not in our form.
    """
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path}: cannot be read ({error}); give another folder with --out") from error
    if tuple(header) != COLUMNS:
        raise RecordError(
            f"{path}: has the columns {', '.join(header) or '(none)'}, not {', '.join(COLUMNS)}; it was not "
            "made by `wheeltapper record`: give another folder with --out"
        )
    for number, line in enumerate(lines, start=2):
        if len(line) != len(COLUMNS):
            raise RecordError(f"{path}: row {number} has {len(line)} fields, not {len(COLUMNS)}; mend it")
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]
