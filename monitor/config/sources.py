"""The sources of config.yaml: a list of what is listened to, each of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from monitor.config.off import OffConfig
from monitor.config.section import NAME, Section
from monitor.config.sections import AlarmConfig
from monitor.config.shapes import STREAM_URL


class SourceBase(Section):
    """What every kind of source has."""

    id: str = Field(pattern=NAME, description="Name of the source: in topics, events and file names.")
    bundle: Literal["managed"] | Path | None = Field(
        default=None,
        description="Folder of this machine's own bundle, or `managed`: the version that was promoted last "
        "(docs/bundles.md); default: engine.bundle.",
    )
    alarm: AlarmConfig | None = Field(
        default=None,
        description="This machine's own alarm settings, whole; default: the section `alarm`.",
    )
    off: OffConfig | None = Field(
        default=None,
        description="When this machine is off, so that its alarm is suppressed by design; default: it always "
        "counts as running.",
    )
    audio: Literal["flagged", "never"] | None = Field(
        default=None, description="Of this machine; default: store.audio."
    )
    speech: Literal["keep", "blur", "withhold"] | None = Field(
        default=None, description="Of this machine; default: store.speech."
    )

    @property
    def input_key(self) -> tuple[str, ...]:
        """The same for all sources that are heard through one opened input."""
        return ("", self.id)

    @property
    def hearing(self) -> Mapping[str, object]:
        """What its input is opened with: the keys of its kind."""
        every = type(self).model_fields
        return {name: getattr(self, name) for name in every if name not in SourceBase.model_fields}


class MicrophoneSource(SourceBase):
    """A sound card's input, through PortAudio, in a child process."""

    kind: Literal["microphone"] = Field(description="This kind of source.")
    device: str = Field(
        default="default",
        description="A stable name from `wheeltapper devices` (for example `alsa:CARD=Device,DEV=0` "
        "or `usb-path:1-1.2`), "
        "or `default`.",
    )
    channel: int = Field(default=1, ge=1, le=256, description="Channel of the device, from 1.")
    sample_rate_hz: int | None = Field(
        default=None, ge=8000, le=384000, description="Device rate; default: the device's own."
    )
    block_ms: float = Field(
        default=100.0,
        ge=5,
        le=1000,
        description="How much sound crosses at once; latency against wake-ups.",
    )

    @property
    def input_key(self) -> tuple[str, ...]:
        """One device is opened once."""
        return (self.kind, self.device)


class FileSource(SourceBase):
    """A recording: WAV, FLAC, OGG or whatever libsndfile reads."""

    kind: Literal["file"] = Field(description="This kind of source.")
    path: Path = Field(description="The file.")
    channel: int = Field(default=1, ge=1, le=256, description="Channel of the file, from 1.")
    pace: Literal["real_time", "fast"] = Field(
        default="real_time",
        description="`real_time` plays as it was recorded, `fast` as fast as it is taken.",
    )
    repeat: bool = Field(default=False, description="Start again at the end, for ever.")
    block_ms: float = Field(
        default=100.0,
        ge=5,
        le=1000,
        description="How much sound is handed over at once in real time, as for microphones.",
    )


class StreamSource(SourceBase):
    """A network stream that ffmpeg can open."""

    kind: Literal["stream"] = Field(description="This kind of source.")
    url: str = Field(
        pattern=STREAM_URL,
        description="rtsp://, rtsps://, http://, https://, udp://, rtp://, srt:// or tcp:// address.",
    )
    channel: int = Field(default=1, ge=1, le=256, description="Channel of the stream, from 1.")
    sample_rate_hz: int = Field(
        default=16000, ge=8000, le=384000, description="Rate at which ffmpeg hands the sound over."
    )

    @property
    def input_key(self) -> tuple[str, ...]:
        """One address is opened once at each rate."""
        return (self.kind, self.url, str(self.sample_rate_hz))


FaultKind = Literal["bearing", "cavitation", "belt_squeal", "imbalance", "air_leak", "dropout"]


class FaultConfig(Section):
    """One fault of the simulated machine."""

    kind: FaultKind = Field(description="What breaks.")
    start_s: float = Field(ge=0, description="When it begins, in stream time.")
    duration_s: float = Field(gt=0, description="How long it lasts.")
    severity: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="1.0 is plainly audible to a person beside the machine.",
    )


class SimulatedSource(SourceBase):
    """A machine that does not exist but could: the sound that `make run` listens to."""

    kind: Literal["simulated"] = Field(description="This kind of source.")
    machine: Literal["pump", "fan", "gearbox"] = Field(default="pump", description="Which machine.")
    seed: int = Field(default=1, ge=0, description="Same seed, same sound.")
    pace: Literal["real_time", "fast"] = Field(default="real_time", description="As for files.")
    sample_rate_hz: int = Field(
        default=48000, ge=16000, le=192000, description="Rate of the simulated converter."
    )
    duration_s: float | None = Field(default=None, gt=0, description="Ends after this; default: never.")
    faults: tuple[FaultConfig, ...] = Field(default=(), description="Faults, on a schedule.")
    repeat_every_s: float | None = Field(
        default=None,
        gt=0,
        description="Start the schedule of faults again after this; default: never.",
    )


SourceConfig = Annotated[
    MicrophoneSource | FileSource | StreamSource | SimulatedSource, Field(discriminator="kind")
]
