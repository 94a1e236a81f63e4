"""The values that flow between the stages, in the order in which they flow.

    AudioBlock -> Window -> LogMel -> Inference -> Score -> AlarmChange -> Record

Values are frozen and their arrays read-only, so that a stage may keep them; stages import this module, none
of each other. `_s` is stream time (seconds of sound since the source first opened, lost samples included),
`_utc_s` is seconds since 1970 UTC; monotonic time stays out. A gap is a value: a block counts samples lost
before it, a window over a gap says so in its quality, and what cannot be judged scores None, never 0.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.explanation import Explanation

Float32 = NDArray[np.float32]


class Quality(str, enum.Enum):
    """Whether a window's input can be judged. Anything but OK has a score of None."""

    OK = "ok"
    GAP = "gap"
    """Samples inside the window were lost."""
    SILENT = "silent"
    """The whole window lies below the level at which a live microphone can be."""
    FLAT = "flat"
    """The samples stand still for longer than sound can: a cut cable or a stuck converter."""
    CLIPPED = "clipped"
    """Too many samples at full scale."""
    ABSENT = "absent"
    """No sample of the window arrived: the device is away."""
    DROPPED = "dropped"
    """The input was good, and the engine too slow: the window was given up, nobody has judged it."""
    OFF = "off"
    """The machine is off, starts, or is too quiet to be running: not judged, by design.

    A deaf microphone keeps its own quality.
    """
    UNLEARNED = "unlearned"
    """The input was good, and no bundle of its source is live yet: there is nobody who could judge it."""


DEAF_QUALITIES = frozenset({Quality.SILENT, Quality.FLAT, Quality.ABSENT})
"""Input on which no machine could be heard, whatever the capture says."""
SAME_TIME_S = 1e-6
"""Times in a stream, and sums of them, differ by rounding; this is far less than a sample."""


class CaptureState(str, enum.Enum):
    """How a source is, in the order of escalation."""

    HEALTHY = "healthy"
    ALARMED = "alarmed"
    """A watchdog has tripped; the source is about to be restarted."""
    RECOVERING = "recovering"
    """Restarting; no sound yet."""
    FAILED = "failed"
    """Several restarts did not help; it goes on trying, slowly, for ever."""
    ENDED = "ended"
    """A file has been read to its end."""


@dataclass(frozen=True, slots=True)
class CaptureHealth:
    """The condition of one source, as its capture knows it."""

    source_id: str
    """The source's id, as in the configuration."""
    state: CaptureState
    """Where it stands in the escalation, at the moment of asking."""
    reason: str
    """Empty when healthy; else what was found, for a person."""
    device: str
    """What is being listened to: a device's stable name, a path, an address without password."""
    received_samples: int = 0
    """At the device's rate, since the source first opened."""
    lost_samples: int = 0
    """At the device's rate, since the source first opened."""
    overflows: int = 0
    """Times that the device said it had lost samples."""
    restarts: int = 0
    """Times that the source was opened again after a failure."""


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A run of consecutive samples of one source, at the device's own rate."""

    source_id: str
    """The source's id, as in the configuration."""
    samples: Float32
    """Shape (n,), mono, in [-1, 1], read-only; empty when it only reports loss, while a device is away."""
    sample_rate_hz: int
    """May change within a source, when its device comes back at another rate."""
    first_sample: int
    """Index since the source first opened: end_sample of the block before, plus lost_samples."""
    lost_samples: int
    """Samples missing immediately before samples[0]."""
    captured_utc_s: float
    """When samples[0] reached the converter, by the source's clock anchor."""

    @property
    def end_sample(self) -> int:
        """The index after the last sample: where the next block starts if nothing is lost."""
        return self.first_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in a source's sound a window lies, and whether the input was good there."""

    source_id: str
    """The source's id, as in the configuration."""
    first_sample: int
    """Index, at the model's rate, of the first sample under the first STFT frame."""
    start_s: float
    """Stream time. Frame i covers [start_s + i*hop, start_s + (i+1)*hop), centred on its STFT frame."""
    end_s: float
    """Stream time at which the last frame's part ends."""
    start_utc_s: float
    """UTC of start_s, by the source's clock anchor."""
    quality: Quality
    """The first that applies of ABSENT, GAP, SILENT, FLAT and CLIPPED; else OK. OFF: the machine is.
    UNLEARNED: its source waits for a first bundle."""
    level_dbfs: float | None
    """RMS level; None when no sample arrived."""
    machine: int = 0
    """Number of the machine that the window was cut for, which alone judges it; see monitor.roster."""

    @property
    def end_utc_s(self) -> float:
        """UTC of end_s."""
        return self.start_utc_s + (self.end_s - self.start_s)


