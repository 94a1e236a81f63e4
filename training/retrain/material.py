"""The folder that a retraining learns from and judges by, made whole or not at all.

    labelled/normal/*.flac        clips of events that were none
    labelled/anomalies/index.csv  flagged windows of anomalies, for `wheeltapper train --anomalies`
    labelled/held/*.flac          sound of events that nothing is learned of
    labelled/gathered.json        what all this is; written last
    material/index.csv            recordings and labelled normal sound, as `learn` makes it

Sound is copied: a clip that is pruned while a model is trained changes nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from monitor.recording.folder import COLUMNS, INDEX, LICENCE
from monitor.recording.given import GivenFile
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import Material, key_of_files, make_material
from monitor.replay.kept.reading import StoreReader
from monitor.store.clip_files import flac_from_samples
from monitor.store.files import disk_errors, write_whole
from training.anomalies import ANOMALY
from training.retrain.dealing import Deal
from training.retrain.removed import stretches_of
from training.retrain.said import Said, SaidEvent
from training.retrain.stretches import LeftOut, Piece, pieces_of_event

LABELLED, NORMALS, ANOMALIES, HELD = "labelled", "normal", "anomalies", "held"
RECORD = "gathered.json"
NORMAL_SHARE = 0.05
"""Labelled normal sound is repeated until it is so much of what is learned: in 60 hours a clip drowns."""
MOST_REPEATS = 10
WAY = "events cut whole, and what is judged by"
"""How the folder is made: what was made in another way is made anew."""


@dataclass(frozen=True, slots=True)
class HeldPiece:
    """Sound of an event that nothing was learned of."""

    event_id: str
    """The event."""
    rating: str
    """`anomaly` or `no_anomaly`."""
    kind: str
    """Fault code; empty: none."""
    file: str
    """Name of the file below labelled/held."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is to learn from."""

    normal: Material
    """Recordings and labelled normal sound."""
    anomalies: Path | None
    """Index of the anomalies; None: there are none to learn from."""
    held: tuple[HeldPiece, ...]
    """To judge by."""
    left_out: tuple[LeftOut, ...]
    """Clips that do not serve."""
    used: tuple[str, ...]
    """Ids of the events of which something is learned, oldest first."""
    normal_s: float
    """Labelled normal sound, before it was repeated."""
    anomalous_s: float
    """Flagged sound of anomalies that is learned from."""


def key_of_labels(files: Sequence[GivenFile], deal: Deal, said: Said) -> str:
    """Return what names this sound with these labels: the same give the same key, pruned clips or not."""
    labels = [
        [(event.event_id, event.rating, event.kind) for event in events]
        for events in (deal.learned, deal.held_out)
    ]
    words = json.dumps([WAY, labels, [one.event_id for one in said.disagreed]])
    return key_of_files(files, hashlib.sha256(words.encode()).hexdigest())


