"""Whether a source's normal sound has moved, as a part of its health document."""

from __future__ import annotations

from pydantic import Field

from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.publish.fields import BOOLEAN, COUNT, HOURS, LIMITS, TEXT, UTC, Time, rfc3339_from_utc_s
from monitor.publish.part import Part


class DriftDocument(Part):
    """What was found of a source's normal sound, which is looked into once a day. It changes no limit."""

    state: DriftState = Field(
        description="stable: it is as it was. drifting: it has moved; whether by a season or by a fault that "
        "grows slowly, scores cannot tell. too_little: too few days were heard.",
        json_schema_extra=TEXT,
    )
    words: str = Field(description="What was found, with figures; in English.", json_schema_extra=TEXT)
    median: float | None = Field(
        description="Median score of normal windows of the recent days; null: too little.",
        json_schema_extra=LIMITS,
    )
    median_then: float | None = Field(
        description="The same of what they are held against; null: too little.", json_schema_extra=LIMITS
    )
    psi: float | None = Field(
        description="How unlike the recent days are: population stability index; null: too little.",
        json_schema_extra={"unit": "1"},
    )
    proposal: str | None = Field(
        description="Id of the limit that is proposed, for command `recalibrate` or `decline`; null: none.",
        json_schema_extra=TEXT,
    )
    withheld: str | None = Field(
        description="Why none is, though normal sound has moved; null: no reason to give.",
        json_schema_extra=TEXT,
    )
    declined_by: str | None = Field(
        default=None,
        description="Who declined the limit that would be proposed now; null: nobody did.",
        json_schema_extra=TEXT,
    )
    declined_at: Time | None = Field(
        default=None, description="When that was; null: nobody did.", json_schema_extra=UTC
    )
    declined_why: str | None = Field(
        default=None,
        description="Why, in that person's own words; null: nobody did.",
        json_schema_extra=TEXT,
    )
    limit_age_days: float | None = Field(
        description="Days since the limit in force was made; null: the clock was not set then.",
        json_schema_extra={"unit": "d"},
    )
    limit_hours: float = Field(
        ge=0, description="Hours of normal sound that it was made from.", json_schema_extra=HOURS
    )
    limit_old: bool = Field(
        description="true: that was longer ago than drift.evidence_max_days.", json_schema_extra=BOOLEAN
    )
    limit_steps: int = Field(
        ge=0,
        description="Limits that were accepted since one was learned, each in the place of the one before.",
        json_schema_extra=COUNT,
    )
    limit_of_first: float | None = Field(
        description="The limit in force, in units of the one that was learned; null: not known.",
        json_schema_extra={"unit": "1"},
    )
    first_limit_a_week: float | None = Field(
        description="False alarms a week that the learned one would raise now; null: nothing is proposed.",
        json_schema_extra={"unit": "1/week"},
    )


def drift_document(facts: DriftFacts | None) -> DriftDocument | None:
    """Return what is told; None: nothing was looked into yet."""
    if facts is None:
        return None
    return DriftDocument(
        state=facts.state,
        words=facts.words,
        median=facts.median,
        median_then=facts.median_then,
        psi=facts.psi,
        proposal=facts.proposal,
        withheld=facts.withheld,
        declined_by=facts.declined_by,
        declined_at=None if facts.declined_utc_s is None else rfc3339_from_utc_s(facts.declined_utc_s),
        declined_why=facts.declined_why,
        limit_age_days=facts.evidence_age_days,
        limit_hours=facts.evidence_hours,
        limit_old=facts.evidence_old,
        limit_steps=facts.limit_steps,
        limit_of_first=facts.limit_of_first,
        first_limit_a_week=facts.first_limit_a_week,
    )
