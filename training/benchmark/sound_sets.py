"""One set of streams: its log-mel, who serves what, and what it is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.data import FRAMES, LogMelStore
from training.features import gather_clips
from training.gather import LEAST_WINDOWS, Material, gather, split_of
from training.split import SCORING_HOP_FRAMES, Split


@dataclass(frozen=True, slots=True)
class SoundSet:
    """Normal sound to train and calibrate with; all methods and seeds share it."""

    store: LogMelStore
    calibrating: tuple[str, ...]
    """Recordings that only set the alarm limit."""

    @property
    def no_limit_because(self) -> str:
        """Why no alarm limit can be set; empty where one can."""
        starts = self.store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings=self.calibrating)
        least = LEAST_WINDOWS["calibration"]
        if len(starts) >= least:
            return ""
        return f"calibrate has {len(starts)} windows, an honest limit needs {least}"

    def split(self, seed: int) -> Split:
        """Return who serves what, as `wheeltapper train` deals it: with --no-calibration where it must."""
        without = bool(self.no_limit_because)
        return split_of(self.store, self.calibrating, seed=seed, no_calibration=without)


def sound_set_of_streams(streams: Path, logmel: Path, *, frames: int = FRAMES) -> SoundSet:
    """Compute the log-mel of a set's roles train and calibrate into the file `logmel`."""
    return _sound_set(gather([streams / "train"], [streams / "calibrate"]), logmel, frames)


def sound_set_of_clips(clips: Path, logmel: Path, *, frames: int = FRAMES) -> SoundSet:
    """Write the normal clips of an .npz with these roles into the file `logmel`."""
    return _sound_set(gather_clips([clips]), logmel, frames)


def _sound_set(material: Material, logmel: Path, frames: int) -> SoundSet:
    store = material.stored(logmel, frames=frames)
    return SoundSet(store, tuple(name for name in store.recordings if name in material.calibrating))


def files_to_score(streams: Path) -> list[Path]:
    """Return the files that are scored, in the order of their names."""
    return sorted((streams / "test").glob("*.flac"))
