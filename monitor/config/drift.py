"""The section `drift` of config.yaml: when a machine's normal sound counts as moved."""

from __future__ import annotations

from pydantic import Field

from monitor.config.section import Section


class DriftConfig(Section):
    """Whether a machine's normal sound has moved since its limit was made (docs/drift.md)."""

    enabled: bool = Field(
        default=True,
        description="Whether the scores of normal windows are counted, hour by hour. That never changes a "
        "limit: another one is proposed, and somebody accepts it.",
    )
    by_mqtt: bool = Field(
        default=True,
        description="Whether the commands `recalibrate` and `decline` are taken by MQTT and Sparkplug too. "
        "Without this a limit is accepted or declined on the page or on the box, by somebody with a name; "
        "the broker's access list is the other way to forbid it.",
    )
    reference_days: int = Field(
        default=7,
        ge=5,
        le=60,
        description="The first so many days of sound under a bundle and its limit are what later ones are "
        "held against, beside the sound that the limit was made from.",
    )
    recent_days: int = Field(
        default=7,
        ge=5,
        le=20,
        description="The last so many days of sound are held against them, and a proposal is made from them.",
    )
    psi: float = Field(
        default=0.25,
        ge=0.1,
        le=10,
        description="From this population stability index on normal sound has moved; 0.1 is moderate, 0.25 "
        "large.",
    )
    max_total: float = Field(
        default=1.5,
        ge=1,
        le=1000,
        description="A proposal that would raise the limit to more than so many times the one that was "
        "learned, with all that was accepted since, is refused unless somebody says why (`despite`).",
    )
    evidence_max_days: float = Field(
        default=180.0,
        gt=0,
        description="A limit that was made longer ago is told to be old: it has not heard every season.",
    )
    keep_days: float = Field(
        default=400.0, ge=60, le=4000, description="How far back the counts go; about 1 MB a source and year."
    )
