"""The JSON documents that travel over MQTT, one model a kind, each field with its unit and meaning.

docs/mqtt.md and docs/schemas/ are written from these models. Unknown is null, never 0, and every key is
always there. The names are those of monitor.messages wherever a value is the same.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.messages import AlarmState, CaptureState, ChangeReason, Quality, SignalState
from monitor.publish.drift import DriftDocument
from monitor.publish.explained import ExplanationDocument
from monitor.publish.fields import (
    BOOLEAN,
    COUNT,
    DOCUMENT,
    HERTZ,
    LIMITS,
    SECONDS,
    SQUARED,
    STREAM_S,
    TEXT,
    UTC,
    Time,
)
from monitor.publish.limits import LimitsDocument
from monitor.publish.shadow import ShadowDocument


class Payload(BaseModel):
    """What every document has in common: it is frozen, whole, and knows when it was true."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )

    VOLATILE: ClassVar[frozenset[str]] = frozenset({"time"})
    """Fields that alone are no news: a retained document that differs only here is not sent again."""

    schema_: str = Field(alias="schema", description="Kind and version.", json_schema_extra=TEXT)
    time: Time = Field(description="When this became true.", json_schema_extra=UTC)
    bundle: str | None = Field(
        description="The model bundle that judged; null when none did, as of a source that waits for its "
        "first.",
        json_schema_extra=TEXT,
    )

    def encode(self) -> bytes:
        """Return the document as UTF-8 JSON, without spaces."""
        return self.model_dump_json(by_alias=True).encode()

    @property
    def user_properties(self) -> tuple[tuple[str, str], ...]:
        """What MQTT 5 carries beside it: schema, source and bundle, so far as it has them."""
        found = {"schema": self.schema_, "source": getattr(self, "source", None), "bundle": self.bundle}
        return tuple((name, value) for name, value in found.items() if value)

    def says_more_than(self, other: Payload | None) -> bool:
        """Whether this differs from `other` in anything but its volatile fields."""
        if other is None:
            return True
        return self.model_dump(exclude=set(self.VOLATILE)) != other.model_dump(exclude=set(other.VOLATILE))


class SourcePayload(Payload):
    """A document about one source."""

    source: str = Field(description="Id of the source, as in the topic.", json_schema_extra=TEXT)


class StatusPayload(Payload):
    """Whether the box is there. The last will is such a document, written when the connection was made."""

    schema_: Literal["status/1"] = Field(
        default="status/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    state: Literal["online", "stopped", "offline"] = Field(
        description="online: connected. stopped: ended on purpose. offline: the connection was lost; then "
        "`time` is when that connection was made.",
        json_schema_extra=TEXT,
    )
    sources: tuple[str, ...] = Field(description="Ids of the sources of this box.", json_schema_extra=TEXT)
    version: str = Field(description="Version of the software.", json_schema_extra=TEXT)


