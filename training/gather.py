"""Which recordings a training gets: folders and indexes in, recordings by role out, and who serves what.

A PATH is a folder of sound files, a sound file, or an index.csv with roles (a folder that holds an index.csv
is taken by it, such as what `wheeltapper record` makes). Only normal sound is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from monitor.calibration import FitSettings
from monitor.frontend import FrontendParameters
from training.data import FRAMES, LogMelStore, store_logmel
from training.errors import NoSoundError, TrainingError
from training.sound import Recording, files_of_path, index_of_path, recording_of_file, rows_of_index
from training.split import SCORING_HOP_FRAMES, Split

NORMAL = "normal"
TRAIN, CALIBRATE = "train", "calibrate"

SHARES = {"training": 0.60, "validation": 0.15, "calibration": 0.25}
"""Of the sound that is to be shared out: by whole recordings, as near to this as their lengths allow.

The head has no share of its own: it is fitted on all that the model was trained and stopped with. How bands
vary from recording to recording cannot be learned from a few of them, and that matters more than that
the errors of sound the model has seen are a little small (LOG.md, 2026-11-22).
"""
LEAST_WINDOWS = {"training": 60, "validation": 10, "calibration": FitSettings().min_windows}
"""Fewer are refused before the training, not after it. A window begins every SCORING_HOP_FRAMES frames.

To learn from, a longer window counts as all the usual ones that lie in it.
"""


class Material(Protocol):
    """What a training is given, whichever kind of input it is: sound, or precomputed features."""

    left_out: Counter[str]
    """What was not used, by reason."""

    @property
    def calibrating(self) -> Collection[str]:
        """Names of the recordings that only set the alarm limit."""

    def stored(self, path: Path, *, frames: int = FRAMES) -> LogMelStore:
        """Write the log-mel of all recordings to `path`, return it as a store of windows of `frames`.

        Raises:
            TrainingError: None of it can be used.
        """


@dataclass(slots=True)
class Gathered:
    """Recordings by role, each file once."""

    train: dict[Path, Recording] = field(default_factory=dict)
    """By the file's resolved path."""
    calibrate: dict[Path, Recording] = field(default_factory=dict)
    """The same, for sound that only sets the alarm limit."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows of indexes that were not used, by reason."""

    @property
    def recordings(self) -> list[Recording]:
        """All of them, those to train on first."""
        return [*self.train.values(), *self.calibrate.values()]

    @property
    def calibrating(self) -> Collection[str]:
        """Names of the recordings that only set the alarm limit."""
        return {recording.name for recording in self.calibrate.values()}

    def stored(self, path: Path, *, frames: int = FRAMES) -> LogMelStore:
        """Compute the log-mel of all recordings into `path`; see store_logmel."""
        return store_logmel(path, self.recordings, FrontendParameters(), frames=frames)


def gather(
    data: Iterable[Path], calibrate: Iterable[Path] = (), *, sets: Collection[str] | None = None
) -> Gathered:
    """Return the recordings of `data` (by an index's roles, else all to train on) and of `calibrate`.

    Whether the files can be read shows when they are.

    Raises:
        NoSoundError: A path holds no sound, or nothing is left to train on.
        TrainingError: A path or an index cannot be read, or a file is given for both purposes.
    """
    gathered = Gathered()
    for path in data:
        _add(gathered, path, {TRAIN: gathered.train, CALIBRATE: gathered.calibrate}, sets)
    for path in calibrate:
        _add(gathered, path, {CALIBRATE: gathered.calibrate}, sets)
    return _with_sound(gathered)


def gather_rows(rows: Iterable[tuple[Path, str, Mapping[str, str]]]) -> Gathered:
    """Return the recordings of rows of an index, each with where its file lies and what it is called.

    Raises:
        NoSoundError: Nothing is left to train on.
        TrainingError: A file is there to train on and to calibrate with.
    """
    gathered = Gathered()
    by_role = {TRAIN: gathered.train, CALIBRATE: gathered.calibrate}
    for file, name, row in rows:
        if (recordings := _recordings_of_row(gathered, row, by_role, None)) is not None:
            recordings.setdefault(file.resolve(), recording_of_file(file, name))
    return _with_sound(gathered)


def _with_sound(gathered: Gathered) -> Gathered:
    if both := sorted(gathered.train.keys() & gathered.calibrate.keys()):
        raise TrainingError(
            f"{both[0]} ({len(both)} in all) is given to train on and to calibrate with; the limit must come "
            "from sound that the model never learned: give other recordings to --calibrate, or leave it out"
        )
    if not gathered.train:
        reasons = "; ".join(f"{count} {reason}" for reason, count in gathered.left_out.items())
        raise NoSoundError(f"--data: nothing to train on ({reasons}); give normal sound with role {TRAIN}")
    return gathered


