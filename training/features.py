"""Precomputed log-mel as a second kind of input: an .npz of clips in dB, as the DCASE benchmarks pass around.

    logmel_db (clips, frames, mel), name (clips,), role (clips,), anomaly (clips,)  ->  LogMelStore

Each clip is a recording of one run. From the store on, everything is as with sound: split, training, head,
calibration, bundle. NumPy only.
"""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.frontend import FrontendParameters
from monitor.messages import Float32, read_only
from training.data import FRAMES, LogMelStore, Run, Skipped
from training.errors import NoSoundError, TrainingError

SUFFIX = ".npz"
KEYS = ("logmel_db", "name", "role", "anomaly")
TRAIN, CALIBRATE, TEST = "train", "calibrate", "test"

FEATURE_PARAMETERS = FrontendParameters(mel_scale="slaney", mel_norm="slaney", floor=sys.float_info.epsilon)
"""What the features are taken to be: the DCASE baselines' (librosa's default mel bands; 10 log10(mel + eps)).

16 kHz, n_fft 1024, hop 512, as the default front end; a file has no means to say otherwise. They differ from
the daemon's own values only at a clip's edges, where librosa pads.
"""
DB_RANGE = (-200.0, 150.0)
"""Values beyond are no level of anything."""
LEAST_SPREAD_DB = 20.0
"""Bands and moments of any real sound differ by more; its log10 power spans a tenth of the same number."""


@dataclass(frozen=True, slots=True)
class Clips:
    """The log-mel of labelled clips, all of one length."""

    logmel: Float32
    """Shape (clips, frames, mel), log10 power, read-only."""
    names: tuple[str, ...]
    """No two are equal."""
    roles: tuple[str, ...]
    """`train`, `calibrate`, `test`; others are left alone."""
    anomaly: tuple[bool, ...]
    """Whether something is wrong with the machine."""

    def of(self, role: str, *, anomaly: bool | None = None) -> NDArray[np.int64]:
        """Return the indices of the clips with this role, and this label if one is given; shape (n,)."""
        return np.array(
            [
                index
                for index, (found, label) in enumerate(zip(self.roles, self.anomaly, strict=True))
                if found == role and anomaly in {None, label}
            ],
            dtype=np.int64,
        )


def is_features(path: Path) -> bool:
    """Return whether a path names precomputed features rather than sound."""
    return path.suffix.lower() == SUFFIX


def clips_of_file(path: Path) -> Clips:
    """Read an .npz of clips; dB becomes log10 power.

    Raises:
        TrainingError: It cannot be read, or is not what KEYS say; the text names key, value and remedy.
    """
    arrays, strange = _arrays_of_file(path)
    if missing := [key for key in KEYS if key not in arrays]:
        others = f" (it has {', '.join(strange)})" if strange else ""
        raise TrainingError(f"{path}: lacks the keys {', '.join(missing)}{others}; add them")
    _refuse_impossible(path, arrays)
    logmel = np.asarray(arrays["logmel_db"], dtype=np.float32) / np.float32(10.0)
    return Clips(
        logmel=read_only(logmel),
        names=tuple(map(str, arrays["name"])),
        roles=tuple(map(str, arrays["role"])),
        anomaly=tuple(map(bool, arrays["anomaly"])),
    )


def _arrays_of_file(path: Path) -> tuple[dict[str, NDArray[np.generic]], list[str]]:
    """Return the arrays called as in KEYS, and the names of the others. Nothing in the file is run."""
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise TrainingError(f"{path}: is one array; give an .npz with {', '.join(KEYS)}")
            return {key: found[key] for key in KEYS if key in found}, sorted(set(found) - set(KEYS))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(f"{path}: cannot be read as .npz: {error}; give another file") from error


