"""What a clip's windows said, on one time axis with its sound: column x is [x, x + 1) * seconds_per_px.

Windows overlap: where they do, a column holds the mean of all that cover it. The log-mel of sound that no
window covers is computed from the clip, if the front end is known; the error there is not known.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from monitor.errors import StoreError
from monitor.messages import Float32
from monitor.replay.kept.columns import Columns
from monitor.store import StoredClip, StoredWindow

ARRAYS = ("error_map", "reconstruction", "logmel")
SAME_STREAM_S = 2.0
"""After a restart stream time begins anew: clocks that disagree by more belong to another stream."""


@dataclass(frozen=True, slots=True)
class WindowMaps:
    """A kept window with its arrays."""

    window: StoredWindow
    """Its row."""
    error_map: Float32
    """Shape (mel, frames), >= 0, squared error in standardised units."""
    reconstruction: Float32
    """Shape (mel, frames), log10 power."""
    logmel: Float32
    """Shape (mel, frames), log10 power."""

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return (self.window.end_s - self.window.start_s) / int(self.logmel.shape[1])


@dataclass(frozen=True, slots=True)
class ColumnMaps:
    """The windows' maps on the columns of a clip; NaN where no window lies."""

    error_map: Float32
    """Shape (mel, columns), the mean of the windows there."""
    reconstruction: Float32
    """Shape (mel, columns), the mean of the windows there."""
    logmel: Float32
    """Shape (mel, columns), as the model was given it."""
    profile: Float32
    """Shape (columns,), the mean error over the mel bands, of the worst frame of each column."""


def maps_of_window(window: StoredWindow, file: BinaryIO) -> WindowMaps:
    """Read a window's file.

    Raises:
        StoreError: It is damaged.
    """
    return WindowMaps(window, **_arrays_of_window(window, file, ARRAYS))


def error_map_of_window(window: StoredWindow, file: BinaryIO) -> Float32:
    """Read only the error map of a window's file, shape (mel, frames).

    Raises:
        StoreError: It is damaged.
    """
    return _arrays_of_window(window, file, ARRAYS[:1])[ARRAYS[0]]


def _arrays_of_window(window: StoredWindow, file: BinaryIO, names: Sequence[str]) -> dict[str, Float32]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            values = {name: np.asarray(arrays[name], np.float32) for name in names}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"the maps of window {window.window_id} cannot be read ({error})") from error
    shapes = {array.shape for array in values.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or 0 in shape:
        raise StoreError(f"the maps of window {window.window_id} have impossible shapes; the file is damaged")
    return values


def windows_in_clip(clip: StoredClip, windows: Sequence[StoredWindow]) -> list[StoredWindow]:
    """Return the windows that lie in a clip, wholly or partly, in its own stream."""
    return [
        window
        for window in windows
        if window.end_s > clip.start_s
        and window.start_s < clip.start_s + clip.duration_s
        and abs((window.start_utc_s - window.start_s) - (clip.start_utc_s - clip.start_s)) < SAME_STREAM_S
    ]


def of_one_model(found: Sequence[WindowMaps]) -> list[WindowMaps]:
    """Return the windows of the bundle that answered most often: two models' maps have no common scale."""
    if not found:
        return []
    kinds = Counter((item.window.bundle_id, item.logmel.shape[0], round(item.frame_s, 6)) for item in found)
    ((kind, _),) = kinds.most_common(1)
    return [
        item
        for item in found
        if (item.window.bundle_id, item.logmel.shape[0], round(item.frame_s, 6)) == kind
    ]


def maps_of_clip(clip: StoredClip, found: Sequence[WindowMaps], columns: Columns) -> ColumnMaps:
    """Put the maps of windows of one model, at least one, on the columns of a clip.

    A frame goes to the place that holds its middle: it is off by half a frame at most.
    """
    error_map = _placed(clip, found, columns, "error_map")
    return ColumnMaps(
        profile=columns.reduced(error_map.mean(axis=0), np.max),
        error_map=columns.reduced(error_map, np.max),
        reconstruction=columns.reduced(_placed(clip, found, columns, "reconstruction"), np.mean),
        logmel=columns.reduced(_placed(clip, found, columns, "logmel"), np.mean),
    )


def _placed(clip: StoredClip, found: Sequence[WindowMaps], columns: Columns, name: str) -> Float32:
    """Return the mean of one array of all windows at each frame of the clip, shape (mel, frames)."""
    values = np.zeros((found[0].logmel.shape[0], columns.frames), np.float32)
    covering = np.zeros(columns.frames, np.float32)
    for item in found:
        shift = math.floor((item.window.start_s - clip.start_s) / columns.frame_s + 0.5)
        first, last = max(0, shift), min(columns.frames, shift + item.logmel.shape[1])
        if first < last:
            covering[first:last] += 1
            values[:, first:last] += getattr(item, name)[:, first - shift : last - shift]
    covering[covering == 0] = np.nan
    values /= covering
    return values
