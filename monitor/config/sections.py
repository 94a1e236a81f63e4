"""The sections of config.yaml, but for the sources, the engine, the explanation and MQTT."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from monitor.band_pass import LEAST_WIDTH_HZ
from monitor.config.section import Section


class AlarmConfig(Section):
    """When a score becomes an alarm, and when it stops being one (ISA-18.2)."""

    false_alarms_per_week: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="How many alarms a week normal sound may raise. The alarm limit (value 1.0) is "
        "set from it.",
    )
    warning_value: float = Field(
        default=0.7,
        gt=0,
        le=1.0,
        description="Warning level, in units of the alarm limit.",
    )
    deadband: float = Field(
        default=0.1,
        ge=0,
        lt=1.0,
        description="The alarm clears below 1.0 minus this, in units of the alarm limit.",
    )
    on_delay_s: float = Field(
        default=0.0,
        ge=0,
        le=86400,
        description="The score must stay at or above the limit this long before the alarm is raised; "
        "0 raises at the first window.",
    )
    off_delay_s: float = Field(
        default=5.0,
        ge=0,
        le=86400,
        description="The score must stay below limit - deadband this long before the alarm clears.",
    )
    acknowledge_required: bool = Field(
        default=True,
        description="true: a cleared alarm stays `returned` until somebody acknowledges it. false: "
        "it becomes normal by itself.",
    )
    shelve_max_s: float = Field(
        default=28800.0,
        gt=0,
        le=2592000,
        description="The longest time for which an operator may shelve an alarm.",
    )
    limit_min: float = Field(
        default=0.5,
        gt=0,
        le=1.0,
        description="The lowest alarm limit that an operator may set (command set_limits), in units of the "
        "calibrated one.",
    )
    limit_max: float = Field(
        default=2.0,
        ge=1.0,
        le=100,
        description="The highest alarm limit that an operator may set, in units of the calibrated one.",
    )
    delay_max_s: float = Field(
        default=600.0,
        ge=0,
        le=86400,
        description="The longest on_delay_s or off_delay_s that an operator may set.",
    )

    @model_validator(mode="after")
    def _check(self) -> AlarmConfig:
        if self.deadband >= self.warning_value:
            raise ValueError(
                f"deadband {self.deadband:g} must be below warning_value {self.warning_value:g}, "
                "or a warning would never clear"
            )
        return self


class WindowConfig(Section):
    """How the stream is cut."""

    hop_frames: int = Field(
        default=32,
        ge=1,
        le=4096,
        description="Frames from one window to the next; the length of a window is the bundle's.",
    )


class InputQualityConfig(Section):
    """When a window's input is too bad to be judged."""

    silent_below_dbfs: float = Field(
        default=-80.0, ge=-140, le=-20, description="A window with a lower RMS level is silent."
    )
    clipped_share: float = Field(
        default=0.001,
        gt=0,
        le=1,
        description="A window with a larger share of samples at full scale is clipped.",
    )
    flat_s: float = Field(
        default=0.05,
        gt=0,
        le=10,
        description="Samples that stand still this long mean a dead converter or cable.",
    )