class HealthPayload(SourcePayload):
    """How one source is doing."""

    VOLATILE: ClassVar[frozenset[str]] = frozenset({"time", "received_samples", "lag_s"})

    schema_: Literal["health/1"] = Field(
        default="health/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    state: CaptureState = Field(
        description="Capture, in the order of escalation; `ended` is a file read to its end.",
        json_schema_extra=TEXT,
    )
    reason: str = Field(description="What was found; empty when healthy.", json_schema_extra=TEXT)
    device: str = Field(description="What is being listened to.", json_schema_extra=TEXT)
    quality: Quality | None = Field(
        description="Input quality of the last window; null before the first. off: not judged, by "
        "design; while `machine` is running the sound was too quiet for that. unlearned: good, and not "
        "judged, for no bundle is live yet.",
        json_schema_extra=TEXT,
    )
    backend: str | None = Field(
        description="The library that runs the model, its version, place, precision; null before it is open, "
        "and while no bundle is live.",
        json_schema_extra=TEXT,
    )
    fallback: str | None = Field(
        description="Why no better backend answers, where engine.backend is auto; null: the best one does.",
        json_schema_extra=TEXT,
    )
    received_samples: int = Field(ge=0, description="Since the source first opened.", json_schema_extra=COUNT)
    lost_samples: int = Field(ge=0, description="Since the source first opened.", json_schema_extra=COUNT)
    overflows: int = Field(
        ge=0, description="Times that the device said it had lost samples.", json_schema_extra=COUNT
    )
    restarts: int = Field(
        ge=0, description="Times that the source was opened again.", json_schema_extra=COUNT
    )
    dropped_windows: int = Field(
        ge=0, description="Windows given up because the engine could not keep up.", json_schema_extra=COUNT
    )
    keeps_up: bool = Field(
        description="false: windows were given up within the last minute, and the alarm is uncertain; or the "
        "engine has not come back for 10 s, and the alarm keeps a state that is not to be believed.",
        json_schema_extra=BOOLEAN,
    )
    dropped_share: float = Field(
        ge=0,
        le=1,
        description="Share of the last minute's windows that was given up.",
        json_schema_extra={"unit": "1"},
    )
    clock_set: bool = Field(
        description="false: the box has not been told the time since it started, so that no `time` of its "
        "documents can be trusted.",
        json_schema_extra=BOOLEAN,
    )
    lag_s: float | None = Field(
        description="From the end of the last judged window's sound to its score; null before the first.",
        json_schema_extra=SECONDS,
    )
    machine: Literal["running", "off"] = Field(
        default="running",
        description="off: a condition of the source's section `off` holds, so that nothing is judged. "
        "running: windows below its level are not judged either, and `uncertain` says so once most are.",
        json_schema_extra=TEXT,
    )
    off_reason: str | None = Field(
        default=None,
        description="Which conditions hold now; null: the machine counts as running.",
        json_schema_extra=TEXT,
    )
    off_signal: SignalState | None = Field(
        default=None,
        description="What the plant's control says of the machine. missing: nothing that can be relied on, "
        "so that it counts as running. null: no signal is configured.",
        json_schema_extra=TEXT,
    )
    off_signal_missing: str | None = Field(
        default=None, description="Why the signal is missing; null: it is not.", json_schema_extra=TEXT
    )
    drift: DriftDocument | None = Field(
        default=None,
        description="Whether its normal sound has moved since the limit was made (docs/drift.md); null: not "
        "looked into yet.",
        json_schema_extra=DOCUMENT,
    )
    shadow: ShadowDocument | None = Field(
        default=None,
        description="The candidate that judges beside the live bundle (docs/promotion.md); null: there is "
        "none.",
        json_schema_extra=DOCUMENT,
    )


class WindowPayload(SourcePayload):
    """A document about one window of sound."""

    time: Time = Field(description="End of the window, as `end_utc`.", json_schema_extra=UTC)
    start_s: float = Field(
        description="Start of the window since the source opened.", json_schema_extra=STREAM_S
    )
    end_s: float = Field(description="End of the window since the source opened.", json_schema_extra=STREAM_S)
    start_utc: Time = Field(description="Start of the window.", json_schema_extra=UTC)
    end_utc: Time = Field(description="End of the window.", json_schema_extra=UTC)


class ScorePayload(WindowPayload):
    """The score of one window. High means unusual; 1.0 is the alarm limit."""

    schema_: Literal["score/1"] = Field(
        default="score/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    value: float | None = Field(
        description="High means unusual; 1.0 is the alarm limit, 0.0 the median of normal sound. null: not "
        "judged, because `quality` is not ok.",
        json_schema_extra=LIMITS,
    )
    expected_per_day: float | None = Field(
        ge=0,
        description="False alarms a day that a limit at this value would raise; null: not judged.",
        json_schema_extra={"unit": "1/day"},
    )
    raw: float | None = Field(
        description="The model's own score, on the model's own scale; null: not judged.",
        json_schema_extra={"unit": "model"},
    )
    engine: str | None = Field(
        description="The library that answered, as `backend` of health; null: not judged.",
        json_schema_extra=TEXT,
    )
    quality: Quality = Field(
        description="Whether the input can be judged; anything but ok has a value of null.",
        json_schema_extra=TEXT,
    )
    profile: tuple[float | None, ...] | None = Field(
        description="Mean error of each frame over the bands, evenly from start to end, to 4 digits; where "
        "speech is taken out, the mean of its second. null: not judged.",
        json_schema_extra=SQUARED,
    )
    level_dbfs: float | None = Field(
        description="RMS level of the window; null: no sample arrived, or all were zero.",
        json_schema_extra={"unit": "dBFS"},
    )
    historical: bool = Field(
        description="true: kept while the broker was away and sent late.", json_schema_extra=BOOLEAN
    )


