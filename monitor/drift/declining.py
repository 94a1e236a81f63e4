"""When another limit may be proposed after somebody has declined one."""

from __future__ import annotations

from dataclasses import replace

from monitor.drift.judgement import Case, DriftState, judged
from monitor.drift.likeness import DAY_S
from monitor.drift.proposal import Proposal
from monitor.drift.words import day_of
from monitor.store.declined import Declined

AGAIN_AFTER_DAYS = 28.0
"""So long the word of whoever declined holds; then what is still so is proposed again."""


def again_utc_s(declined: Declined) -> float:
    """Return from when on the same may be proposed again."""
    return declined.at_utc_s + AGAIN_AFTER_DAYS * DAY_S


def was_proposed_since(declined: Declined, known: Proposal, found: Proposal) -> bool:
    """Whether what is known was proposed after somebody had declined, to what judges still."""
    of_what_judges = (known.basis, known.budget) == (found.basis, found.budget)
    return of_what_judges and known.made_utc_s > declined.at_utc_s


def holds_back(declined: Declined, found: Proposal, case: Case) -> bool:
    """Whether a limit is not to be proposed, because it says what somebody has declined already.

    `case` is what it was found from. It says something else where another bundle, limit or promise is in
    force, where it points the other way, and where normal sound has moved on: the limit lies further out
    than the declined one, and since the days of that one it has moved as surely as it had then.
    """
    if (declined.basis, declined.budget) != (found.basis, found.budget):
        return False
    # dated by a clock that was days ahead, it would hold for as long again
    is_ahead = declined.at_utc_s > case.now_utc_s + DAY_S
    if is_ahead or case.now_utc_s >= again_utc_s(declined):
        return False
    if (found.limit > 1.0) != (declined.factor > 1.0):
        return False
    if (found.limit - declined.factor) * (declined.factor - 1.0) <= 0.0:
        return True
    since = replace(case, since_utc_s=declined.first_utc_s, edges_hz=None)
    return judged(since).state is not DriftState.DRIFTING


def declined_words(declined: Declined) -> str:
    """Say who declined what and why, and when another one is proposed; in English."""
    return (
        f"proposal {declined.proposal_id} was declined by {declined.who} on {day_of(declined.at_utc_s)}: "
        f"{declined.why}; {again_words(declined)}"
    )


def again_words(declined: Declined) -> str:
    """Say when another limit is proposed; in English."""
    return (
        "another one is made when normal sound has moved markedly further, after "
        f"{day_of(again_utc_s(declined))}, or under another bundle or limit"
    )
