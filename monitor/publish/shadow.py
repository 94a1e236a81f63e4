"""How a source's candidate is getting on, as a part of its health document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from monitor.publish.fields import COUNT, HOURS, TEXT, UTC, Time, rfc3339_from_utc_s
from monitor.publish.part import Part
from monitor.shadow.facts import ShadowFacts, ShadowState

TOLD_STEP_H = 0.01
"""Hours are told in steps of this."""


class ShadowDocument(Part):
    """A candidate that judges beside the live bundle. What it says changes no alarm."""

    candidate: str = Field(description="The version of the source's library.", json_schema_extra=TEXT)
    candidate_bundle: str | None = Field(
        description="Its bundle; null: it is not open.", json_schema_extra=TEXT
    )
    state: ShadowState = Field(
        description="waiting: it is not asked yet. judging: it judges beside the live bundle. set_aside: it "
        "was refused, fails, hangs or ended the process, and is not asked any more.",
        json_schema_extra=TEXT,
    )
    reason: str | None = Field(
        description="Why it waits or was set aside; null: it judges.", json_schema_extra=TEXT
    )
    began: Time | None = Field(
        description="When the first window was heard that both judged, by the limits and delays in force; "
        "null: there is none yet.",
        json_schema_extra=UTC,
    )
    judged_hours: float = Field(
        ge=0,
        description="Hours of sound that both have judged since then, restarts included.",
        json_schema_extra=HOURS,
    )
    skipped_share: float = Field(
        ge=0,
        le=1,
        description="Share of windows that the candidate was not given, as the CPU was for live bundles.",
        json_schema_extra={"unit": "1"},
    )
    disputes: int = Field(
        ge=0,
        description="Times that one alarmed and the other did not, since the run began.",
        json_schema_extra=COUNT,
    )
    verdict: Literal["better", "not_better", "too_early"] | None = Field(
        description="What the policy found last (bundles.promotion); null: it was not asked.",
        json_schema_extra=TEXT,
    )
    verdict_reasons: tuple[str, ...] = Field(
        description="Why, a sentence each; empty: it was not asked.", json_schema_extra=TEXT
    )


def shadow_document(facts: ShadowFacts | None) -> ShadowDocument | None:
    """Return what is told of a candidate; None: there is none."""
    if facts is None:
        return None
    return ShadowDocument(
        candidate=facts.candidate,
        candidate_bundle=facts.bundle_id,
        state=facts.state,
        reason=facts.reason or None,
        began=None if facts.began_utc_s is None else rfc3339_from_utc_s(facts.began_utc_s),
        judged_hours=round(facts.heard_s / 3600.0 / TOLD_STEP_H) * TOLD_STEP_H,
        skipped_share=round(facts.skipped_share, 4),
        disputes=facts.disputes,
        verdict=facts.verdict,
        verdict_reasons=facts.verdict_reasons,
    )
