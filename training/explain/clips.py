"""Ten seconds of log-mel around each event, and some without any: what is explained at one time.

As long as the paper's clips, but cut into the windows that the model hears, one after the other, with no
frame heard twice and none left out. Where in its clip an event lies is drawn by lot: its place says nothing.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.runtime import Float32
from monitor.config import InputQualityConfig, WindowConfig
from monitor.errors import SourceError
from monitor.frontend import StreamFrontend
from monitor.listening import Ear, open_checked_bundle, open_ear
from monitor.messages import Quality
from training.errors import NoSoundError
from training.evaluation.scored_windows import GUARD_S
from training.evaluation.truth import Event, Events, LabelledFile
from training.sound import windows_of_file

CLIP_S = 10.0
"""About: whole windows."""
LEAST_OF_EVENT_S = 0.1
"""A clip in which less of its event lies is not taken."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a file, all of whose windows could be judged."""

    file: str
    """As the truth names it."""
    start_s: float
    """Seconds into the file."""
    logmel: Float32
    """Shape (mel, frames), log10; frames are whole windows of the model."""
    anomalous: bool
    """Whether it was cut around an event."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What files gave."""

    clips: tuple[Clip, ...]
    """In the order of the files, and of time."""
    unreadable: Mapping[str, str]
    """What was wrong with files that could not be read, or not to their end."""


@dataclass(frozen=True, slots=True)
class Cutter:
    """How files are heard and cut for one bundle."""

    ear: Ear
    """With windows that follow each other."""
    windows: int
    """Of a clip."""
    seed: int = 1_986
    """Of all places that are drawn."""
    channel: int = 1
    """Of the files, from 1."""

    @property
    def hop_s(self) -> float:
        """From one frame to the next."""
        return self.ear.grid.frame_hop_samples / self.ear.grid.sample_rate_hz

    @property
    def window_frames(self) -> int:
        """Frames that the model hears at once."""
        return self.ear.bundle.manifest.frames

    @property
    def clip_s(self) -> float:
        """How long a clip is."""
        return self.windows * self.window_frames * self.hop_s


def cutter_of_bundle(folder: Path, *, channel: int = 1, seed: int = 1_986) -> Cutter:
    """Return what cuts files for the bundle in `folder`; raises what opening it raises."""
    frames = open_checked_bundle(folder).manifest.frames
    ear = open_ear(folder, WindowConfig(hop_frames=frames), InputQualityConfig())
    return Cutter(ear, max(1, round(CLIP_S / ear.hop_s)), seed, channel)


def clips_around_events(files: Sequence[LabelledFile], events: Events, cutter: Cutter) -> Cut:
    """Return a clip around each event, none overlapping, and from each file one without any if it has room.

    An event that begins in the clip of the one before it is in that one. A file that cannot be read is named,
    and stops nothing.

    Raises:
        NoSoundError: Not one clip could be cut.
    """

    def chosen(file: LabelledFile, heard: Sequence[_Heard]) -> list[Clip]:
        draw = np.random.default_rng([cutter.seed, zlib.crc32(file.name.encode())])
        of_file = sorted(events.get(file.name, ()), key=lambda event: event.onset_s)
        places = _places(heard, cutter)
        taken = _around(places, of_file, cutter, draw)
        spare = [
            k
            for k in places
            if _is_clear(places[k], of_file, cutter.clip_s)
            and all(abs(k - other) >= cutter.windows for other in taken)
        ]
        normal = [int(draw.choice(spare))] if spare else []
        return [_clip(file.name, heard, k, cutter, anomalous=k in taken) for k in sorted([*taken, *normal])]

    return _cut(files, cutter, chosen)


def most_unusual_clips(
    files: Sequence[LabelledFile], cutter: Cutter, score: Callable[[Float32], Float32], count: int
) -> Cut:
    """Return the `count` clips with the highest window by `score`, of files of which nothing is known.

    Raises:
        NoSoundError: Not one clip could be cut.
    """

    def chosen(file: LabelledFile, heard: Sequence[_Heard]) -> list[Clip]:
        places = _places(heard, cutter)
        tiled = [k for k in places if k % cutter.windows == 0] or list(places)[:1]
        return [_clip(file.name, heard, k, cutter, anomalous=True) for k in tiled]

    cut = _cut(files, cutter, chosen)
    highest = [float(score(windows_of_clip(clip, cutter.window_frames)).max()) for clip in cut.clips]
    kept = sorted(np.argsort([-value for value in highest], kind="stable")[:count].tolist())
    return Cut(tuple(cut.clips[i] for i in kept), cut.unreadable)


