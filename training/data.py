"""Log-mel of many recordings, on disk, and windows of it: hours of sound in bounded memory.

    recording -> blocks -> resampler -> segments with a quality -> log-mel -> one flat file -> windows

Every step is the daemon's own (monitor.resample, monitor.window, monitor.frontend), so that a window in
training equals the one the daemon would see, to the bit. Segments whose input is bad are left out. A
recording that cannot be used never stops a run: it is skipped, counted and named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from monitor.config import InputQualityConfig, WindowConfig
from monitor.errors import FrontendError, SourceError
from monitor.frontend import Frontend, FrontendParameters, StreamFrontend
from monitor.listening import quality_limits, window_grid
from monitor.messages import Float32, Quality, Window
from monitor.resample import Resampler
from monitor.window import Windower
from training.errors import NoSoundError, TrainingError
from training.sound import Recording, blocks_of_recording

FRAMES = 64
"""Of a window, where nothing else is asked for: two seconds at the default front end."""
SEGMENT_FRAMES = 16
"""Sound is judged, and kept or left out, in pieces of this many frames (half a second)."""
STATISTICS_FRAMES = 8192
"""How many frames are in memory at once while mean and deviation are computed."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive frames of one recording, without a gap."""

    recording: str
    """Name of the recording."""
    first: int
    """Row of the file."""
    end: int
    """Row after the last."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recording that was not used, and why."""

    recording: str
    """Name of the recording."""
    reason: str
    """For a person: what was wrong with it."""


