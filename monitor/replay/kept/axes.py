"""What the pictures of a clip show where: one time axis for all of them, bands from low to high."""

from __future__ import annotations

import enum

from pydantic import BaseModel, ConfigDict, Field

from monitor.messages import Quality
from monitor.publish.fields import Time


class Note(str, enum.Enum):
    """Why pictures show less than they could."""

    NO_MAPS = "no_maps"
    """No window of this clip has its maps any more, or none was ever kept."""
    PARTLY_COVERED = "partly_covered"
    """In `uncovered` stretches nothing is known of reconstruction and error."""
    BUNDLE_UNKNOWN = "bundle_unknown"
    """The bundle is not on this box: frequencies, and the log-mel of uncovered sound, are not known."""
    OTHER_BUNDLE = "other_bundle"
    """Some windows were judged by another bundle; they are left out."""
    LOST_SAMPLES = "lost_samples"
    """The clip holds silence in place of samples that never arrived."""
    SPEECH_BLURRED = "speech_blurred"
    """Where somebody spoke, the clip holds noise with the same spectrum, or silence (store.speech)."""
    SPEECH_WITHHELD = "speech_withheld"
    """Where somebody spoke, the clip holds silence (store.speech)."""
    BAND_LIMITED = "band_limited"
    """The clip does not hold all frequencies (store.clip_band_hz, store.clip_stop_hz)."""


class Part(BaseModel):
    """A part of a document: no key is left out, none is added."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


class Stretch(Part):
    """From here to there, in seconds from the start of the clip."""

    start_s: float = Field(description="Seconds from the clip's start.")
    end_s: float = Field(description="Seconds from the clip's start.")


class ScaleDocument(Part):
    """What the ends of a picture's colours mean."""

    low: float = Field(description="The darkest colour and all below.")
    high: float = Field(description="The brightest colour and all above.")
    unit: str = Field(
        description="`dB`, `sd` (standard deviations of a band in normal sound) or `fs` (of full scale)."
    )


class Scales(Part):
    """One for each picture; null: the picture is blank."""

    waveform: ScaleDocument = Field(description="Lower and upper edge of the picture.")
    logmel: ScaleDocument | None = Field(description="The same as of the reconstruction.")
    reconstruction: ScaleDocument | None = Field(description="The same as of the log-mel.")
    error_map: ScaleDocument | None = Field(description="Root of the squared error.")
    difference: ScaleDocument | None = Field(
        description="Log-mel less reconstruction; bright: more sound than the model expected."
    )


class PlacedWindow(Stretch):
    """A flagged window in its clip; it may begin before the clip or end after it."""

    window_id: str = Field(description="Of its own pictures.")
    value: float | None = Field(description="In units of the alarm limit; null: not judged.")
    quality: Quality = Field(description="Of its input.")
    has_maps: bool = Field(description="Whether its maps are in the pictures.")


class Axes(Part):
    """Where times and frequencies lie in the pictures of a clip.

    Pixel column x shows [x, x + 1) * seconds_per_px from the clip's start; row 0 is drawn lowest.
    """

    clip_id: str = Field(description="The clip.")
    event_id: str = Field(description="Its event.")
    source_id: str = Field(description="Who was heard.")
    start: Time = Field(description="UTC of the clip's first sample.")
    duration_s: float = Field(ge=0, description="Of the clip.")
    sample_rate_hz: int = Field(gt=0, description="Of the clip.")
    lost_samples: int = Field(ge=0, description="Zeros in the clip that stand for lost samples.")
    seconds_per_px: float = Field(gt=0, description="Seconds that one column shows.")
    width_px: int = Field(ge=1, description="Columns of every picture.")
    height_px: int = Field(ge=1, description="Rows of every map: mel bands.")
    row_edges_hz: tuple[float, ...] | None = Field(
        description="height_px + 1 frequencies between the rows, lowest first; null: not known."
    )
    windows: tuple[PlacedWindow, ...] = Field(description="The event's kept windows in this clip.")
    profile: tuple[float | None, ...] = Field(
        description="Mean squared error of each column over the bands, standardised; null: not known."
    )
    uncovered: tuple[Stretch, ...] = Field(description="Where no window's maps were kept.")
    scales: Scales = Field(description="What the colours mean.")
    notes: tuple[Note, ...] = Field(description="Why pictures show less than they could.")