def _refuse_impossible(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    decibels = arrays["logmel_db"]
    if decibels.ndim != 3 or decibels.dtype.kind != "f" or 0 in decibels.shape:
        raise TrainingError(
            f"{path}: logmel_db is {decibels.dtype} {decibels.shape}; give floats (clips, frames, mel)"
        )
    for key in KEYS[1:]:
        if arrays[key].shape != decibels.shape[:1]:
            raise TrainingError(
                f"{path}: {key} has shape {arrays[key].shape} for {len(decibels)} clips; give one a clip"
            )
    if arrays["anomaly"].dtype != np.bool_:
        raise TrainingError(f"{path}: anomaly is {arrays['anomaly'].dtype}; give bool, True where not normal")
    names, counts = np.unique(arrays["name"], return_counts=True)
    if counts.max() > 1:
        raise TrainingError(f"{path}: two clips are called {names[counts.argmax()]}; splits go by name")
    _refuse_impossible_levels(path, np.asarray(decibels), arrays["name"])


def _refuse_impossible_levels(path: Path, decibels: NDArray[np.generic], names: NDArray[np.generic]) -> None:
    levels = decibels.astype(np.float32)
    broken = ~np.isfinite(levels).all(axis=(1, 2))
    if broken.any():
        raise TrainingError(
            f"{path}: logmel_db of {broken.sum()} clips, such as {names[broken.argmax()]}, is not finite; "
            "leave them out, or add a floor to the power before the logarithm"
        )
    low, high = float(levels.min()), float(levels.max())
    if low < DB_RANGE[0] or high > DB_RANGE[1] or high - low < LEAST_SPREAD_DB:
        raise TrainingError(
            f"{path}: logmel_db goes from {low:.4g} to {high:.4g}, which is not dB; give 10 log10(power)"
        )


@dataclass(slots=True)
class GatheredClips:
    """Normal clips by what they are for."""

    train: dict[str, Float32] = field(default_factory=dict)
    """By name; each of shape (frames, mel), log10 power."""
    calibrate: dict[str, Float32] = field(default_factory=dict)
    """The same, for clips that only set the alarm limit."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Clips that were not used, by reason."""

    @property
    def calibrating(self) -> Collection[str]:
        """Names of the recordings that only set the alarm limit."""
        return self.calibrate.keys()

    def stored(self, path: Path, *, frames: int = FRAMES) -> LogMelStore:
        """Write all clips to `path` and return them as a store; see store_of_clips."""
        return store_of_clips(path, {**self.train, **self.calibrate}, frames=frames)


def gather_clips(data: Iterable[Path], calibrate: Iterable[Path] = ()) -> GatheredClips:
    """Return the normal clips with role train or calibrate of `data`, and with role calibrate of `calibrate`.

    Raises:
        NoSoundError: Nothing is left to train on.
        TrainingError: A path is no such file, or two clips have the same name or another number of bands.
    """
    gathered = GatheredClips()
    for path in data:
        _add(gathered, path, {TRAIN: gathered.train, CALIBRATE: gathered.calibrate})
    for path in calibrate:
        _add(gathered, path, {CALIBRATE: gathered.calibrate})
    if not gathered.train:
        reasons = "; ".join(f"{count} {reason}" for reason, count in gathered.left_out.items())
        raise NoSoundError(f"--data: nothing to train on ({reasons}); give normal clips with role {TRAIN}")
    return gathered


def _add(gathered: GatheredClips, path: Path, by_role: dict[str, dict[str, Float32]]) -> None:
    if not is_features(path):
        raise TrainingError(
            f"{path}: sound and features cannot be mixed; give either, or {SUFFIX} throughout"
        )
    clips = clips_of_file(path)
    for name, role, anomaly, logmel in zip(
        clips.names, clips.roles, clips.anomaly, clips.logmel, strict=True
    ):
        if anomaly:
            gathered.left_out["with label anomaly"] += 1
        elif role not in by_role:
            gathered.left_out[f"with role {role}"] += 1
        elif name in gathered.train or name in gathered.calibrate:
            raise TrainingError(f"{path}: a clip called {name} was given before; give each file once")
        else:
            by_role[role][name] = logmel


def store_of_clips(path: Path, clips: dict[str, Float32], *, frames: int = FRAMES) -> LogMelStore:
    """Write clips, by name and each of shape (frames, mel), to the file `path` and return them as a store.

    Raises:
        NoSoundError: Not one clip is as long as a window.
        TrainingError: They have different numbers of bands.
    """
    bands = {logmel.shape[1] for logmel in clips.values()}
    if len(bands) > 1:
        raise TrainingError(
            f"clips have {' or '.join(map(str, sorted(bands)))} mel bands; give one kind only"
        )
    runs: list[Run] = []
    skipped: list[Skipped] = []
    row = 0
    with path.open("wb") as file:
        for name, logmel in clips.items():
            if len(logmel) < frames:
                skipped.append(Skipped(name, f"{len(logmel)} frames are less than a window of {frames}"))
                continue
            file.write(np.ascontiguousarray(logmel, dtype=np.float32).tobytes())
            runs.append(Run(name, row, row + len(logmel)))
            row += len(logmel)
    if not runs:
        raise NoSoundError(
            f"none of {len(clips)} clips has the {frames} frames of a window; give longer ones"
        )
    parameters = replace(FEATURE_PARAMETERS, mel_bands=bands.pop())
    return LogMelStore(path, parameters, runs, skipped, frames=frames)
