"""A limit that is proposed, with all that was shown of it: what is accepted by its id is what was shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitor.calibration import Calibration, calibration_from_tree, tree_of_calibration
from monitor.drift.chain import Chain
from monitor.drift.evidence import Evidence, Facts
from monitor.drift.fitting import Expected, expected_at, few, refitted
from monitor.drift.judgement import DriftState, Judgement, Side
from monitor.drift.likeness import DAY_S, Likeness
from monitor.drift.louder import BandChange
from monitor.errors import CalibrationError
from monitor.store.drift import ProposalRow

GOOD_FOR_DAYS = 7.0
"""An older proposal is refused: the sound that it was made from is not what is heard now."""
SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Total:
    """How far limits have come since one was learned; in units of that one, the first."""

    steps: int
    """Limits that were accepted since then; the proposed one would be another."""
    first_utc_s: float
    """When the first was made."""
    present: float
    """The present limit."""
    proposed: float
    """The proposed one."""
    at_first: Expected
    """False alarms a week at the first limit, if sound goes on as in the recent days."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another limit for one source, and why."""

    source_id: str
    """Which source."""
    basis: str
    """What judged the evidence: the bundle and calibration that it may take the place of."""
    made_utc_s: float
    """When it was made, by the clock of the box."""
    calibration: Calibration
    """What would be in force."""
    budget: float
    """alarm.false_alarms_per_week when it was made; the calibration serves any."""
    limit: float
    """The proposed limit, in units of the present one."""
    at_present: Expected
    """False alarms a week at the present limit, if sound goes on as in the recent days."""
    promised: Expected
    """The same at the proposed limit."""
    promised_before: Expected
    """What the present limit promised when it was made."""
    first_utc_s: float
    """Where the evidence begins ..."""
    end_utc_s: float
    """... and ends."""
    hours: float
    """Normal sound in it."""
    facts: Facts
    """What was said of the events in it."""
    judgement: Judgement
    """What had moved; scores in units of the present calibration."""
    scale: float
    """Of such a unit, in units of the present limit."""
    total: Total
    """What it comes to with the steps before it."""

    @property
    def id(self) -> str:
        """By what it is called: the same for the same calibration in the place of the same."""
        text = json.dumps([self.source_id, self.basis, tree_of_calibration(self.calibration)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Present:
    """What is in force."""

    source_id: str
    """Of which source."""
    basis: str
    """Its bundle and calibration."""
    calibration: Calibration
    """The latter itself."""
    budget: float
    """alarm.false_alarms_per_week."""
    scale: float
    """A unit of the calibration, in units of the limit."""
    chain: Chain | None = None
    """How it came to be; None: it is the first."""


def proposed(present: Present, evidence: Evidence, judgement: Judgement, made_utc_s: float) -> Proposal | str:
    """Return a proposal, or in words why there is none."""
    now, budget = present.calibration, present.budget
    try:
        fitted = refitted(evidence, now, source_id=present.source_id, fitted_utc_s=made_utc_s)
    except CalibrationError as error:
        return str(error)
    limit_now, limit = now.limit_raw(budget), fitted.limit_raw(budget)
    at_present = expected_at(fitted, limit_now)
    if at_present.low <= budget <= at_present.high:
        return (
            f"the present limit still holds: {few(at_present.a_week)} false alarms a week are to be expected "
            f"(90 % interval {few(at_present.low)} to {few(at_present.high)})"
        )
    chain = present.chain or Chain(now)
    total = Total(
        len(chain.steps),
        chain.first.fitted_utc_s,
        chain.limit_of(now, budget),
        chain.limit_of(fitted, budget),
        expected_at(fitted, chain.first.limit_raw(budget)),
    )
    return Proposal(
        source_id=present.source_id,
        basis=present.basis,
        made_utc_s=made_utc_s,
        calibration=fitted,
        budget=budget,
        limit=now.value(limit, limit_now),
        at_present=at_present,
        promised=Expected(budget, *fitted.false_alarms_interval(budget)),
        promised_before=Expected(budget, *now.false_alarms_interval(budget)),
        first_utc_s=float(evidence.days[0].number * DAY_S),
        end_utc_s=float((evidence.days[-1].number + 1) * DAY_S),
        hours=sum(day.windows for day in evidence.days) * now.hop_s / 3600.0,
        facts=evidence.facts,
        judgement=judgement,
        scale=present.scale,
        total=total,
    )


def goes_too_far(proposal: Proposal, most: float) -> bool:
    """Whether it would raise the limit to more than `most` times the first, with the steps before it."""
    return proposal.limit > 1.0 and proposal.total.proposed > most


def row_of(proposal: Proposal) -> ProposalRow:
    """Return it as it is stored."""
    tree = asdict(proposal)
    tree["calibration"] = tree_of_calibration(proposal.calibration)
    return ProposalRow(
        proposal.source_id, proposal.id, proposal.made_utc_s, {"schema": SCHEMA, "proposal": tree}
    )


def proposal_from(row: ProposalRow) -> Proposal | None:
    """Return what was stored; None: by other software, so that it has to be made anew."""
    try:
        return _built(row.body)
    except (KeyError, TypeError, ValueError, CalibrationError):
        return None


def _built(body: Mapping[str, Any]) -> Proposal | None:
    if body["schema"] != SCHEMA:
        return None
    tree = dict(body["proposal"])
    judgement = dict(tree["judgement"])
    for name, kind in (("likeness", Likeness), ("then", Side), ("now", Side)):
        judgement[name] = None if judgement[name] is None else kind(**judgement[name])
    judgement["state"] = DriftState(judgement["state"])
    judgement["bands"] = tuple(BandChange(**one) for one in judgement["bands"])
    for name in ("at_present", "promised", "promised_before"):
        tree[name] = Expected(**tree[name])
    tree["calibration"] = calibration_from_tree(tree["calibration"])
    tree["facts"] = Facts(**tree["facts"])
    tree["total"] = Total(**{**tree["total"], "at_first": Expected(**tree["total"]["at_first"])})
    return Proposal(**{**tree, "judgement": Judgement(**judgement)})