class StoreConfig(Section):
    """What is kept on disk, and how much of it."""

    audio: Literal["flagged", "never"] = Field(
        default="flagged",
        description="`flagged`: clips around flagged windows are stored. `never`: no sound is written to "
        "the disk; error maps and pictures still are (docs/privacy.md).",
    )
    speech: Literal["keep", "blur", "withhold"] = Field(
        default="keep",
        description="What becomes of speech in what is stored. `keep`: nothing is looked for. `blur`: "
        "where somebody speaks, noise with the same spectrum takes the sound's place; `withhold`: silence. "
        "With both, the stored maps lose their detail in time there, and what cannot be checked is not "
        "stored.",
    )
    speech_threshold: float = Field(
        default=0.9,
        ge=0.2,
        le=0.99,
        description="From this probability on a sound counts as speech; lower finds more speech, and takes "
        "more machine sound for it (docs/privacy.md has the numbers).",
    )
    clip_band_hz: tuple[float, float] | None = Field(
        default=None,
        description="Stored clips hold only this band, [low, high]; default: all that was heard. The model "
        "hears everything all the same.",
    )
    clip_stop_hz: tuple[float, float] | None = Field(
        default=None,
        description="Stored clips hold all but this band, [low, high]; [100, 4000] takes out most of what "
        "speech is understood by. Default: nothing is taken out.",
    )
    pre_roll_s: float = Field(
        default=3.0, ge=0, le=60, description="Sound kept before the first flagged window."
    )
    post_roll_s: float = Field(
        default=3.0, ge=0, le=60, description="Sound kept after the last flagged window."
    )
    max_clip_s: float = Field(
        default=30.0, gt=0, le=600, description="Longest clip; a longer event has more clips."
    )
    clip_every_s: float = Field(
        default=300.0,
        gt=0,
        le=86400,
        description="An event that goes on gets a further clip this often.",
    )
    maps_per_event: int = Field(
        default=40,
        ge=1,
        le=10000,
        description="Windows with a stored error map per event; when full, the worst ones stay.",
    )
    max_bytes: int = Field(
        default=10_000_000_000,
        ge=1_000_000,
        description="Clips and maps together; above it the oldest unlabelled events' go first, locked ones' "
        "never. Alarms are never removed for space.",
    )
    max_age_days: float = Field(
        default=90.0,
        gt=0,
        description="Clips and maps older than this are removed, unless labelled or locked.",
    )
    min_events_per_source: int = Field(
        default=10,
        ge=0,
        le=10_000,
        description="So many newest events of each source keep their clips and maps however short room is, "
        "of a long event the first 12 clips; they go when they are old.",
    )
    min_free_bytes: int = Field(
        default=200_000_000,
        ge=0,
        description="Below this much free space clips and maps are removed as for max_bytes, and none is "
        "written while that is not enough; alarms still are.",
    )

    audit_max_days: float = Field(
        default=1095.0, gt=0, description="The record of commands, who asked for what, goes back so far."
    )
    audit_max_rows: int = Field(
        default=100_000,
        ge=100,
        le=1_000_000,
        description="The record of commands has at most so many entries; the oldest go.",
    )
    shadow_max_days: float = Field(
        default=90.0,
        gt=0,
        description="What a candidate said beside a live bundle is kept so long; the sound of their "
        "disagreements no longer than max_age_days, either, unless labelled.",
    )
    shadow_max_windows: int = Field(
        default=1_000_000,
        ge=1000,
        le=100_000_000,
        description="Of each source so many windows of what a candidate said are kept, the newest: about 70 "
        "MB, and 284 hours with a window each 1.024 s. Where more than 100 sources have candidates less of "
        "each, so that they are 100 million together.",
    )
    shadow_max_clips: int = Field(
        default=50,
        ge=0,
        le=1000,
        description="Of each source so many clips of disagreements are kept, the newest. When room is short "
        "they go before those of events.",
    )

    def for_source(
        self,
        audio: Literal["flagged", "never"] | None,
        speech: Literal["keep", "blur", "withhold"] | None,
    ) -> StoreConfig:
        """Return what holds for a source with keys `audio` and `speech` of its own; None: it has not."""
        own = {"audio": audio or self.audio, "speech": speech or self.speech}
        if own == {"audio": self.audio, "speech": self.speech}:  # the usual case, and every window asks
            return self
        return self.model_copy(update=own)

    @field_validator("clip_band_hz", "clip_stop_hz")
    @classmethod
    def _check_band(cls, band: tuple[float, float] | None) -> tuple[float, float] | None:
        if band is not None and not (band[0] >= 0.0 and band[1] - band[0] >= LEAST_WIDTH_HZ):
            raise ValueError(
                f"low must be 0 or more, and high at least {LEAST_WIDTH_HZ:g} Hz above it, as in [100, 4000]"
            )
        return band


class LogConfig(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level written."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="`auto`: coloured on a terminal, JSON lines elsewhere (journald).",
    )
