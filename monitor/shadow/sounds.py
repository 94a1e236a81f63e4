"""Brings the sound of a dispute together with its number: either may be known first.

A clip is recorded like that of an event, under a name of its own, from the candidate's first window at the
limit on. Whether it is of a dispute turns out later; sound of what was none is let go.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from monitor.store import ClipJob

NAME = "dispute of a candidate at "
"""Begins the name under which such a clip is recorded: no event is called so."""
WAITING_MAX = 2
"""Clips that may wait to be known as those of a dispute; then the oldest goes."""
NUMBERS_MAX = 256
"""Disputes whose clips may still come."""
KeepSound = Callable[[int, ClipJob], None]
"""Given a dispute's number and its sound, has it written; must not block."""
_T = TypeVar("_T")


def name_of(start_utc_s: float) -> str:
    """Return the name of a clip of what may be a dispute that began then."""
    return f"{NAME}{start_utc_s:.3f}"


def is_of_dispute(clip: ClipJob) -> bool:
    """Whether a finished clip was recorded for a candidate."""
    return clip.event_id.startswith(NAME)


class DisputeSounds:
    """The shadow thread tells numbers, the keeper's thread brings clips."""

    def __init__(self, keep: KeepSound) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._numbers: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._clips: OrderedDict[tuple[str, str], ClipJob] = OrderedDict()

    def tell(self, source_id: str, name: str, number: int) -> None:
        """Take it that the clip of this name is of this dispute."""
        with self._lock:
            clip = self._clips.pop((source_id, name), None)
            if clip is None:
                _put(self._numbers, (source_id, name), number, NUMBERS_MAX)
        if clip is not None:
            self._keep(number, clip)

    def bring(self, clip: ClipJob) -> None:
        """Take a clip that is complete."""
        key = (clip.source_id, clip.event_id)
        with self._lock:
            number = self._numbers.pop(key, None)
            if number is None:
                _put(self._clips, key, clip, WAITING_MAX)
        if number is not None:
            self._keep(number, clip)


def _put(kept: OrderedDict[tuple[str, str], _T], key: tuple[str, str], value: _T, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
