"""Pictures and sound of clips, windows and events, found by id, made once and kept in the cache.

What a piece is made from decides its name in the cache and its ETag, so that neither is ever stale: an event
that goes on gets new windows, and with them new pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np

from monitor.band_pass import Band
from monitor.errors import FileGoneError, UnknownIdError
from monitor.publish.error_map import area_mean
from monitor.replay.kept.audio import AudioFormat, write_band, write_wav
from monitor.replay.kept.cache import Cache
from monitor.replay.kept.clip_maps import WindowMaps, maps_of_window, of_one_model, windows_in_clip
from monitor.replay.kept.colours import Scale, png_of_map
from monitor.replay.kept.frontends import Frontends
from monitor.replay.kept.reading import StoreReader, no_such
from monitor.replay.kept.sheet import (
    AXES,
    LEAST_SD,
    Material,
    derived_maps,
    pngs_of_maps,
    scales_of_maps,
    sheet_of_clip,
)
from monitor.replay.kept.similar import worst_window
from monitor.store import StoredClip, StoredWindow, clip_files, map_files
from monitor.store.dispute_labels import clip_of_dispute
from monitor.worded import worded

DRAWING = 1
"""Version of how pictures are drawn; part of their names, so that a new one replaces what is kept."""
THUMBNAIL = (48, 64)
"""Rows and columns, at most."""
PNG, JSON = "image/png", "application/json"

_Stored = TypeVar("_Stored", StoredClip, StoredWindow)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that can be fetched, and kept by whoever fetched it."""

    etag: str
    """Differs when the content does."""
    media_type: str
    """Of the content."""
    open: Callable[[], BinaryIO]
    """Returns the content, made if need be. Raises FileGoneError, QueryError or StoreError."""