def gathered_at(place: Path, key: str) -> Gathered | None:
    """Return what was gathered under this key before, if it is there whole."""
    try:
        tree = json.loads((place / LABELLED / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(tree, dict) or tree.get("key") != key:
        return None
    normal = Material(place / "material", key, **tree["normal"])
    return Gathered(
        normal=normal,
        anomalies=_anomalies(place) if tree["anomalous_s"] else None,
        held=tuple(HeldPiece(**one) for one in tree["held"]),
        left_out=tuple(LeftOut(**one) for one in tree["left_out"]),
        used=tuple(tree["used"]),
        normal_s=tree["normal_s"],
        anomalous_s=tree["anomalous_s"],
    )


def gather_labelled(
    work: LearnFolder, reader: StoreReader, source_id: str, files: Sequence[GivenFile], said: Said, deal: Deal
) -> Gathered:
    """Put what is learned from into the folder, replacing what was there.

    Raises:
        StoreError: The store cannot be read, or the disk refuses.
        TrainingError: A clip is damaged.
        RecordError: A recording cannot be read.
    """
    key = key_of_labels(files, deal, said)
    folder = work.place / LABELLED
    with disk_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        for name in (NORMALS, ANOMALIES, HELD):
            (folder / name).mkdir(parents=True)
    learned, left = _pieces(reader, deal.learned)
    kept, left_too = _pieces(reader, deal.held_out)
    normals = [piece for piece in learned if piece.event.rating == "no_anomaly"]
    anomalies = [piece for piece in learned if piece.event.rating == ANOMALY]
    normal_s = sum(piece.seconds for piece in normals)
    train_s = sum(file.seconds for file in files if file.role == "train")
    more = _write_normals(folder / NORMALS, normals, _repeats(normal_s, train_s))
    _write_anomalies(folder / ANOMALIES, anomalies)
    apart = [event.event_id for event in (*said.of(ANOMALY), *deal.held_out)]
    apart += [one.event_id for one in said.disagreed]
    cut = stretches_of(reader.store, source_id, dict.fromkeys(apart), files)
    normal = make_material(work.material, [*files, *more], cut, source_id=source_id, key=key)
    serving = {piece.event.event_id for piece in learned}
    made = Gathered(
        normal=normal,
        anomalies=_anomalies(work.place) if anomalies else None,
        held=tuple(_write_held(folder / HELD, kept)),
        left_out=(*left, *left_too),
        used=tuple(event.event_id for event in deal.learned if event.event_id in serving),
        normal_s=normal_s,
        anomalous_s=sum(piece.seconds for piece in anomalies),
    )
    _write_record(folder, key, made)
    return made


def folder_of_held(place: Path) -> Path:
    """Return where the sound of events that are kept apart lies."""
    return place / LABELLED / HELD


def _anomalies(place: Path) -> Path:
    return place / LABELLED / ANOMALIES / INDEX


def _pieces(reader: StoreReader, events: Iterable[SaidEvent]) -> tuple[list[Piece], list[LeftOut]]:
    found = [one for event in events for one in pieces_of_event(reader, event)]
    return [one for one in found if isinstance(one, Piece)], [
        one for one in found if isinstance(one, LeftOut)
    ]


def _repeats(normal_s: float, train_s: float) -> int:
    if not normal_s:
        return 1
    return max(1, min(MOST_REPEATS, round(NORMAL_SHARE * train_s / normal_s)))


def _write_normals(folder: Path, pieces: Sequence[Piece], repeats: int) -> list[GivenFile]:
    """Write each piece `repeats` times in a row, so that no part of it serves for two purposes."""
    files = []
    for piece in pieces:
        path = folder / f"{piece.name}.flac"
        repeated = np.tile(piece.samples, repeats)
        write_whole(path, flac_from_samples(repeated, piece.sample_rate_hz), below=folder)
        files.append(GivenFile(path, "train", repeats * piece.seconds))
    return files


def _write_anomalies(folder: Path, pieces: Sequence[Piece]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for piece in pieces:
        name = _write(folder, piece)
        rate_hz, seconds = str(piece.sample_rate_hz), f"{piece.seconds:.3f}"
        table.writerow((name, "", ANOMALY, piece.event.kind, "train", rate_hz, seconds, LICENCE))
    write_whole(folder / INDEX, text.getvalue().encode(), below=folder)


def _write_held(folder: Path, pieces: Sequence[Piece]) -> list[HeldPiece]:
    return [
        HeldPiece(piece.event.event_id, piece.event.rating, piece.event.kind, _write(folder, piece))
        for piece in pieces
    ]


def _write(folder: Path, piece: Piece) -> str:
    name = f"{piece.name}.flac"
    write_whole(folder / name, flac_from_samples(piece.samples, piece.sample_rate_hz), below=folder)
    return name


def _write_record(folder: Path, key: str, made: Gathered) -> None:
    """Write what was gathered, last of all: without it everything is gathered anew."""
    normal = {name: value for name, value in asdict(made.normal).items() if name.endswith("_s")}
    tree = {
        "key": key,
        "normal": normal,
        "held": [asdict(one) for one in made.held],
        "left_out": [asdict(one) for one in made.left_out],
        "used": list(made.used),
        "normal_s": made.normal_s,
        "anomalous_s": made.anomalous_s,
    }
    write_whole(folder / RECORD, (json.dumps(tree, indent=1) + "\n").encode(), below=folder)