def _add(
    gathered: Gathered, path: Path, by_role: Mapping[str, dict[Path, Recording]], sets: Collection[str] | None
) -> None:
    """Put the recordings of `path` where their roles say; without an index all are of the first role."""
    index = index_of_path(path)
    if index is not None:
        _add_index(gathered, index, by_role, sets)
        return
    without_index = next(iter(by_role.values()))
    for file in files_of_path(path):
        without_index.setdefault(file.resolve(), recording_of_file(file))


def _add_index(
    gathered: Gathered,
    index: Path,
    by_role: Mapping[str, dict[Path, Recording]],
    sets: Collection[str] | None,
) -> None:
    for row in rows_of_index(index):
        if (recordings := _recordings_of_row(gathered, row, by_role, sets)) is not None:
            file = index.parent / row["file"]
            recordings.setdefault(file.resolve(), recording_of_file(file))


def _recordings_of_row(
    gathered: Gathered,
    row: Mapping[str, str],
    by_role: Mapping[str, dict[Path, Recording]],
    sets: Collection[str] | None,
) -> dict[Path, Recording] | None:
    """Return where a row of an index belongs; None, and counted, where it is not used."""
    label, role = row.get("label", NORMAL), row["role"]
    if sets is not None and row.get("set") not in sets:
        gathered.left_out["of another set"] += 1
    elif label != NORMAL:
        gathered.left_out[f"with label {label}"] += 1
    elif role not in by_role:
        gathered.left_out[f"with role {role}"] += 1
    else:
        return by_role[role]
    return None


def split_of(
    store: LogMelStore, calibrate: Collection[str], *, seed: int, no_calibration: bool = False
) -> Split:
    """Return who serves what: recordings in `calibrate` set the limit, the others are shared out by SHARES.

    Where `calibrate` has sound, no more is taken from the rest; with `no_calibration` none is taken for it at
    all. Recordings are dealt longest first, each to who lacks most; the seed decides among equals.

    Raises:
        TrainingError: There are too few recordings or too little sound; the text says what is needed.
    """
    given = tuple(name for name in store.recordings if name in calibrate)
    taken = not given and not no_calibration
    shares = {role: share for role, share in SHARES.items() if role != "calibration" or taken}
    lengths: Counter[str] = Counter()
    for run in store.runs:
        if run.recording not in calibrate:
            lengths[run.recording] += run.end - run.first
    if len(lengths) < len(shares):
        raise TrainingError(
            f"{len(lengths)} usable recordings are too few to share out as {', '.join(shares)}: at least "
            f"{len(shares)} are needed, as one recording never serves twice; cut long ones where the machine "
            "stood, or record more (`wheeltapper record` writes pieces)"
        )
    dealt = _dealt(lengths, shares, seed)
    roles = {role: tuple(name for name in lengths if dealt[name] == role) for role in shares}
    head = roles["training"] + roles["validation"]
    split = Split(**({"calibration": given, "head": head} | roles))
    _refuse_too_little(store, split, LEAST_WINDOWS.keys() - ({"calibration"} if no_calibration else set()))
    return split


def _dealt(lengths: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return each recording's role."""
    whole = sum(lengths.values()) / sum(shares.values())
    lacking = {role: share * whole for role, share in shares.items()}
    names = list(lengths)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    dealt: dict[str, str] = {}
    for left, name in zip(
        range(len(names), 0, -1), sorted(shuffled, key=lengths.__getitem__, reverse=True), strict=True
    ):
        empty = [role for role in shares if role not in dealt.values()]
        candidates: Sequence[str] = empty if left <= len(empty) else list(shares)
        role = max(candidates, key=lacking.__getitem__)
        dealt[name] = role
        lacking[role] -= lengths[name]
    return dealt


def _refuse_too_little(store: LogMelStore, split: Split, roles: Collection[str]) -> None:
    hop_s = SCORING_HOP_FRAMES * store.parameters.hop_s
    for role, least in LEAST_WINDOWS.items():
        if role not in roles:
            continue
        names = getattr(split, role)
        windows = len(store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings=names))
        if role != "calibration":
            windows *= max(1, (store.frames - FRAMES) // SCORING_HOP_FRAMES + 1)
        if windows < least:
            without = ", or do without an alarm limit (`wheeltapper train --no-calibration`)"
            remedy = without if "calibration" in roles else ""
            raise TrainingError(
                f"too little sound for {role}: {len(names)} recordings give {windows} windows, {least} are "
                f"needed (about {least * hop_s / 60:.1f} min; {_least_minutes(hop_s):.0f} min in all where "
                f"nothing is given to --calibrate); record more{remedy}"
            )


def _least_minutes(hop_s: float) -> float:
    """Return how much sound shared out by SHARES suffices for everybody."""
    return max(LEAST_WINDOWS[role] / share for role, share in SHARES.items()) * hop_s / 60
