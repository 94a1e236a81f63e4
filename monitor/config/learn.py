"""The section `learn` of config.yaml: guided commissioning, when somebody asks for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from monitor.config.section import Section
from monitor.config.shapes import WIDTHS


class LearnConfig(Section):
    """Recording normal sound and learning from it, when an operator asks (docs/commissioning.md)."""

    enabled: bool = Field(
        default=True,
        description="Whether an operator may have the daemon record and learn. Never of a source with "
        "`audio: never`.",
    )
    by_mqtt: bool = Field(
        default=False,
        description="Whether the command `learn` is taken by MQTT and Sparkplug too. A recording holds all "
        "sound, speech too: without this it is started on the page or on the box, by somebody with a name.",
    )
    where: Literal["auto", "here", "elsewhere"] = Field(
        default="auto",
        description="Where a model is trained. auto: here, where torch is installed. elsewhere: the sound is "
        "packed, to be fetched from the page.",
    )
    check_s: float = Field(
        default=20.0, ge=4, le=600, description="So long the microphone is listened to before a recording."
    )
    epochs: int | None = Field(
        default=None, ge=1, le=10_000, description="Passes over the sound; default: as the hours need."
    )
    widths: str | None = Field(
        default=None,
        pattern=WIDTHS,
        description="Channels of each stage of the model, as for `wheeltapper train`; default: the recipe's.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="CPU threads of a training; default: one for each core but one.",
    )
    nice: int = Field(
        default=19, ge=0, le=19, description="How far a training stands back behind all else on the box."
    )
    max_memory_bytes: int = Field(
        default=6_000_000_000,
        ge=500_000_000,
        description="Memory of a training's own data; one that needs more ends with a message.",
    )
