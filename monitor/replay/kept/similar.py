"""Which earlier events of a machine looked alike: where in frequency their error maps were raised, and how.

An error map becomes a few numbers that do not depend on when in the window something happened: the error of
each band over time, and how far its peaks stand above that. Two events are alike as the angle between those
numbers is small. It is a hint for a person, not a judgement.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from monitor.errors import FileGoneError, StoreError
from monitor.messages import Float32
from monitor.publish.error_map import area_weights
from monitor.replay.kept.clip_maps import error_map_of_window
from monitor.replay.kept.reading import StoreReader
from monitor.store import Event, StoredWindow
from monitor.store.map_files import COLUMNS

ROWS = 32
"""Bands are put together to so many."""
PEAK_SHARE = 0.95
"""A peak is what this share of the frames stays below."""
EVENTS_COMPARED = 200
"""The newest earlier events of a source, and as many that somebody has labelled."""
REMEMBERED = 8192
"""Descriptions kept in memory, 256 bytes each."""

_WORST = (
    f"SELECT {COLUMNS} FROM windows WHERE event_id = ? AND gone IS NULL "  # noqa: S608 - a constant of ours
    "ORDER BY value DESC LIMIT 1"
)
_EARLIER = (
    "SELECT event_id FROM events WHERE source_id = ? AND n < ? "
    "AND EXISTS (SELECT 1 FROM windows WHERE windows.event_id = events.event_id AND gone IS NULL)"
)
_LABELLED = " AND EXISTS (SELECT 1 FROM labels WHERE labels.event_id = events.event_id)"
_NEWEST = " ORDER BY n DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class SimilarEvent:
    """An earlier event and how much it looked like the one that was asked for."""

    event_id: str
    """The earlier event."""
    similarity: float
    """0: nothing in common, 1: the same bands raised in the same way."""


def description_of_map(error_map: Float32) -> Float32:
    """Return what an error map, shape (mel, frames), is compared by: shape (2 * rows,), of length 1 or 0."""
    root = np.sqrt(np.maximum(error_map, 0.0))
    coarse = area_weights(len(root), min(ROWS, len(root))) @ root
    steady = coarse.mean(axis=1)
    peaks = np.sort(coarse, axis=1)[:, int(PEAK_SHARE * (coarse.shape[1] - 1))] - steady
    # what is raised everywhere a little is how any machine differs from its model
    raised = np.concatenate([np.maximum(part - np.median(part), 0.0) for part in (steady, peaks)])
    length = float(np.linalg.norm(raised))
    return np.asarray(raised / length if length > 0.0 else raised, np.float32)


class Likeness:
    """Compares events by their worst windows, and remembers what they looked like. Thread-safe."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Float32] = OrderedDict()  # window_id -> description

    def similar(self, event: Event) -> list[SimilarEvent]:
        """Return earlier events of the same source, the most alike first; see EVENTS_COMPARED.

        Raises:
            StoreError: The store cannot be read.
        """
        wanted = self._description_of_event(event.event_id)
        if wanted is None:
            return []
        found = []
        for event_id in self._earlier(event):
            other = self._description_of_event(event_id)
            if other is not None and other.shape == wanted.shape:
                found.append(SimilarEvent(event_id, round(float(np.clip(wanted @ other, 0.0, 1.0)), 3)))
        return sorted(found, key=lambda item: -item.similarity)

    def _earlier(self, event: Event) -> list[str]:
        database, asked = self._reader.store.database, (event.source_id, event.n, EVENTS_COMPARED)
        rows = [
            *database.rows(_EARLIER + _NEWEST, asked),
            *database.rows(_EARLIER + _LABELLED + _NEWEST, asked),
        ]
        return list(dict.fromkeys(row["event_id"] for row in rows))

    def _description_of_event(self, event_id: str) -> Float32 | None:
        """Return what an event's worst window looked like; None: it was not kept."""
        window = worst_window(self._reader, event_id)
        if window is None:
            return None
        with self._lock:
            known = self._known.get(window.window_id)
        if known is not None:
            return known
        try:
            with self._reader.open_file(window) as file:
                description = description_of_map(error_map_of_window(window, file))
        except (FileGoneError, StoreError):
            return None
        with self._lock:
            self._known[window.window_id] = description
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return description


def worst_window(reader: StoreReader, event_id: str) -> StoredWindow | None:
    """Return the window of the highest value whose maps are there; None: there is none.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = reader.store.database.rows(_WORST, (event_id,))
    return StoredWindow(*rows[0]) if rows else None
