"""Chooses which sound and maps go, and in which order; touches nothing.

    locked events           never go
    the newest of a source  stay however short room is, and go when they are old
    unlabelled events       go first, the oldest of them first, of each its first clips first, then maps
    labelled events         go for space alone, behind all others, the same way

What is older is decided by insertion, never by a clock: a box may start in 1970. Age alone is told by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.clock import CLOCK_SET_UTC_S
from monitor.config import StoreConfig

QUOTA_SHARE = 0.98
FLOOR_SHARE = 1.1
"""Pruning goes on until so much of store.max_bytes is kept, and so much of store.min_free_bytes free: else
every clip that is written would begin the next pruning."""
SURE_CLIPS = 12
"""Of one event among the newest so many first clips are sure: with a clip every five minutes its first hour.
An event that never ends would fill the disk otherwise."""
CLIPS, WINDOWS = "clips", "windows"


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event of which sound or maps are there."""

    n: int
    """Rises by insertion."""
    event_id: str
    """Its id."""
    source_id: str
    """The source that was heard."""
    size_bytes: int
    """Of all its files."""
    clips: int
    """How many of them are clips."""
    first_utc_s: float | None
    """The earliest start of a file, of those that were dated by a clock that was set; None: none was."""
    last_utc_s: float | None
    """The latest one; None alike."""
    is_labelled: bool
    """Whether a label counts."""
    is_locked: bool
    """Whether somebody wants it kept for good."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A clip or a window's maps."""

    table: str
    """CLIPS or WINDOWS, which lists it."""
    n: int
    """Its row there."""
    event_id: str
    """The event that it belongs to."""
    path: str
    """Relative to the state directory."""
    size_bytes: int
    """Of the file."""
    start_utc_s: float
    """When it begins, by the clock of that time."""


FilesOf = Callable[[KeptEvent], Iterable[KeptFile]]
"""Returns an event's files, clips before maps, each in the order in which they were written."""


@dataclass(frozen=True, slots=True)
class Need:
    """By how much retention misses its bounds."""

    quota_bytes: int
    """Kept beyond store.max_bytes."""
    floor_bytes: int
    """Free below store.min_free_bytes."""
    quota_aim_bytes: int
    """To be removed for the quota, so that there is some peace afterwards; 0: it holds."""
    floor_aim_bytes: int
    """The same for the floor."""

    @property
    def aim_bytes(self) -> int:
        """What has to go for both."""
        return max(self.quota_aim_bytes, self.floor_aim_bytes)


@dataclass(frozen=True, slots=True)
class Age:
    """What is too old."""

    oldest_utc_s: float
    """What began before is too old; what began before the clock was set is of unknown age."""
    ahead_utc_s: float
    """What began after this was dated by a clock that was ahead."""
    newest_old: Mapping[str, int]
    """Table -> the newest row that is too old by its date: what was written before it is no younger."""

    def has_passed(self, file: KeptFile) -> bool:
        """Say whether a file is too old."""
        if file.start_utc_s > self.ahead_utc_s:
            return file.n < self.newest_old.get(file.table, 0)
        return CLOCK_SET_UTC_S <= file.start_utc_s < self.oldest_utc_s


def need_of(config: StoreConfig, *, kept_bytes: int, free_bytes: int) -> Need:
    """Return how much has to go."""
    quota_bytes = max(0, kept_bytes - config.max_bytes)
    floor_bytes = max(0, config.min_free_bytes - free_bytes)
    for_quota = kept_bytes - round(QUOTA_SHARE * config.max_bytes) if quota_bytes else 0
    for_floor = round(FLOOR_SHARE * config.min_free_bytes) - free_bytes if floor_bytes else 0
    return Need(quota_bytes, floor_bytes, for_quota, for_floor)


def newest_events(events: Iterable[KeptEvent], of_each_source: int) -> frozenset[str]:
    """Return the ids of so many newest events of each source, of those of which something is there."""
    seen: Counter[str] = Counter()
    found = set()
    for event in sorted(events, key=lambda one: -one.n):
        if seen[event.source_id] < of_each_source:
            seen[event.source_id] += 1
            found.add(event.event_id)
    return frozenset(found)


def old_files(events: Iterable[KeptEvent], files_of: FilesOf, age: Age) -> Iterator[KeptFile]:
    """Yield what is too old, of the newest of a source too; nothing labelled or locked."""
    for event in _in_order(events):
        if event.is_labelled or event.first_utc_s is None or event.last_utc_s is None:
            continue
        if event.first_utc_s < age.oldest_utc_s or event.last_utc_s > age.ahead_utc_s:
            yield from filter(age.has_passed, files_of(event))


def files_for_space(
    events: Iterable[KeptEvent], files_of: FilesOf, newest: Collection[str]
) -> Iterator[KeptFile]:
    """Yield all that may go for space, in the order in which it goes; take as many as are needed."""
    for event in _in_order(events):
        if event.event_id not in newest:
            yield from files_of(event)
        elif event.clips > SURE_CLIPS:
            yield from _beyond_sure(files_of(event))


def _in_order(events: Iterable[KeptEvent]) -> Iterable[KeptEvent]:
    """Return the events of which something may go, those that go first before."""
    return sorted(
        (event for event in events if not event.is_locked), key=lambda event: (event.is_labelled, event.n)
    )


def _beyond_sure(files: Iterable[KeptFile]) -> Iterator[KeptFile]:
    """Yield the clips behind the first SURE_CLIPS; maps are bounded by store.maps_per_event."""
    clips = [one for one in files if one.table == CLIPS]
    yield from clips[SURE_CLIPS:]
