"""What is put into the store and read from it, besides the messages between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from monitor.errors import StoreRefusedError
from monitor.messages import AlarmState

Rating = Literal["anomaly", "no_anomaly", "unsure"]
RATINGS: tuple[str, ...] = get_args(Rating)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command. Kept, so that a command that comes twice is answered twice and done once."""

    command_id: str | None
    """Chosen by whoever gave the command; None when it could not be read: then it is sent, not remembered."""
    source_id: str
    at_utc_s: float
    body: Mapping[str, object]
    """JSON-able: whether it was done, and if not why. The store adds `command_id`, if there is one."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says of an event. Labels are only ever added; the latest one counts."""

    event_id: str
    rating: Rating
    who: str
    at_utc_s: float
    fault_code: str | None = None
    note: str | None = None

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
    source_id: str
    start_utc_s: float
    end_utc_s: float | None
    """When the sound was back to normal; None while it is not."""
    peak: float | None
    """The highest value so far, in units of the limit."""
    state: AlarmState
    """Of the event's alarm after its last change."""
    acknowledged_by: str | None
    acknowledged_utc_s: float | None
    bundle_id: str | None
    """The bundle that heard it first."""


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A piece of sound around flagged windows, as FLAC at the device's own rate."""

    clip_id: str
    event_id: str
    source_id: str
    start_s: float
    """Stream time."""
    start_utc_s: float
    duration_s: float
    sample_rate_hz: int
    lost_samples: int
    """Zeros inside the clip that stand for samples that never arrived."""
    path: str
    """Relative to the state directory."""
    size_bytes: int
    gone: str | None
    """Why the file is no longer there: `age`, `space` or `missing`. None: it is there."""


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A flagged window, and the file with its error map, reconstruction and log-mel (float16)."""

    window_id: str
    event_id: str
    source_id: str
    start_s: float
    """Stream time."""
    end_s: float
    """Stream time."""
    start_utc_s: float
    value: float | None
    """In units of the alarm limit."""
    expected_per_day: float | None
    """False alarms a day at this value."""
    quality: str
    bundle_id: str
    path: str
    """Relative to the state directory."""
    size_bytes: int
    gone: str | None
    """Why the file is no longer there: `age`, `space` or `missing`. None: it is there."""
