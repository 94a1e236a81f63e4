"""Hears sound files, each once: what is measured of one is kept, and a look through hours survives a stop.

    PLACE/DIGEST.npz    of one file, by its place, size and time of change, and by how it is heard

About 17 kB a minute of sound. What is kept of files that are looked through no more is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from monitor.config import FileSource
from monitor.errors import SpeechCheckError
from monitor.listening import BlockWindows, Ear
from monitor.messages import Float32, Quality
from monitor.privacy.speech import SpeechDetector
from monitor.recording.features import FEATURES, features_of_logmel
from monitor.recording.quality_meter import QualityMeter
from monitor.recording.sound_meter import Facts, SoundMeasures
from monitor.recording.speech_share import SPEECH
from monitor.recording.variety import Float64, MinuteSums, VarietyMeter, mean_db
from monitor.sources import open_sources
from monitor.store.files import disk_errors, write_whole

FORM = 1
"""Of what is kept: other software's is not read."""
ENDING = ".npz"
READ_TIMEOUT_S = 1.0
TELL_EVERY_S = 60.0
"""Of a long file how far it is is told after so much sound."""

Told = Callable[[float], None]
"""Is given how many more seconds of sound were heard."""


@dataclass(frozen=True, slots=True)
class HeardFile:
    """What was measured of one file: enough to judge many together."""

    path: Path
    """The file."""
    facts: Facts
    """Of all of it, by QualityMeter.facts."""
    minutes: Float64
    """Shape (k, mel): sums of the mean log-mels of good windows in a row, as VarietyMeter takes them."""
    counts: Float64
    """Shape (k,): of how many windows each."""
    starts_s: Float64
    """Shape (n,): where each good window begins."""
    features: Float32
    """Shape (n, FEATURES)."""


def heard_files(
    paths: Sequence[Path], ear: Ear, place: Path | None = None, told: Told | None = None
) -> list[HeardFile]:
    """Return what is heard in these files; what is kept at `place` is not heard again. None: nothing is kept.

    Raises:
        AudioFileError: A file cannot be read.
        StoreError: The disk refuses.
    """
    tell = told or _nobody
    names = {path: _name(path, ear) for path in paths}
    known = {} if place is None else _kept(place, names)
    tell(sum(_seconds(one, ear) for one in known.values()))
    listener = _Listener(ear, tell)
    heard = []
    for path in paths:
        one = known.get(path) or listener.hear(path)
        heard.append(one)
        if place is not None and path not in known and SPEECH in one.facts:
            write_whole(place / names[path], _packed(one), below=place.parent)
    if place is not None:
        _remove_others(place, frozenset(names.values()))
    return heard


def measures_of_heard(heard: Sequence[HeardFile], ear: Ear) -> SoundMeasures:
    """Return the measures of these files, as if they were one recording."""
    meter = QualityMeter(ear)
    for one in heard:
        counts = one.counts.astype(int).tolist()
        meter.take(one.facts, list(zip(one.minutes, counts, strict=True)))
    return meter.measures()


def how_heard(ear: Ear) -> tuple[object, ...]:
    """Return what decides what is measured of a sound: other limits make other windows good."""
    return (FORM, list(Quality), ear.frontend.parameters.digest, ear.grid, ear.limits)


class _Listener:
    """Hears files as the daemon does, one after the other."""

    def __init__(self, ear: Ear, tell: Told) -> None:
        self._ear, self._tell = ear, tell
        self._detector: SpeechDetector | None = None
        with contextlib.suppress(SpeechCheckError):  # the meters say why nobody looks
            self._detector = SpeechDetector()
        self._per_minute = VarietyMeter(ear.hop_s).per_minute

    def hear(self, path: Path) -> HeardFile:
        ear, meter = self._ear, QualityMeter(self._ear, self._detector)
        windows = BlockWindows("file", ear)
        starts_s: list[float] = []
        features: list[Float32] = []
        sums = MinuteSums(self._per_minute)
        untold_s = 0.0
        (source,) = open_sources([FileSource(id="file", kind="file", path=path, pace="fast")])
        try:
            while not source.finished:
                for block in source.read(READ_TIMEOUT_S):
                    untold_s += len(block.samples) / block.sample_rate_hz
                    for window, logmel in meter.add(block, windows.add(block)):
                        starts_s.append(window.span.first_sample / ear.grid.sample_rate_hz)
                        features.append(features_of_logmel(logmel))
                        sums.add(mean_db(logmel))
                if untold_s >= TELL_EVERY_S:
                    self._tell(untold_s)
                    untold_s = 0.0
        finally:
            source.close()
        meter.add_tail(windows.finish())
        if untold_s:
            self._tell(untold_s)
        mel, minutes = ear.frontend.parameters.mel_bands, sums.taken()
        return HeardFile(
            path=path,
            facts=meter.facts(),
            minutes=np.array([total for total, _ in minutes], np.float64).reshape(-1, mel),
            counts=np.array([count for _, count in minutes], np.float64),
            starts_s=np.array(starts_s, np.float64),
            features=np.array(features, np.float32).reshape(-1, FEATURES),
        )


def _nobody(_seconds: float) -> None:
    pass


def _name(path: Path, ear: Ear) -> str:
    """Return what names a file and how it is heard."""
    with disk_errors(path):
        now = path.stat()
    described = repr((str(path.resolve()), now.st_size, now.st_mtime_ns, how_heard(ear)))
    return hashlib.sha256(described.encode()).hexdigest()[:24] + ENDING


def _kept(place: Path, names: dict[Path, str]) -> dict[Path, HeardFile]:
    found = ((path, _unpacked(path, place / name)) for path, name in names.items())
    return {path: one for path, one in found if one is not None}


def _packed(one: HeardFile) -> bytes:
    content, save = io.BytesIO(), cast("Callable[..., None]", np.savez)
    own = {"minutes": one.minutes, "counts": one.counts, "starts_s": one.starts_s, "features": one.features}
    save(content, **own, **{f"fact_{name}": value for name, value in one.facts.items()})
    return content.getvalue()


def _unpacked(path: Path, file: Path) -> HeardFile | None:
    """Return what is kept of a file; None: nothing that can be read."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            facts = {
                name.removeprefix("fact_"): kept[name] for name in kept.files if name.startswith("fact_")
            }
            own = (kept["minutes"], kept["counts"], kept["starts_s"], kept["features"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return HeardFile(path, facts, *own)


def _seconds(one: HeardFile, ear: Ear) -> float:
    """Return about how long a file is that was heard before."""
    return float(one.facts["qualities"].sum()) * ear.hop_s


def _remove_others(place: Path, names: frozenset[str]) -> None:
    for path in place.glob(f"*{ENDING}*"):
        if path.name not in names:
            with disk_errors(path):
                path.unlink(missing_ok=True)