class MapPayload(WindowPayload):
    """When and at which frequencies a window was unusual: its error map, down-sampled by area mean."""

    schema_: Literal["map/1"] = Field(
        default="map/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    shape: tuple[int, int] = Field(
        description="Rows (frequency, low first) and columns (time, early first).", json_schema_extra=COUNT
    )
    dtype: Literal["uint8"] = Field(default="uint8", description="Type of one cell.", json_schema_extra=TEXT)
    scale: float = Field(ge=0, description="Error = cell times this.", json_schema_extra=SQUARED)
    data: str = Field(
        description="The cells, row after row, in base64.", json_schema_extra={"unit": "base64 of bytes"}
    )
    band_edges_hz: tuple[float, ...] = Field(
        description="Edges of the rows, one more than there are rows.", json_schema_extra=HERTZ
    )
    frame_edges_s: tuple[float, ...] = Field(
        description="Edges of the columns, one more than there are columns.", json_schema_extra=STREAM_S
    )


class AlarmDocument(SourcePayload):
    """What the state of an alarm and its transitions have in common."""

    active: bool = Field(
        description="Whether the score is at or above the limit, whatever was set aside.",
        json_schema_extra=BOOLEAN,
    )
    warning: bool = Field(
        description="Whether the score is at or above the warning level.", json_schema_extra=BOOLEAN
    )
    uncertain: bool = Field(
        description="Whether the input cannot be judged at present, too little of it was lately, or none has "
        "been since the start; what is not judged changes no state.",
        json_schema_extra=BOOLEAN,
    )
    event_id: str | None = Field(
        description="The event this belongs to; null while none is open.", json_schema_extra=TEXT
    )
    event_start: Time | None = Field(
        description="Start of the event's first window at or above the limit; null while none is open.",
        json_schema_extra=UTC,
    )
    peak: float | None = Field(
        description="The highest value of the event so far; null while none is open.",
        json_schema_extra=LIMITS,
    )
    shelved_until: Time | None = Field(
        description="When shelving ends; null when not shelved, or shelved until it returns to normal.",
        json_schema_extra=UTC,
    )
    reason: ChangeReason | None = Field(
        description="What made it change last, before a restart too; null when nothing has.",
        json_schema_extra=TEXT,
    )
    actor: str | None = Field(
        description="Who gave the command; null when the sound did it.", json_schema_extra=TEXT
    )
    note: str | None = Field(description="What that person wrote; null: nothing.", json_schema_extra=TEXT)
    off_reason: str | None = Field(
        default=None,
        description="Why the machine counted as off when it went off, so that the alarm is suppressed by "
        "design; null: it counts as running.",
        json_schema_extra=TEXT,
    )
    acknowledged: bool | None = Field(
        default=None,
        description="Whether nothing waits to be acknowledged, whatever was set aside; null in an event of "
        "before this was noted.",
        json_schema_extra=BOOLEAN,
    )
    explanation: ExplanationDocument | None = Field(
        description="What the event sounded like so far; null while none is open, or nothing is known.",
        json_schema_extra=DOCUMENT,
    )


class AlarmPayload(AlarmDocument):
    """The state of a source's alarm now (ISA-18.2)."""

    schema_: Literal["alarm/1"] = Field(
        default="alarm/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    state: AlarmState = Field(description="ISA-18.2 state.", json_schema_extra=TEXT)
    limits: LimitsDocument = Field(
        description="What scores are held against: as configured, or as an operator has set it.",
        json_schema_extra=DOCUMENT,
    )


class EventPayload(AlarmDocument):
    """One transition of a source's alarm. It may come twice: `seq` tells."""

    schema_: Literal["event/1"] = Field(
        default="event/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    seq: int = Field(
        ge=0,
        description="Rises with each record of this box and is never used again: two events with the same "
        "seq are one.",
        json_schema_extra=COUNT,
    )
    old_state: AlarmState = Field(description="ISA-18.2 state before.", json_schema_extra=TEXT)
    new_state: AlarmState = Field(description="ISA-18.2 state after.", json_schema_extra=TEXT)
