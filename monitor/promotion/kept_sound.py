"""The sound of a source that is kept: clips of its events, and normal sound that may be mixed with other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from monitor.errors import AudioFileError
from monitor.messages import read_only
from monitor.promotion.listener import Sound
from monitor.recording.folder import INDEX
from monitor.recording.learn_folder import RECORDINGS
from monitor.sources.file import Recording
from monitor.store import Store, StoredClip
from monitor.store.files import FOLDERS
from monitor.store.protection import protection_from_text

CLIPS_MAX = 3
"""Of each event so many clips are scored: an event that lasts sounds alike after that."""
NORMAL_ASKED = 16
"""So many stretches of normal sound are looked at: before an event its beginning may be heard already."""
NORMAL_S = 6.0
"""No longer each."""
LEAST_S = 2.5
"""No shorter: a window of the default front end lasts 2.05 s."""
EVENTS_ASKED = 60
"""So many of the newest events are asked for the normal sound before them."""


@dataclass(frozen=True, slots=True)
class NormalSound:
    """A stretch of a file in which the machine is heard as it should be."""

    key: str
    """Names it for good."""
    path: Path
    """Of the file."""
    start_s: float
    """From here, in the file."""
    end_s: float
    """To here."""

    def sound(self) -> Sound | None:
        """Return the samples; None: the file is gone."""
        return _read(self.path, self.start_s, self.end_s, 0.0, 0.0)


def whole_clips(store: Store, event_id: str) -> list[StoredClip]:
    """Return an event's first CLIPS_MAX clips that are there and as they were heard.

    Raises:
        StoreError: The store cannot be read.
    """
    return [clip for clip in store.clips(event_id) if clip.gone is None and _is_whole(clip)][:CLIPS_MAX]


def sound_of_clip(state_dir: Path, clip: StoredClip) -> Sound | None:
    """Return the sound of a clip; None: the file is gone, or damaged."""
    path = _path_of(state_dir, clip)
    return None if path is None else _read(path, 0.0, clip.duration_s, clip.start_s, clip.start_utc_s)


def normal_sound(store: Store, source_id: str) -> list[NormalSound]:
    """Return up to NORMAL_ASKED stretches of a machine's normal sound, the newest first.

    The moments before events, in which nothing else went on; then what `wheeltapper learn` had recorded and
    no model has learned from.

    Raises:
        StoreError: The store cannot be read.
    """
    found = list(_before_events(store, source_id))
    found += _recorded(store.state_dir / "learn" / source_id / RECORDINGS)
    return found[:NORMAL_ASKED]


def _before_events(store: Store, source_id: str) -> Iterator[NormalSound]:
    events = store.events(EVENTS_ASKED + 1, source_id=source_id)
    for i, event in enumerate(events[:EVENTS_ASKED]):
        before = events[i + 1] if i + 1 < len(events) else None
        clips = whole_clips(store, event.event_id)[:1]
        path = _path_of(store.state_dir, clips[0]) if clips else None
        if path is None or (before is not None and before.end_utc_s is None):
            continue
        (clip,) = clips
        start_s = 0.0 if before is None else max(0.0, (before.end_utc_s or 0.0) - clip.start_utc_s)
        end_s = min(event.start_utc_s - clip.start_utc_s, clip.duration_s)
        if end_s - start_s >= LEAST_S:
            start_s = max(start_s, end_s - NORMAL_S)
            yield NormalSound(f"normal {clip.clip_id} {start_s:.3f}", path, start_s, end_s)


def _recorded(folder: Path) -> Iterator[NormalSound]:
    try:
        with (folder / INDEX).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("role") == "calibrate"]
    except OSError:
        return
    for row in reversed(rows):
        name = row.get("file") or ""
        if name and PurePosixPath(name).name == name:
            yield NormalSound(f"recorded {name}", folder / name, 0.0, NORMAL_S)


def _is_whole(clip: StoredClip) -> bool:
    treated = protection_from_text(clip.protection)
    return not (treated.spoken or treated.band_hz or treated.stop_hz)


def _path_of(state_dir: Path, clip: StoredClip) -> Path | None:
    parts = PurePosixPath(clip.path).parts
    if not parts or parts[0] not in FOLDERS or ".." in parts:
        return None
    path = state_dir / clip.path
    return path if path.is_file() else None


def _read(path: Path, start_s: float, end_s: float, stream_s: float, utc_s: float) -> Sound | None:
    try:
        recording = Recording(path)
        try:
            rate_hz = recording.sample_rate_hz
            samples = recording.next_samples(round(end_s * rate_hz))[round(start_s * rate_hz) :]
        finally:
            recording.close()
    except AudioFileError:
        return None
    return Sound(read_only(samples), rate_hz, stream_s, utc_s) if len(samples) else None