class LogMelStore:
    """The log-mel of recordings in one file, shape (frames, mel); only what is asked for is in memory."""

    def __init__(
        self,
        path: Path,
        parameters: FrontendParameters,
        runs: Sequence[Run],
        skipped: Sequence[Skipped],
        *,
        frames: int,
    ) -> None:
        self.parameters = parameters
        self.runs = tuple(runs)
        self.skipped = tuple(skipped)
        self.frames = frames
        """Frames of a window."""
        self._rows: Float32 = np.memmap(path, np.float32, "r").reshape(-1, parameters.mel_bands)

    @property
    def recordings(self) -> tuple[str, ...]:
        """Names of the recordings that gave at least one window, in the order they came."""
        return tuple(dict.fromkeys(run.recording for run in self.runs))

    @property
    def seconds(self) -> float:
        """How much sound is stored."""
        return sum(run.end - run.first for run in self.runs) * self.parameters.hop_s

    def window_starts(
        self, *, hop_frames: int, phase: int = 0, recordings: Collection[str] | None = None
    ) -> NDArray[np.int64]:
        """Return where windows begin: every `hop_frames` from `phase` on in each run of `recordings`.

        A run with room for less than a phase begins at the rest of it, so that each gives a window.
        """
        starts = []
        for run in self.runs:
            if recordings is None or run.recording in recordings:
                end = run.end - self.frames + 1
                starts.append(
                    np.arange(run.first + phase % (end - run.first), end, hop_frames, dtype=np.int64)
                )
        return np.concatenate(starts) if starts else np.zeros(0, np.int64)

    def windows(self, starts: NDArray[np.int64]) -> Float32:
        """Return shape (n, mel, frames), log10, as the daemon's front end gives them."""
        rows = starts[:, None] + np.arange(self.frames)
        return np.ascontiguousarray(self._rows[rows].transpose(0, 2, 1))

    def batches(self, starts: NDArray[np.int64], count: int) -> Iterator[Float32]:
        """Yield the windows in order, `count` at a time, each batch of shape (n, mel, frames)."""
        for first in range(0, len(starts), count):
            yield self.windows(starts[first : first + count])

    def band_statistics(self, recordings: Collection[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation of each mel band over all frames, each of shape (mel,)."""
        count, total, squares = 0, np.zeros(self.parameters.mel_bands), np.zeros(self.parameters.mel_bands)
        for run in self.runs:
            if run.recording not in recordings:
                continue
            for first in range(run.first, run.end, STATISTICS_FRAMES):
                rows = self._rows[first : min(first + STATISTICS_FRAMES, run.end)].astype(np.float64)
                count, total, squares = count + len(rows), total + rows.sum(0), squares + (rows**2).sum(0)
        if count == 0:
            raise NoSoundError("no frame to take statistics of; name recordings that are in the store")
        mean = total / count
        return mean, np.sqrt(np.maximum(squares / count - mean**2, 0.0))


def thinned(starts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most `most` of them, spread evenly from first to last; all where there are no more."""
    kept: NDArray[np.int64] = starts[np.linspace(0, len(starts) - 1, min(most, len(starts))).astype(int)]
    return kept


def store_logmel(
    path: Path,
    recordings: Sequence[Recording],
    parameters: FrontendParameters,
    *,
    frames: int = FRAMES,
    title: str = "sound",
) -> LogMelStore:
    """Compute the log-mel of recordings into the file `path` and return it as a store.

    Raises:
        NoSoundError: Not one recording gave a window; the text names some with their reasons.
        TrainingError: Two recordings have the same name.
    """
    names = [recording.name for recording in recordings]
    if len(set(names)) != len(names):
        raise TrainingError("two recordings have the same name; splits go by name, so rename one")
    frontend = Frontend(parameters)
    runs: list[Run] = []
    skipped: list[Skipped] = []
    with path.open("wb") as file:
        for recording in tqdm(recordings, desc=title, unit="recording", disable=None):
            try:
                found = _append_recording(file, recording, frontend)
            except (SourceError, FrontendError) as error:
                skipped.append(Skipped(recording.name, str(error)))
                continue
            long_enough = [run for run in found if run.end - run.first >= frames]
            if not long_enough:
                skipped.append(Skipped(recording.name, f"no {frames} frames of good input in a row"))
            runs += long_enough
    if not runs:
        reasons = "; ".join(f"{item.recording}: {item.reason}" for item in skipped[:3])
        raise NoSoundError(
            f"none of {len(recordings)} recordings can be used ({reasons}); give others, each at least "
            f"{parameters.samples_of_frames(frames) / parameters.sample_rate_hz:.1f} s long"
        )
    return LogMelStore(path, parameters, runs, skipped, frames=frames)


def _append_recording(file: BinaryIO, recording: Recording, frontend: Frontend) -> list[Run]:
    """Write a recording's good frames to the end of `file` and return where they lie."""
    runs: list[Run] = []
    row_bytes = 4 * frontend.parameters.mel_bands
    stream = StreamFrontend(frontend)
    unbroken = False
    for window in _segments(recording, frontend.parameters):
        if window.span.quality is not Quality.OK:
            unbroken = False
            continue
        first = file.tell() // row_bytes
        file.write(np.ascontiguousarray(stream.logmel_from_window(window).values.T).tobytes())
        if unbroken:
            first = runs.pop().first
        runs.append(Run(recording.name, first, file.tell() // row_bytes))
        unbroken = True
    return runs


def _segments(recording: Recording, parameters: FrontendParameters) -> Iterator[Window]:
    """Yield windows of SEGMENT_FRAMES that share no frame and leave none out; the last half second may go."""
    grid = window_grid(parameters, frames=SEGMENT_FRAMES, window=WindowConfig(hop_frames=SEGMENT_FRAMES))
    limits = quality_limits(InputQualityConfig(), parameters.sample_rate_hz)
    windower = Windower("training", grid, limits)
    resampler: Resampler | None = None
    for block in blocks_of_recording(recording):
        if resampler is None:
            resampler = Resampler(block.sample_rate_hz, parameters.sample_rate_hz)
        for resampled in resampler.add(block):
            yield from windower.add(resampled)
    for resampled in resampler.flush() if resampler is not None else ():
        yield from windower.add(resampled)


def split_by_recording(
    recordings: Sequence[str], *, validation_share: float, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (training, validation) names; never parts of one recording in both.

    Raises:
        TrainingError: There are fewer than two recordings.
    """
    if len(recordings) < 2:
        raise TrainingError(
            f"{len(recordings)} recording cannot be split; give at least two, so that early stopping is "
            "judged on sound that was not trained on"
        )
    order = np.random.default_rng(seed).permutation(len(recordings))
    held = min(max(1, round(validation_share * len(recordings))), len(recordings) - 1)
    validation = {recordings[i] for i in order[:held]}
    return (
        tuple(name for name in recordings if name not in validation),
        tuple(name for name in recordings if name in validation),
    )
