"""What is told of a source's normal sound: in status.json, by MQTT, in metrics and on the page."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.drift.judgement import DriftState


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """What was found last; looked into once a day."""

    state: DriftState
    """Whether it has moved."""
    words: str
    """What was found, with figures; in English."""
    median: float | None = None
    """Of the scores of recent normal windows, in units of the limit; None: too little."""
    median_then: float | None = None
    """Of what they are held against."""
    psi: float | None = None
    """How unlike the recent days are: population stability index; None: too little."""
    proposal: str | None = None
    """The id of the limit that is proposed; None: none is."""
    withheld: str | None = None
    """Why none is, though it has moved; None: there is no reason to give."""
    declined_by: str | None = None
    """Who declined what would be proposed now; None: nobody did."""
    declined_utc_s: float | None = None
    """When that was; None: nobody did."""
    declined_why: str | None = None
    """Why, in that person's words; None: nobody did."""
    evidence_age_days: float | None = None
    """Days since the limit was fitted; None: the box did not know the time, now or then."""
    evidence_hours: float = 0.0
    """Hours of sound that it was fitted to."""
    evidence_old: bool = False
    """Whether that is longer ago than drift.evidence_max_days."""
    limit_steps: int = 0
    """Limits that were accepted since one was learned, each in the place of the one before."""
    limit_of_first: float | None = None
    """The limit in force, in units of the one that was learned; None: not known."""
    first_limit_a_week: float | None = None
    """False alarms a week that the learned one would raise now; None: nothing is proposed."""
