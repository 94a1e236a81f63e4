"""The tags of what follows the judging: part of the table of metrics.py.

Their names are those of the parts `shadow` and `drift` of a health document, and they are filled from it.
"""

from __future__ import annotations

from monitor.drift.judgement import DriftState
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.tags import Tag
from monitor.shadow.facts import ShadowState


def _words(kind: type[DriftState | ShadowState]) -> str:
    return ", ".join(member.value for member in kind)


SHADOW_TAGS = (
    Tag("Shadow/Candidate", DataType.STRING, "The candidate, a version of the library; null: it has none."),
    Tag("Shadow/CandidateBundle", DataType.STRING, "Its bundle; null: it is not open, or there is none."),
    Tag("Shadow/State", DataType.STRING, f"How it is getting on: {_words(ShadowState)}."),
    Tag("Shadow/Reason", DataType.STRING, "Why it waits or was set aside; null: it judges."),
    Tag("Shadow/Disputes", DataType.INT64, "Times that one alarmed and the other did not.", low=0.0),
    Tag(
        "Shadow/Verdict",
        DataType.STRING,
        "What the policy found last: better, not_better, too_early; null: it was not asked.",
    ),
)
"""A candidate that judges beside the live bundle; what it says changes no alarm."""

DRIFT_TAGS = (
    Tag(
        "Drift/State",
        DataType.STRING,
        f"What is known of normal sound: {_words(DriftState)}; null: not looked into yet.",
        documentation="Looked into once a day. Drifting: it has moved; whether by a season or by a fault "
        "that grows slowly, scores cannot tell.",
    ),
    Tag("Drift/Words", DataType.STRING, "What was found, with figures; in English.", kept=False),
    Tag(
        "Drift/Proposal",
        DataType.STRING,
        "Id of the limit that is proposed; null: none is.",
        documentation="A person says yes or no to it: recalibrate or decline, by `Command/Document`.",
    ),
    Tag("Drift/Withheld", DataType.STRING, "Why none is, though it has moved; null: no reason to give."),
    Tag(
        "Drift/DeclinedBy",
        DataType.STRING,
        "Who declined the limit that would be proposed now; null: nobody did.",
    ),
    Tag("Drift/DeclinedAt", DataType.DATETIME, "When that was; null: nobody did."),
    Tag("Drift/DeclinedWhy", DataType.STRING, "Why, in that person's own words; null: nobody did."),
    Tag("Drift/LimitOld", DataType.BOOLEAN, "The limit in force has not heard every season."),
    Tag(
        "Drift/LimitSteps",
        DataType.INT64,
        "Limits that were accepted since one was learned, each in the place of the one before.",
        low=0.0,
    ),
    Tag("Drift/LimitOfFirst", DataType.DOUBLE, "The limit in force, in units of the one that was learned."),
)
"""Whether normal sound has moved since the limit was made."""

FOLLOWED_TAGS = (*SHADOW_TAGS, *DRIFT_TAGS)