def thinned_clips(clips: Sequence[Clip], anomalous: int, normal: int, seed: int) -> list[Clip]:
    """Return at most so many clips of each, drawn by lot, in their order."""
    draw = np.random.default_rng(seed)
    kept: set[int] = set()
    for wanted, most in ((True, anomalous), (False, normal)):
        at = [i for i, clip in enumerate(clips) if clip.anomalous == wanted]
        kept |= {at[i] for i in draw.permutation(len(at))[:most]}
    return [clips[i] for i in sorted(kept)]


def windows_of_clip(clip: Clip, window_frames: int) -> Float32:
    """Return the windows of a clip, shape (windows, mel, window_frames)."""
    mel, frames = clip.logmel.shape
    parts = clip.logmel.reshape(mel, frames // window_frames, window_frames)
    return np.ascontiguousarray(parts.swapaxes(0, 1))


@dataclass(frozen=True, slots=True)
class _Heard:
    start_s: float
    logmel: Float32 | None
    """None where the input cannot be judged."""


def _cut(
    files: Iterable[LabelledFile],
    cutter: Cutter,
    chosen: Callable[[LabelledFile, Sequence[_Heard]], list[Clip]],
) -> Cut:
    clips: list[Clip] = []
    unreadable: dict[str, str] = {}
    for file in files:
        heard: list[_Heard] = []
        try:
            _hear(file.path, cutter, heard)
        except SourceError as error:
            unreadable[file.name] = str(error)
        clips += chosen(file, heard)
    if not clips:
        raise NoSoundError(
            f"no clip of {cutter.clip_s:.1f} s of good input in the files; give longer or other ones"
            + "".join(f"; {why}" for why in list(unreadable.values())[:3])
        )
    return Cut(tuple(clips), unreadable)


def _hear(path: Path, cutter: Cutter, heard: list[_Heard]) -> None:
    """Add a file's windows to `heard`, also those before a damage."""
    frontend = StreamFrontend(cutter.ear.frontend)
    for window in windows_of_file(path, cutter.ear, channel=cutter.channel):
        good = window.span.quality is Quality.OK
        values = frontend.logmel_from_window(window).values if good else None
        heard.append(_Heard(window.span.start_s, values))


def _places(heard: Sequence[_Heard], cutter: Cutter) -> dict[int, float]:
    """Return which windows a clip can begin with, and when each begins."""
    whole_s = (cutter.windows - 1) * cutter.ear.hop_s
    return {
        k: heard[k].start_s
        for k in range(len(heard) - cutter.windows + 1)
        if all(window.logmel is not None for window in heard[k : k + cutter.windows])
        and abs(heard[k + cutter.windows - 1].start_s - heard[k].start_s - whole_s) < cutter.hop_s / 2
    }


def _around(
    places: Mapping[int, float], events: Sequence[Event], cutter: Cutter, draw: np.random.Generator
) -> list[int]:
    """Return the first windows of clips, each by lot among those that hold most of its event."""
    taken: list[int] = []
    for event in events:
        free = [k for k in places if not taken or k >= taken[-1] + cutter.windows]
        held = {
            k: min(event.offset_s, places[k] + cutter.clip_s) - max(event.onset_s, places[k]) for k in free
        }
        most = max(held.values(), default=0.0)
        covered = bool(taken) and event.onset_s < places[taken[-1]] + cutter.clip_s
        if most >= LEAST_OF_EVENT_S and not covered:
            taken.append(int(draw.choice([k for k in free if held[k] > most - cutter.hop_s])))
    return taken


def _is_clear(start_s: float, events: Sequence[Event], clip_s: float) -> bool:
    return all(
        event.onset_s - GUARD_S >= start_s + clip_s
        or (math.isfinite(event.offset_s) and event.offset_s + GUARD_S <= start_s)
        for event in events
    )


def _clip(file: str, heard: Sequence[_Heard], first: int, cutter: Cutter, *, anomalous: bool) -> Clip:
    windows = [window.logmel for window in heard[first : first + cutter.windows] if window.logmel is not None]
    return Clip(file, heard[first].start_s, np.concatenate(windows, axis=1), anomalous)
