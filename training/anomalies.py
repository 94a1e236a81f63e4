"""Labelled anomalies: which stretches of which files, and windows of them to learn from.

A PATH is a folder of sound files, a sound file, or an index.csv whose rows with label `anomaly` count, with
`onset_s` and `offset_s` where the anomaly is only a stretch of the file. They serve training and nothing
else: what is found of them later says nothing about what will be found of others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from monitor.frontend import FrontendParameters
from monitor.messages import Float32
from monitor.sources.file import Recording as SoundFile
from monitor.sources.paced import Sound
from training.data import LogMelStore, store_logmel, thinned
from training.errors import NoSoundError, TrainingError
from training.sound import Recording, files_of_path, index_of_path, recording_of_file, rows_of_index

ANOMALY = "anomaly"
HOP_FRAMES = 4
"""From one window to the next: an anomaly is learned at many places in the window."""
WINDOWS_MAX = 4096
"""Of all anomalies together; more are thinned evenly. 134 MB at 128 x 64."""
OVERLAP_S = 0.5
"""A window holds at least so much of the anomaly, or half of it if it is shorter than a second."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A labelled anomaly."""

    file: Path
    """The sound file."""
    onset_s: float | None = None
    """From here; None from the beginning of the file."""
    offset_s: float | None = None
    """To here; None to its end."""

    @property
    def name(self) -> str:
        """The file, with the times where there are any: `pump.flac 12.5-14.0 s`."""
        if self.onset_s is None or self.offset_s is None:
            return str(self.file)
        return f"{self.file} {self.onset_s:g}-{self.offset_s:g} s"


class Excerpt:
    """The part of a sound file in which any window holds some of the anomaly."""

    def __init__(self, path: Path, start_s: float, end_s: float) -> None:
        self._sound: Sound = SoundFile(path)
        self.device = self._sound.device
        self.sample_rate_hz = self._sound.sample_rate_hz
        self._skip = max(0, round(start_s * self.sample_rate_hz))
        self._left = max(0, round(end_s * self.sample_rate_hz) - self._skip)

    def next_samples(self, count: int) -> Float32:
        """Return the next samples, fewer than `count` only at the end."""
        while self._skip:
            skipped = len(self._sound.next_samples(min(self._skip, self.sample_rate_hz)))
            self._skip = self._skip - skipped if skipped else 0
        samples = self._sound.next_samples(min(count, self._left))
        self._left -= len(samples)
        return samples

    def close(self) -> None:
        """Close the file."""
        self._sound.close()


def gather_anomalies(paths: Iterable[Path]) -> list[Stretch]:
    """Return the labelled anomalies of all paths, each once.

    Raises:
        NoSoundError: A path holds none.
        TrainingError: A path or an index cannot be read, or a stretch ends before it begins.
    """
    found: dict[Stretch, None] = {}
    for path in paths:
        index = index_of_path(path)
        if index is None:
            stretches = [Stretch(file.resolve()) for file in files_of_path(path)]
        else:
            stretches = list(_of_index(index))
        if not stretches:
            raise NoSoundError(f"{index}: no row has label {ANOMALY}; label some, or leave --anomalies out")
        found |= dict.fromkeys(stretches)
    return list(found)


def _of_index(index: Path) -> Iterator[Stretch]:
    for row in rows_of_index(index):
        if row.get("label") != ANOMALY:
            continue
        file = (index.parent / row["file"]).resolve()
        times = row.get("onset_s", ""), row.get("offset_s", "")
        if times == ("", ""):
            yield Stretch(file)
            continue
        try:
            onset_s, offset_s = map(float, times)
        except ValueError as error:
            raise TrainingError(
                f"{index}: {row['file']} has onset_s {times[0]!r} and offset_s {times[1]!r}; give seconds "
                "for both, or leave both empty"
            ) from error
        if not 0 <= onset_s < offset_s < math.inf:
            raise TrainingError(f"{index}: {row['file']} lasts from {onset_s} to {offset_s} s; correct it")
        yield Stretch(file, onset_s, offset_s)


def refuse_shared(stretches: Iterable[Stretch], normal: Collection[Path]) -> None:
    """Refuse anomalies in files that are given as normal sound, by their resolved paths.

    Raises:
        TrainingError: There are some.
    """
    if both := sorted({stretch.file for stretch in stretches} & set(normal)):
        raise TrainingError(
            f"{both[0]} ({len(both)} in all) is given as normal sound and to --anomalies; leave it out of one"
        )


def recording_of_stretch(stretch: Stretch, *, window_s: float) -> Recording:
    """Return the sound of an anomaly with so much on both sides that each window still holds some of it."""
    if stretch.onset_s is None or stretch.offset_s is None:
        return recording_of_file(stretch.file, stretch.name)
    margin_s = max(0.0, window_s - min(OVERLAP_S, 0.5 * (stretch.offset_s - stretch.onset_s)))
    start_s, end_s = max(0.0, stretch.onset_s - margin_s), stretch.offset_s + margin_s
    return Recording(stretch.name, partial(Excerpt, stretch.file, start_s, end_s))


def store_anomalies(
    path: Path, stretches: Iterable[Stretch], parameters: FrontendParameters, *, frames: int = 64
) -> LogMelStore:
    """Compute the log-mel of anomalies into the file `path`; any window of the store holds some of one.

    Raises:
        NoSoundError: Not one of them gave a window.
    """
    window_s = parameters.samples_of_frames(frames) / parameters.sample_rate_hz
    recordings = [recording_of_stretch(stretch, window_s=window_s) for stretch in stretches]
    return store_logmel(path, recordings, parameters, frames=frames, title="anomalies")


def windows_of_anomalies(store: LogMelStore) -> Float32:
    """Return windows all over a store of anomalies, log10, shape (n, mel, frames), at most WINDOWS_MAX."""
    starts = store.window_starts(hop_frames=HOP_FRAMES)
    return store.windows(thinned(starts, WINDOWS_MAX))
