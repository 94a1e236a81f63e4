"""What a model will learn from, as a folder: the recordings without what is unlike the rest, and that apart.

    material/index.csv, *.flac      what is learned from, and what sets the limit; for `wheeltapper train`
    material/odd/odd.csv, *.flac    what was set aside, with a little sound around it, to listen to
    material/material.json          of which files it was made; written last, then the folder is renamed

Files without anything odd are linked, not copied; of others the parts before and after are cut out.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import soundfile

from monitor.errors import RecordError
from monitor.messages import Float32, read_only
from monitor.recording.folder import COLUMNS, INDEX, LICENCE
from monitor.recording.given import GivenFile
from monitor.store.clip_files import flac_from_samples
from monitor.store.files import PART, disk_errors, write_whole

RECORD = "material.json"
ODD = "odd"
ODD_INDEX = "odd.csv"
AROUND_S = 2.0
"""So much usual sound before and after an odd stretch lets one hear what is odd about it."""
SHORTEST_S = 3.0
"""What is left between two odd stretches must be longer than a window."""


class SetAside(Protocol):
    """A stretch of a file that is kept from learning."""

    @property
    def file(self) -> Path:
        """Where it lies."""

    @property
    def start_s(self) -> float:
        """From the beginning of the file."""

    @property
    def end_s(self) -> float:
        """The same."""

    @property
    def strangeness(self) -> float:
        """How unlike the rest it is, for whoever reads the list."""

    @property
    def reason(self) -> str:
        """Why it is kept apart, for a person."""


@dataclass(frozen=True, slots=True)
class Material:
    """A folder of sound that is ready to be learned from."""

    folder: Path
    """With its index.csv."""
    key: str
    """Of what it was made: the same files and the same stretches give the same key."""
    train_s: float
    """Sound to learn from."""
    calibrate_s: float
    """Sound that sets the alarm limit."""
    odd_s: float
    """Sound that was set aside."""


def key_of_files(files: Iterable[GivenFile], how: str) -> str:
    """Return what names these files, by place, size, role and time of change, and how they are treated."""
    described = [
        [str(file.path), file.role, file.path.stat().st_size, file.path.stat().st_mtime_ns] for file in files
    ]
    return hashlib.sha256(json.dumps([how, described]).encode()).hexdigest()[:16]


def material_at(folder: Path, key: str) -> Material | None:
    """Return the finished material of this key, if the folder holds it."""
    try:
        tree = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        found = Material(folder, tree["key"], tree["train_s"], tree["calibrate_s"], tree["odd_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.key == key else None


def make_material(
    folder: Path, files: Sequence[GivenFile], odd: Sequence[SetAside], *, source_id: str, key: str
) -> Material:
    """Put the material at `folder`, whole or not at all; one that is there is replaced.

    Raises:
        StoreError: The disk refuses.
        RecordError: A file cannot be read.
    """
    part = folder.with_name(folder.name + PART)
    with disk_errors(folder):
        shutil.rmtree(part, ignore_errors=True)
        (part / ODD).mkdir(parents=True)
    writer = _Writer(part, source_id)
    for number, file in enumerate(files):
        writer.add(number, file, [one for one in odd if one.file == file.path])
    made = writer.finish(folder, key)
    with disk_errors(folder):
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    return made


class _Writer:
    """Writes the files, then what lists them."""

    def __init__(self, part: Path, source_id: str) -> None:
        self._part, self._source_id = part, source_id
        self._rows: list[tuple[str, ...]] = []
        self._odd: list[tuple[str, ...]] = []
        self._seconds = {"train": 0.0, "calibrate": 0.0, ODD: 0.0}

    def add(self, number: int, file: GivenFile, odd: Sequence[SetAside]) -> None:
        """Put a file where it belongs, in parts where some of it is odd."""
        if not odd:
            name = f"{number:05d}-{file.path.name}"
            _link(file.path, self._part / name)
            self._list(name, file, file.seconds)
            return
        samples, rate_hz = _samples(file.path)
        for at, one in enumerate(odd):
            self._keep_odd(f"{number:05d}-{at:02d}-{file.path.stem}.flac", one, samples, rate_hz)
        for at, (start_s, end_s) in enumerate(_between(odd, file.seconds)):
            name = f"{number:05d}-{at:02d}-{file.path.stem}.flac"
            self._write(name, samples[round(start_s * rate_hz) : round(end_s * rate_hz)], rate_hz)
            self._list(name, file, end_s - start_s)

    def finish(self, folder: Path, key: str) -> Material:
        """Write the indexes, then the record, and return what it will be under its final name."""
        self._write_table(Path(INDEX), COLUMNS, self._rows)
        columns = ("file", "of", "start_s", "end_s", "strangeness", "reason")
        self._write_table(Path(ODD) / ODD_INDEX, columns, self._odd)
        made = Material(folder, key, self._seconds["train"], self._seconds["calibrate"], self._seconds[ODD])
        tree = {name: value for name, value in asdict(made).items() if name != "folder"}
        write_whole(self._part / RECORD, (json.dumps(tree) + "\n").encode(), below=self._part)
        return made

    def _list(self, name: str, file: GivenFile, seconds: float) -> None:
        rate_hz = soundfile.info(str(self._part / name)).samplerate
        row = (name, self._source_id, "normal", "", file.role, str(rate_hz), f"{seconds:.3f}", LICENCE)
        self._rows.append(row)
        self._seconds[file.role] += seconds

    def _keep_odd(self, name: str, one: SetAside, samples: Float32, rate_hz: int) -> None:
        first = max(0, round((one.start_s - AROUND_S) * rate_hz))
        self._write(f"{ODD}/{name}", samples[first : round((one.end_s + AROUND_S) * rate_hz)], rate_hz)
        times = (f"{one.start_s:.2f}", f"{one.end_s:.2f}", f"{one.strangeness:.1f}")
        self._odd.append((name, str(one.file), *times, one.reason))
        self._seconds[ODD] += one.end_s - one.start_s

    def _write(self, name: str, samples: Float32, rate_hz: int) -> None:
        write_whole(self._part / name, flac_from_samples(samples, rate_hz), below=self._part)

    def _write_table(self, name: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
        write_whole(self._part / name, text.getvalue().encode(), below=self._part)


def _between(odd: Sequence[SetAside], seconds: float) -> list[tuple[float, float]]:
    """Return what is left of a file, parts too short to use left out."""
    parts, at_s = [], 0.0
    for one in odd:
        parts.append((at_s, one.start_s))
        at_s = max(at_s, one.end_s)
    parts.append((at_s, seconds))
    return [(start_s, end_s) for start_s, end_s in parts if end_s - start_s >= SHORTEST_S]


def _link(file: Path, to: Path) -> None:
    with disk_errors(to):
        try:
            os.link(file, to)
        except OSError:  # another disk, or one that has no links
            shutil.copy2(file, to)


def _samples(path: Path) -> tuple[Float32, int]:
    try:
        samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise RecordError(f"{path}: cannot be read ({error}); leave it out") from error
    return read_only(samples[:, 0].copy()), int(rate_hz)