@dataclass(frozen=True, slots=True)
class Window:
    """The samples that one LogMel is computed from, at the model's rate."""

    span: Span
    """Where the samples lie."""
    samples: Float32
    """Shape (n,), in [-1, 1], lost samples are 0, read-only."""


@dataclass(frozen=True, slots=True)
class LogMel:
    """One window as log10 of mel energies."""

    span: Span
    """That of the window it was computed from."""
    values: Float32
    """Shape (mel, frames), log10(power + floor), not standardised, read-only."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What a model said of one window."""

    span: Span
    """That of the window; its quality is OK, for no other is inferred."""
    raw: float
    """The model's score: high means unusual; its scale is the model's own."""
    error_map: Float32
    """Shape (mel, frames), >= 0, squared error in standardised units."""
    reconstruction: Float32
    """Shape (mel, frames), in the units of LogMel.values."""
    bundle_id: str
    """The bundle whose model answered."""
    engine: str | None = None
    """The library that computed it, as Engine.backend; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class Score:
    """A window's score in units of its alarm limit."""

    span: Span
    """That of the window, whose quality says whether it could be judged."""
    value: float | None
    """High means unusual; 1.0 is the alarm limit, 0.0 the median of normal sound. None: not judged."""
    expected_per_day: float | None
    """False alarms a day that a limit at this value would raise; capped at the windows a day."""
    raw: float | None
    """The model's own score."""
    profile: Float32 | None
    """Shape (frames,), mean error of each frame over the mel bands."""
    bundle_id: str | None
    """The bundle that judges this source, also when the window was not judged; None: none is live yet."""
    engine: str | None = None
    """The library that answered, with version, place and precision; None: not judged."""


class AlarmState(str, enum.Enum):
    """ISA-18.2 / IEC 62682 alarm states (OPC UA Part 9 is the free equivalent)."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    """Active, nobody has seen it."""
    ACKNOWLEDGED = "acknowledged"
    """Active, seen."""
    RETURNED = "returned"
    """Returned to normal before anyone acknowledged it."""
    SHELVED = "shelved"
    """Set aside by an operator for a time; still evaluated, not annunciated."""
    OUT_OF_SERVICE = "out_of_service"
    """Taken out by an operator until put back; still evaluated, not annunciated."""
    SUPPRESSED = "suppressed"
    """Suppressed by design, so that nothing is evaluated; an open event stays open.

    The machine is off, or no bundle of its source is live yet.
    """


class ChangeReason(str, enum.Enum):
    """What made an alarm change."""

    LIMIT = "limit"
    """The score stayed at or above the limit for the on-delay."""
    CLEARED = "cleared"
    """The score stayed below limit - deadband for the off-delay."""
    WARNING = "warning"
    """The score reached the warning level."""
    WARNING_CLEARED = "warning_cleared"
    """The score fell below the warning level - deadband."""
    UNCERTAIN = "uncertain"
    """The input cannot be judged; the state is frozen."""
    CERTAIN = "certain"
    """The input can be judged again."""
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SHELVING_EXPIRED = "shelving_expired"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    LIMITS = "limits"
    """An operator changed what scores are held against, or gave it back to the configuration."""
    MACHINE_OFF = "machine_off"
    """The machine counts as off."""
    MACHINE_ON = "machine_on"
    """The machine runs and has settled."""
    NO_BUNDLE = "no_bundle"
    """No bundle of the source is live: nothing can be judged."""
    BUNDLE_LIVE = "bundle_live"
    """A bundle judges the source that had none."""


class OffCause(str, enum.Enum):
    """Which condition says that a machine is off."""

    LEVEL = "level"
    """It is too quiet to be running."""
    SCHEDULE = "schedule"
    """The times of the configuration say so."""
    SIGNAL = "signal"
    """The plant's control says so."""
    SETTLING = "settling"
    """None of them any more: it has just started."""


