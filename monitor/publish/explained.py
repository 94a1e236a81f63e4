"""What an event sounded like, in its documents: findings as values, and one sentence for a person.

The records of the outbox hold values alone. The sentence is made here, when a document is sent, in the
language of the configuration, so that a changed language or a better catalogue reaches waiting events too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from monitor.explanation import Explanation, Finding, SoundKind
from monitor.publish.fields import (
    COUNT,
    DECIBELS,
    DOCUMENT,
    HERTZ,
    SECONDS,
    TEXT,
    UTC,
    Time,
    rfc3339_from_utc_s,
)
from monitor.publish.part import Part


@dataclass(frozen=True, slots=True)
class Voice:
    """How findings are put into words: handed in, for stages know nothing of each other's language."""

    language: str
    """The language's code, as the name of its catalogue."""
    say: Callable[[Explanation], str | None]
    """The sentence; None when there are no words for it. Must not raise: an event would never be sent."""


class FindingDocument(Part):
    """One thing that was wrong with the sound."""

    kind: SoundKind = Field(description="What it would be called.", json_schema_extra=TEXT)
    low_hz: float = Field(
        ge=0, description="Lower edge of the band in which it is strongest.", json_schema_extra=HERTZ
    )
    high_hz: float = Field(ge=0, description="Upper edge of that band.", json_schema_extra=HERTZ)
    start: Time = Field(description="Where it was first heard.", json_schema_extra=UTC)
    end: Time = Field(description="Where it was last heard.", json_schema_extra=UTC)
    change_db: float = Field(
        description="Power in the band while it sounds, against normal sound there; negative: softer.",
        json_schema_extra=DECIBELS,
    )
    period_s: float | None = Field(
        description="From one repetition to the next; null: nothing repeats evenly.",
        json_schema_extra=SECONDS,
    )


class ExplanationDocument(Part):
    """What is known of an event so far; grows with it."""

    text: str | None = Field(
        description="One sentence for a person; null when there are no words for it.", json_schema_extra=TEXT
    )
    language: str = Field(
        description="Language of `text`, from `explanation.language`.", json_schema_extra=TEXT
    )
    findings: tuple[FindingDocument, ...] = Field(
        description="Most telling first, at most three.", json_schema_extra=DOCUMENT
    )
    windows: int = Field(
        ge=0,
        description="Windows of the event so far, those that could not be judged included.",
        json_schema_extra=COUNT,
    )
    start: Time = Field(description="Start of the first of them.", json_schema_extra=UTC)
    end: Time = Field(description="End of the last of them.", json_schema_extra=UTC)


def explanation_document(explanation: Explanation | None, voice: Voice) -> ExplanationDocument | None:
    """Return the part of a document that says what was heard, numbers as exact as they are known."""
    if explanation is None:
        return None
    return ExplanationDocument(
        text=voice.say(explanation),
        language=voice.language,
        findings=tuple(_finding_document(finding) for finding in explanation.findings),
        windows=explanation.windows,
        start=rfc3339_from_utc_s(explanation.start_utc_s),
        end=rfc3339_from_utc_s(explanation.end_utc_s),
    )


def _finding_document(finding: Finding) -> FindingDocument:
    return FindingDocument(
        kind=finding.kind,
        low_hz=max(0.0, round(finding.low_hz, 1)),
        high_hz=max(0.0, round(finding.high_hz, 1)),
        start=rfc3339_from_utc_s(finding.start_utc_s),
        end=rfc3339_from_utc_s(finding.end_utc_s),
        change_db=round(finding.change_db, 1),
        period_s=None if finding.period_s is None else round(finding.period_s, 4),
    )
