"""Which machines a plant has, and which sound files are whose: by an index, or by folders.

    DATA/index.csv     with the columns machine, file, role (and label, kind): files relative to it
    DATA/MACHINE/...   a folder a machine: an index.csv with file and role, or sound files, all normal

DATA is a folder or a URL. Only names and sizes are read here; sound is opened where it is used.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

from training.errors import TrainingError
from training.fleet.artefacts import Artefacts
from training.fleet.errors import FleetError
from training.gather import NORMAL, TRAIN
from training.sound import INDEX, SUFFIXES, rows_of_text

MACHINE = "machine"
MISSING = -1
"""The size of a file that an index names and that is not there."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """One file of a machine with what its index says."""

    name: str
    """Relative to DATA."""
    size_bytes: int
    """MISSING where it is not there."""
    role: str
    """As in docs/models.md: train, calibrate, test."""
    label: str
    """normal, anomaly, or empty where nothing is said."""
    kind: str
    """Of the anomaly; empty where there is none."""

    @property
    def row(self) -> Mapping[str, str]:
        """The columns that training looks at."""
        return {"file": self.name, "role": self.role, "label": self.label or NORMAL, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and its sound."""

    name: str
    """As in the index, or its folder's."""
    files: tuple[SoundFile, ...]
    """Each once, in the index's order, or by name."""
    fault: str = ""
    """Why its index cannot be used; empty where it can."""

    @property
    def place(self) -> str:
        """Where its results lie, below the folder of results."""
        return f"machines/{place_of_name(self.name)}"

    @property
    def digest(self) -> str:
        """Digest of its files' names, sizes, roles and labels: what a result was made of."""
        return digest_of_files(self.name, self.files)


def digest_of_files(machine: str, files: Iterable[SoundFile]) -> str:
    """Return a digest of some of a machine's files, by what is known of them unopened."""
    found = hashlib.sha256(machine.encode())
    for file in files:
        found.update(repr(sorted(asdict(file).items())).encode())
    return found.hexdigest()


def place_of_name(name: str) -> str:
    """Return a name that is one folder of any store, different for different names."""
    quoted = quote(name, safe=" ,=+@()")
    return quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted


def machines_of_data(data: str, only: Collection[str] = ()) -> list[Machine]:
    """Return the machines of DATA by name, all or those in `only`; one with a bad index says so in `fault`.

    Raises:
        FleetError: There is none, one of `only` is not there, or the plant's index cannot be used.
    """
    store = Artefacts(data)
    try:
        sizes = store.sizes()
        machines = _of_index(store, sizes) if INDEX in sizes else _of_folders(store, sizes)
    except OSError as error:
        raise FleetError(f"--data {data}: cannot be read: {error}; correct it") from error
    if not machines:
        raise FleetError(
            f"--data {data}: holds no machine; give a folder with an index.csv that has the columns machine, "
            "file and role, or with a folder of sound for each machine"
        )
    if unknown := sorted(set(only) - {machine.name for machine in machines}):
        known = ", ".join(machine.name for machine in machines[:5])
        raise FleetError(f"--machine {unknown[0]}: is not in {data}, which has {known}")
    return [machine for machine in machines if not only or machine.name in only]


def _of_index(store: Artefacts, sizes: Mapping[str, int]) -> list[Machine]:
    name = store.path(INDEX)
    rows = _rows(store.texts([INDEX])[INDEX], name)
    if not rows or MACHINE not in rows[0]:
        raise FleetError(
            f"{name}: has no rows with a column {MACHINE}; add it, or give a folder with a folder for each "
            "machine"
        )
    by_machine: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        by_machine.setdefault(row[MACHINE].strip(), []).append(row)
    if "" in by_machine:
        raise FleetError(f"{name}: {len(by_machine[''])} rows name no machine; fill in the column {MACHINE}")
    return [Machine(key, _files(by_machine[key], "", sizes)) for key in sorted(by_machine)]


def _of_folders(store: Artefacts, sizes: Mapping[str, int]) -> list[Machine]:
    folders: dict[str, list[str]] = {}
    for name in sorted(sizes):
        folder, inside, rest = name.partition("/")
        if inside and (rest == INDEX or posixpath.splitext(rest)[1].lower() in SUFFIXES):
            folders.setdefault(folder, []).append(name)
    texts = store.texts(f"{folder}/{INDEX}" for folder in folders if f"{folder}/{INDEX}" in sizes)
    return [_of_folder(folder, names, texts, sizes) for folder, names in sorted(folders.items())]


def _of_folder(
    folder: str,
    names: Sequence[str],
    texts: Mapping[str, str | OSError | UnicodeDecodeError],
    sizes: Mapping[str, int],
) -> Machine:
    index = f"{folder}/{INDEX}"
    if index not in texts:
        return Machine(folder, tuple(SoundFile(name, sizes[name], TRAIN, "", "") for name in names))
    try:
        return Machine(folder, _files(_rows(texts[index], index), folder, sizes))
    except TrainingError as error:
        return Machine(folder, (), str(error))


def _rows(text: str | OSError | UnicodeDecodeError, name: str) -> list[dict[str, str]]:
    if not isinstance(text, str):
        raise FleetError(f"{name}: cannot be read: {text}; give another index")
    return rows_of_text(text, name)


def _files(rows: Iterable[Mapping[str, str]], folder: str, sizes: Mapping[str, int]) -> tuple[SoundFile, ...]:
    files: dict[SoundFile, None] = {}
    for row in rows:
        name = posixpath.normpath(posixpath.join(folder, row["file"]))
        size = sizes.get(name, MISSING)
        file = SoundFile(name, size, row["role"], row.get("label", ""), row.get("kind", ""))
        files[file] = None
    return tuple(files)