class Media:
    """What can be seen and heard of one store. Thread-safe."""

    def __init__(self, reader: StoreReader, cache: Cache, frontends: Frontends) -> None:
        self._reader = reader
        self._cache = cache
        self._frontends = frontends

    def clip(self, clip_id: str) -> StoredClip:
        """Return a clip's row.

        Raises:
            UnknownIdError: There is none of this id.
            StoreError: The store cannot be read.
        """
        query = f"SELECT {clip_files.COLUMNS} FROM clips WHERE clip_id = ?"  # noqa: S608 - a constant of ours
        rows = self._reader.store.database.rows(query, (clip_id,))
        if rows:
            return StoredClip(*rows[0])
        disputed = clip_of_dispute(self._reader.store.database, clip_id)
        if disputed is None:
            raise UnknownIdError(no_such("clip", clip_id))
        return disputed

    def window(self, window_id: str) -> StoredWindow:
        """Return a window's row.

        Raises:
            UnknownIdError: There is none of this id: worse windows of its event may have taken its place.
            StoreError: The store cannot be read.
        """
        query = f"SELECT {map_files.COLUMNS} FROM windows WHERE window_id = ?"  # noqa: S608 - the same
        rows = self._reader.store.database.rows(query, (window_id,))
        if not rows:
            raise UnknownIdError(no_such("window", window_id))
        return StoredWindow(*rows[0])

    def axes(self, clip_id: str) -> Piece:
        """Return where times and frequencies lie in a clip's pictures: an Axes as JSON.

        Raises:
            UnknownIdError: There is no such clip.
            FileGoneError: Its file is gone.
            StoreError: The store cannot be read.
        """
        return self._of_sheet(clip_id, AXES, JSON)

    def picture(self, clip_id: str, name: str) -> Piece:
        """Return a picture of a clip, by its name in sheet.PICTURES; raises as `axes`."""
        return self._of_sheet(clip_id, name, PNG)

    def audio(self, clip_id: str, kind: AudioFormat, band: Band | None) -> Piece:
        """Return a clip's sound, or one band of it; raises as `axes`."""
        clip = self._present(self.clip(clip_id))
        key = _digest("audio", clip.clip_id, clip.size_bytes, band and [band.low_hz, band.high_hz])
        etag = f'"{key}-{kind.value}"'
        if band is None and kind is AudioFormat.FLAC:
            return Piece(etag, kind.media_type, lambda: self._reader.open_file(clip))

        def write(out: BinaryIO) -> None:
            with self._reader.open_file(clip) as sound:
                if band is None:
                    write_wav(sound, out)
                else:
                    write_band(sound, out, band, clip.sample_rate_hz, kind)

        return Piece(etag, kind.media_type, lambda: self._kept(f"{key}.{kind.value}", write))

    def window_picture(self, window_id: str, name: str) -> Piece:
        """Return a picture of one window, by its name in sheet.MAPS.

        Raises:
            UnknownIdError: There is no such window.
            FileGoneError: Its file is gone.
            StoreError: The store cannot be read.
        """
        window = self._present(self.window(window_id))
        key = _digest("window", window.window_id, window.size_bytes)
        return Piece(f'"{key}-{name}"', PNG, partial(self._one_of, key, name, lambda: self._drawn(window)))

    def thumbnail(self, event_id: str) -> Piece:
        """Return the error map of an event's worst window, small.

        Raises:
            UnknownIdError: There is no such event.
            FileGoneError: None of its windows has its maps any more.
            StoreError: The store cannot be read.
        """
        window = worst_window(self._reader, event_id)
        if window is None:
            if self._reader.store.event(event_id) is None:
                raise UnknownIdError(no_such("event", event_id))
            raise FileGoneError(
                worded("no-maps", "no window of this event has its maps: none was kept, or they were pruned")
            )
        key = _digest("thumbnail", window.window_id, window.size_bytes)

        def write(out: BinaryIO) -> None:
            coarse = area_mean(derived_maps(self._read(window))["error_map"], THUMBNAIL)
            out.write(png_of_map(coarse.astype(np.float32), Scale(0.0, max(LEAST_SD, coarse.max()), "sd")))

        return Piece(f'"{key}"', PNG, lambda: self._kept(f"{key}.thumbnail", write))

    # how --------------------------------------------------------------------------------------------

    def _of_sheet(self, clip_id: str, name: str, media_type: str) -> Piece:
        clip = self._present(self.clip(clip_id))
        windows = windows_in_clip(clip, self._reader.store.windows(clip.event_id))
        bundle_id = self._bundle_of(clip, windows)
        parameters = None if bundle_id is None else self._frontends.of(bundle_id)
        key = _digest(
            "sheet",
            [clip.clip_id, clip.size_bytes],
            [[window.window_id, window.size_bytes, window.gone] for window in windows],
            None if parameters is None else parameters.digest,
        )

        def make() -> Mapping[str, bytes]:
            found = [maps for window in windows if (maps := self._read_if_there(window)) is not None]
            shown = of_one_model([maps for maps in found if maps.window.bundle_id == bundle_id])
            material = Material(clip, windows, shown, parameters, len(shown) < len(found))
            with self._reader.open_file(clip) as sound:
                return sheet_of_clip(material, sound)

        return Piece(f'"{key}-{name}"', media_type, partial(self._one_of, key, name, make))

    def _bundle_of(self, clip: StoredClip, windows: Sequence[StoredWindow]) -> str | None:
        """Return the bundle that answered most of a clip's windows, else the one that heard the event."""
        heard = Counter(window.bundle_id for window in windows if window.gone is None)
        if heard:
            return heard.most_common(1)[0][0]
        event = self._reader.store.event(clip.event_id)
        return None if event is None else event.bundle_id

    def _drawn(self, window: StoredWindow) -> Mapping[str, bytes]:
        maps = derived_maps(self._read(window))
        return pngs_of_maps(maps, scales_of_maps(maps))

    def _read(self, window: StoredWindow) -> WindowMaps:
        with self._reader.open_file(window) as file:
            return maps_of_window(window, file)

    def _read_if_there(self, window: StoredWindow) -> WindowMaps | None:
        try:
            return self._read(window)
        except FileGoneError:
            return None

    def _present(self, stored: _Stored) -> _Stored:
        """Return what has its file; one that was pruned is refused before anything is promised of it."""
        if stored.gone is not None:
            self._reader.open_file(stored)
        return stored

    def _one_of(self, key: str, name: str, make: Callable[[], Mapping[str, bytes]]) -> BinaryIO:
        """Return one of several entries that are made together."""
        found = self._cache.open(f"{key}.{name}")
        if found is not None:
            return found
        with self._cache.making():
            found = self._cache.open(f"{key}.{name}")  # made while we waited
            if found is not None:
                return found
            opened = {
                part: self._cache.put(f"{key}.{part}", partial(_write_bytes, content))
                for part, content in make().items()
            }
        wanted = opened.pop(name)
        for other in opened.values():
            other.close()
        return wanted

    def _kept(self, name: str, write: Callable[[BinaryIO], object]) -> BinaryIO:
        found = self._cache.open(name)
        if found is not None:
            return found
        with self._cache.making():
            return self._cache.open(name) or self._cache.put(name, write)


def _write_bytes(content: bytes, out: BinaryIO) -> None:
    out.write(content)


def _digest(*parts: object) -> str:
    """Return 32 hexadecimal digits that differ when any part does."""
    return hashlib.sha256(json.dumps([DRAWING, *parts]).encode()).hexdigest()[:32]
