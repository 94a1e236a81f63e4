"""The section `off` of a source: by what one knows that its machine is off."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from monitor.config.section import Section
from monitor.config.shapes import JSON_PATH, TOPIC

if TYPE_CHECKING:
    from monitor.config import Config

DAY_MINUTES = 1440
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class OffLevel(Section):
    """The machine is off while it is quiet."""

    below_dbfs: float = Field(
        ge=-140,
        le=0,
        description="A window with a lower RMS level is too quiet for a machine that runs, and not judged; "
        "if most are, and it is never off, its alarm is uncertain. Above `input_quality.silent_below_dbfs`.",
    )
    after_s: float = Field(
        default=10.0,
        ge=0,
        le=86400,
        description="So long all windows must be that quiet before the machine counts as off; 0: one window.",
    )
    hysteresis_db: float = Field(
        default=6.0,
        ge=0,
        le=60,
        description="It runs again at once when a window is this much louder than `below_dbfs`, and when no "
        "window was below that for a minute.",
    )


def _clock_text(value: object) -> object:
    """Return `22:00` as it was written: YAML takes it, without quotes, for 22 times 60."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"{value // 60:02}:{value % 60:02}"
    return value


Clock = Annotated[str, BeforeValidator(_clock_text)]


class OffTimes(Section):
    """Hours of some days of the week."""

    days: tuple[Day, ...] = Field(
        min_length=1, description="Days on which it begins: mon, tue, wed, thu, fri, sat, sun."
    )
    begin: Clock = Field(default="00:00", description="Local time, as 22:00.")
    end: Clock = Field(
        default="24:00",
        description="Local time; at or before `begin` is meant on the next day. 24:00 is the end of the day.",
    )

    @field_validator("begin", "end")
    @classmethod
    def _check_clock(cls, text: str) -> str:
        found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
        if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > DAY_MINUTES:
            raise ValueError("must be a local time from 00:00 to 24:00, as 22:00 or 06:30")
        return f"{int(found[1]):02}:{found[2]}"

    @model_validator(mode="after")
    def _check(self) -> OffTimes:
        if self.begin == self.end:
            raise ValueError(
                f"begin and end are both {self.begin}; a whole day is begin 00:00 and end 24:00, the default"
            )
        return self

    @property
    def begin_minute(self) -> int:
        """Minutes from the day's midnight."""
        return _minutes(self.begin)

    @property
    def end_minute(self) -> int:
        """Minutes from the same midnight: more than a day when it ends on the next."""
        end = _minutes(self.end)
        return end if end > self.begin_minute else end + DAY_MINUTES


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class OffSchedule(Section):
    """The machine is off at certain times of the week."""

    time_zone: str = Field(description="Whose clock: a name such as Europe/Berlin, with its summer time.")
    times: tuple[OffTimes, ...] = Field(min_length=1, max_length=100, description="When it is off.")

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                "is no time zone here; take a name of `timedatectl list-timezones`, and if that has none, "
                "install the system's package tzdata"
            ) from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)


class _Signal(Section):
    """What signals have in common, by whichever way they come."""

    lost_after_s: float = Field(
        default=60.0,
        ge=0,
        le=86400,
        description="When the broker is away, or was and the signal has not been told again, the last one "
        "holds for so long; then the machine counts as running.",
    )
    stale_after_s: float | None = Field(
        default=None,
        gt=0,
        le=604800,
        description="For a signal that is sent over and over: one that is older is missing, and the machine "
        "counts as running. Default: a signal holds until the next, while the broker is there.",
    )


class MqttSignal(_Signal):
    """The plant's control says on a topic whether the machine runs."""

    kind: Literal["mqtt"] = Field(description="A topic, over the connection of the section `mqtt`.")
    topic: str = Field(
        pattern=TOPIC,
        description="Where it says so, without wildcards; let it be retained. "
        "Payload: 1, true, on or running; 0, false, off or stopped.",
    )
    json_path: str | None = Field(
        default=None,
        pattern=JSON_PATH,
        description="The payload is JSON: where in it, as machine.state or drives.0.on. Default: it is the "
        "bare word.",
    )
    inverted: bool = Field(
        default=False, description="true: the signal says that the machine is off, not that it runs."
    )


class SparkplugSignal(_Signal):
    """The plant's host writes the tag Machine/Running of the device."""

    kind: Literal["sparkplug"] = Field(description="The tag Machine/Running, by DCMD.")


class OffConfig(Section):
    """By what one knows that a machine is off; any one of the conditions is enough."""

    level: OffLevel | None = Field(default=None, description="By its sound.")
    schedule: OffSchedule | None = Field(default=None, description="By the time of the week.")
    signal: MqttSignal | SparkplugSignal | None = Field(
        default=None, discriminator="kind", description="By what the plant's control says."
    )
    settle_s: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="When no condition holds any more it is still off for so long: a machine that starts "
        "sounds unlike one that runs.",
    )

    @model_validator(mode="after")
    def _check(self) -> OffConfig:
        if self.level is None and self.schedule is None and self.signal is None:
            raise ValueError("needs one of level, schedule and signal; or remove it")
        return self


def check_off(config: Config) -> None:
    """Refuse conditions that could never hold beside the rest of the configuration.

    Raises:
        ValueError: The text names the key and the remedy.
    """
    for source_id, off in _sections(config):
        silent = config.input_quality.silent_below_dbfs
        if off.level is not None and off.level.below_dbfs <= silent:
            raise ValueError(
                f"sources.{source_id}.off.level.below_dbfs {off.level.below_dbfs:g} must be above "
                f"input_quality.silent_below_dbfs {silent:g}: what is quieter is a dead microphone, not a "
                "machine that is off"
            )
        kind = None if off.signal is None else off.signal.kind
        if kind == "mqtt" and not config.mqtt.enabled:
            raise ValueError(
                f"sources.{source_id}.off.signal.kind mqtt needs that connection: set mqtt.enabled: true"
            )
        if kind == "sparkplug" and not config.sparkplug.enabled:
            raise ValueError(f"sources.{source_id}.off.signal.kind sparkplug needs sparkplug.enabled: true")


def _sections(config: Config) -> Iterable[tuple[str, OffConfig]]:
    return ((source.id, source.off) for source in config.sources if source.off is not None)
