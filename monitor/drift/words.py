"""What was found, in words with figures, in English: for logs, the terminal and MQTT."""

from __future__ import annotations

from monitor.drift.fitting import few
from monitor.drift.judgement import IN_A_ROW, DriftState, Judgement, Side
from monitor.drift.likeness import DAY_S
from monitor.drift.louder import BandChange
from monitor.drift.proposal import Proposal
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.worded import Worded, worded

TOLD_FROM_DB = 0.5
"""A smaller change of the level is not told."""
NOT_TOLD_APART = (
    "a fault that grows slowly looks the same as a change of season: the scores cannot tell; look at the "
    "machine and hear it before you accept"
)


def day_of(utc_s: float) -> str:
    """Return a date, UTC."""
    return rfc3339_from_utc_s(utc_s)[:10]


def judgement_words(judgement: Judgement, scale: float) -> str:
    """Say what was found; `scale`: a unit of the calibration in units of the limit."""
    then, now, likeness = judgement.then, judgement.now, judgement.likeness
    if then is None or now is None or likeness is None:
        return "too few days of normal sound to say anything yet"
    moved = "has moved" if judgement.state is DriftState.DRIFTING else "is as it was"
    if judgement.state is DriftState.STABLE and judgement.in_a_row:
        days = f"{judgement.in_a_row} day{'s' * (judgement.in_a_row != 1)}"
        moved = f"may have moved, as found after {days} in a row where {IN_A_ROW} count"
    said = (
        f"normal sound {moved}: median score {scale * then.median:.2f} -> {scale * now.median:.2f} "
        f"{_since(judgement, then, now)} (PSI {likeness.psi:.2f}, 90 % interval {likeness.low:.2f} to "
        f"{likeness.high:.2f}; {_counted(judgement, then, now)})"
    )
    louder = level_words(judgement) if judgement.state is DriftState.DRIFTING else []
    return "; ".join([said, *louder])


def _since(judgement: Judgement, then: Side, now: Side) -> str:
    if judgement.against == "calibration":
        return f"since the limit was made on {day_of(then.first_utc_s)}"
    days = round((now.first_utc_s - then.first_utc_s) / DAY_S)
    return f"in {days} days"


def _counted(judgement: Judgement, then: Side, now: Side) -> str:
    before = "the sound that it was made from" if judgement.against == "calibration" else f"{then.days}"
    return f"{now.days} days against {before}"


def level_words(judgement: Judgement) -> list[str]:
    """Say how much louder it is, and where."""
    parts = []
    if judgement.level_change_db is not None and abs(judgement.level_change_db) >= TOLD_FROM_DB:
        parts.append(f"level {judgement.level_change_db:+.1f} dB")
    if judgement.bands:
        parts.append("bands " + ", ".join(_band(one) for one in judgement.bands))
    return parts


def _band(band: BandChange) -> str:
    return f"{band.low_hz:.0f}-{band.high_hz:.0f} Hz {band.change_db:+.1f} dB"


def proposal_words(proposal: Proposal) -> list[str]:
    """Say what is proposed, why, and what it rests on; a sentence each."""
    at, after, before, facts = (
        proposal.at_present,
        proposal.promised,
        proposal.promised_before,
        proposal.facts,
    )
    expected = (
        f"at the present limit {few(at.a_week)} false alarms a week are to be expected in place of "
        f"{proposal.budget:g} (90 % interval {few(at.low)} to {few(at.high)}; promised were "
        f"{few(before.low)} to {few(before.high)})"
    )
    promised = (
        f"a limit at {proposal.limit:.2f} of the present one would raise {after.a_week:g} again "
        f"({few(after.low)} to {few(after.high)})"
    )
    evidence = (
        f"it rests on {proposal.hours:.0f} h of normal sound, {day_of(proposal.first_utc_s)} to "
        f"{day_of(proposal.end_utc_s - 1.0)}; events in it: {facts.labelled_normal} labelled no anomaly, "
        f"{facts.not_labelled} not labelled and left out, none labelled an anomaly"
    )
    told = judgement_words(proposal.judgement, proposal.scale)
    return [told, expected, promised, evidence, total_words(proposal), NOT_TOLD_APART]


def total_words(proposal: Proposal) -> Worded:
    """Say how far the limit would have come since one was learned, and what that one would raise now."""
    total = proposal.total
    facts = {
        "first": day_of(total.first_utc_s),
        "present": f"{total.present:.2f}",
        "proposed": f"{total.proposed:.2f}",
        "expected": few(total.at_first.a_week),
    }
    if total.steps == 1:
        return worded(
            "drift-total-of-one-step",
            "since the limit that was learned on {first}: 1 step accepted, the present limit is {present} of "
            "it, the proposed one {proposed}; the learned one would raise {expected} false alarms a week now",
            **facts,
        )
    return worded(
        "drift-total",
        "since the limit that was learned on {first}: {steps} steps accepted, the present limit is {present} "
        "of it, the proposed one {proposed}; the learned one would raise {expected} false alarms a week now",
        steps=total.steps,
        **facts,
    )


def steps_words(steps: int, limit_of_first: float) -> str:
    """Say the same of the limit in force, where steps were accepted."""
    return f"its limit is {limit_of_first:.2f} of the one that was learned, by {steps} accepted step" + (
        "s" * (steps != 1)
    )


def age_words(age_days: float | None, hours: float, *, old: bool) -> str:
    """Say what the limit in force rests on."""
    made = "while the clock was not set" if age_days is None else f"{age_days:.0f} days ago"
    said = f"its limit was made {made}, from {hours:.1f} h of sound"
    return f"{said}: older than drift.evidence_max_days" if old else said
