"""What is put into the store and read from it, besides the messages between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from monitor.errors import StoreRefusedError
from monitor.explanation import Explanation
from monitor.messages import AlarmState
from monitor.operators import Origin

Rating = Literal["anomaly", "no_anomaly", "unsure", "none"]
RATINGS: tuple[str, ...] = get_args(Rating)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody asked for, and what came of it. Kept until it is old or too many have come after it."""

    at_utc_s: float
    """When it was answered."""
    origin: Origin
    """By which way it came."""
    source_id: str | None
    """The source that it was for; None: the whole box."""
    command_id: str | None
    """Chosen by whoever gave it; None when it could not be read."""
    actor: str | None
    """As given with the command, not verified; None when it could not be read."""
    action: str | None
    """What was asked; None when it could not be read."""
    arguments: Mapping[str, object]
    """JSON-able: with which values, and the note."""
    result: Literal["done", "refused"]
    """What came of it."""
    reason: str | None
    """Why it was refused, or what was done beyond the action itself; None: nothing to add."""
    n: int = 0
    """Rises by insertion; given by the store."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command. Kept, so that a command that comes twice is answered twice and done once."""

    command_id: str | None
    """Chosen by whoever gave the command; None when it could not be read: then it is sent, not remembered."""
    source_id: str | None
    """The source that the command was for; None: the whole box."""
    at_utc_s: float
    """When the command was answered."""
    body: Mapping[str, object]
    """JSON-able: whether it was done, and if not why. The store adds `command_id`, if there is one."""
    audit: AuditEntry | None = None
    """Kept in the same step; None: the command is not for the record."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says of an event. Labels are only ever added; the latest one counts."""

    event_id: str
    """The event that it is about; must be in the store."""
    rating: Rating
    """What it was: `anomaly`, `no_anomaly` or `unsure`; `none` withdraws what was said before."""
    who: str
    """As given with the command, not verified."""
    at_utc_s: float
    """When it was given."""
    fault_code: str | None = None
    """Which fault it was, by the plant's own list; None: not said."""
    note: str | None = None
    """In the person's own words; None: not said."""

    def __post_init__(self) -> None:
        if self.rating not in RATINGS:
            raise StoreRefusedError(
                f"label: rating {self.rating!r} is not known; known are {', '.join(RATINGS)}"
            )


@dataclass(frozen=True, slots=True)
class Event:
    """One alarm from its first window at the limit to its acknowledgement, as far as it has got."""

    n: int
    """Rises by insertion: events in the order in which they happened, whatever the clock said."""
    event_id: str
    """The source and the UTC at which the first window began; the key of all that belongs to it."""
    source_id: str
    """The source that was heard."""
    start_utc_s: float
    """When its first window at or above the limit began."""
    end_utc_s: float | None
    """When the sound was back to normal; None while it is not."""
    peak: float | None
    """The highest value so far, in units of the limit."""
    state: AlarmState
    """Of the event's alarm after its last change."""
    acknowledged_by: str | None
    """Who acknowledged it last; None: nobody yet."""
    acknowledged_utc_s: float | None
    """When it was acknowledged last; None: not yet."""
    bundle_id: str | None
    """The bundle that heard it first."""
    explanation: Explanation | None = None
    """What it sounded like, as far as it was kept; None: nothing is known, or it cannot be read."""
    locked_by: str | None = None
    """Who had its sound and maps kept for good; None: nobody, or it was unlocked."""
    locked_utc_s: float | None = None
    """When that was; None: it is not locked."""


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A piece of sound around flagged windows, as FLAC at the device's own rate."""

    clip_id: str
    """The name of the file, without folder and ending; unique."""
    event_id: str
    """The event that it belongs to."""
    source_id: str
    """The source that was recorded."""
    start_s: float
    """Stream time."""
    start_utc_s: float
    """UTC of start_s."""
    duration_s: float
    """Lost samples included."""
    sample_rate_hz: int
    """The device's own at the time."""
    lost_samples: int
    """Zeros inside the clip that stand for samples that never arrived."""
    path: str
    """Relative to the state directory."""
    size_bytes: int
    """Of the file, as it was written."""
    gone: str | None
    """Why the file is no longer there: `age`, `space` or `missing`. Why it never was: `never` (store.audio),
    `unchecked` (store.speech: nobody could say whether somebody speaks). None: it is there."""
    protection: str | None = None
    """What was taken out of the sound, for protection_from_text; None: it is as it was heard."""


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A flagged window, and the file with its error map, reconstruction and log-mel (float16)."""

    window_id: str
    """The name of the file, without folder and ending; unique."""
    event_id: str
    """The event that it belongs to."""
    source_id: str
    """The source that was heard."""
    start_s: float
    """Stream time."""
    end_s: float
    """Stream time."""
    start_utc_s: float
    """UTC of start_s."""
    value: float | None
    """In units of the alarm limit."""
    expected_per_day: float | None
    """False alarms a day at this value."""
    quality: str
    """A value of monitor.messages.Quality."""
    bundle_id: str
    """The bundle whose model answered."""
    path: str
    """Relative to the state directory."""
    size_bytes: int
    """Of the file, as it was written."""
    gone: str | None
    """Why the file is no longer there: `age`, `space` or `missing`. None: it is there."""
    protection: str | None = None
    """What was taken out of the maps, for protection_from_text; None: they are as they were made."""