@dataclass(frozen=True, slots=True)
class MachineOff:
    """That a machine counts as off, and why."""

    causes: tuple[OffCause, ...]
    """At least one; all conditions that hold, or SETTLING alone."""
    reason: str
    """In words, as `level -70.2 dBFS, below -60 since 12:03:10 UTC`."""
    since_utc_s: float
    """When it went off: the end of the first window that was so decided."""


class SignalState(str, enum.Enum):
    """What the plant's control says of a machine."""

    RUNNING = "running"
    OFF = "off"
    MISSING = "missing"
    """Nothing that can be relied on, so that the machine counts as running."""


@dataclass(frozen=True, slots=True)
class MachineCondition:
    """Whether a machine runs, as far as is known."""

    off: MachineOff | None = None
    """None: it counts as running, and is judged."""
    signal: SignalState | None = None
    """None: no signal is configured."""
    signal_missing: str = ""
    """Why the signal is missing, for a person; empty: it is not."""


RUNS = MachineCondition()
"""A machine of which nothing says that it is off."""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One change of one source's alarm. Stored before it is sent."""

    source_id: str
    """Whose alarm changed: the source's id, as in the configuration."""
    event_id: str | None
    """The event this belongs to; None while no event is open."""
    old_state: AlarmState
    """Before the change; equals new_state when only a warning or the input's quality changed."""
    new_state: AlarmState
    """After the change."""
    reason: ChangeReason
    """The one cause; a step with several causes is several changes."""
    at_utc_s: float
    """When it changed."""
    event_start_utc_s: float | None
    """When the event's first window at or above the limit began."""
    peak: float | None
    """The highest value of the event so far, in units of the limit."""
    warning: bool
    """Whether the score is at or above the warning level."""
    uncertain: bool
    """Whether the input can not be judged at present."""
    active: bool
    """Whether the score is at or above the limit, whatever an operator has set aside."""
    shelved_until_utc_s: float | None = None
    """When shelving ends at the latest; None: not shelved."""
    actor: str | None = None
    """Who gave the command; None when the sound did it."""
    note: str | None = None
    """What the operator wrote with the command; None when nothing."""
    explanation: Explanation | None = None
    """What the event sounded like, as far as it was known then; None: no event is open, or nothing is."""
    off_reason: str | None = None
    """Why the machine counts as off, in words; None: it counts as running."""
    acknowledged: bool | None = None
    """Whether nothing waits to be acknowledged, whatever was set aside; None: by an earlier version."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the outbox: stored first, sent from the store, removed when the broker has it."""

    seq: int
    """Rises by insertion and is never used again."""
    kind: str
    """Which family of topics it goes to: `event`, `reply` or `score`."""
    source_id: str
    """The source it is about, which names the topic; empty: the whole box."""
    created_utc_s: float
    """When what it tells of happened; for a score, the end of the window."""
    body: Mapping[str, object] = field(default_factory=dict)
    """JSON-able; holds no topic, so that JSON and Sparkplug are made from the same row."""


class Reader(str, enum.Enum):
    """Who takes records out of the outbox, each at its own pace."""

    JSON = "json"
    """The JSON topics."""
    SPARKPLUG = "sparkplug"
    """The Sparkplug B edge node."""


@dataclass(frozen=True, slots=True)
class ReadTo:
    """How far a reader has come that has taken records and not yet marked them as sent."""

    seq: int = 0
    """The last event or reply that it took; 0: none."""
    score_seq: int = 0
    """The last score that it took; 0: none."""


class Outbox(Protocol):
    """Where records are taken from: the store, as whoever publishes sees it. Thread-safe."""

    def pending(
        self, limit: int, reader: Reader = Reader.JSON, *, after: ReadTo | None = None
    ) -> Sequence[Record]:
        """Return up to `limit` records that `reader` has not had: events and replies in order, then scores.

        With `after`, only what follows what it has taken already.
        """

    def mark_sent(self, seq: int, reader: Reader = Reader.JSON) -> None:
        """Remember that the broker has this record from `reader`."""


def read_only(array: Float32) -> Float32:
    """Return `array` with writing switched off, so that stages may share it."""
    array.flags.writeable = False
    return array
