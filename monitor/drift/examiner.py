"""Looks into one source: what its stored days say, and which limit is proposed to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monitor.clock import CLOCK_SET_UTC_S
from monitor.config import Config
from monitor.drift.chain_file import chain_of
from monitor.drift.counting import basis_of, row_of_period
from monitor.drift.declining import declined_words, holds_back, was_proposed_since
from monitor.drift.evidence import evidence_of
from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import LATELY_DAYS, Asked, Case, DriftState, Judgement, judged
from monitor.drift.likeness import DAY_S
from monitor.drift.period import HOUR_S, SHIFT_S, Period, folded, period_of
from monitor.drift.place import remove_proposed, write_proposed
from monitor.drift.proposal import GOOD_FOR_DAYS, Present, Proposal, proposal_from, proposed, row_of
from monitor.drift.said import labelled_since
from monitor.drift.scale import unit_of
from monitor.drift.tally import group_edges_hz
from monitor.drift.words import age_words, judgement_words, proposal_words, total_words
from monitor.frontend import band_edges_hz
from monitor.machine import Machine
from monitor.store import Store
from monitor.store.declined import Declined, declined_of
from monitor.store.drift import (
    PeriodRow,
    drop_proposal,
    fold_periods,
    periods_of,
    proposal_of,
    put_proposal,
)

FOLD_AFTER_DAYS = LATELY_DAYS + 7
"""Hours that are older become thirds of days."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found of one source."""

    facts: DriftFacts
    """As it is told."""
    recent: Sequence[Period]
    """The last three days, for where peaks begin."""
    proposal: Proposal | None = None
    """What is proposed now; None: nothing."""


def asked_of(config: Config) -> Asked:
    """Return when normal sound counts as moved."""
    return Asked(config.drift.reference_days, config.drift.recent_days, config.drift.psi)


def present_of(machine: Machine, budget: float, state_dir: Path) -> Present:
    """Return what judges a machine now.

    Raises:
        CalibrationError: How its limit came to be cannot be read.
    """
    calibration = machine.calibration
    scale = unit_of(calibration).size_raw / (calibration.limit_raw(budget) - calibration.centre)
    chain = chain_of(state_dir, machine.source_id, calibration)
    return Present(machine.source_id, basis_of(machine), calibration, budget, scale, chain)


class Examiner:
    """Belongs to the drift thread."""

    def __init__(self, store: Store, config: Callable[[], Config]) -> None:
        """`config` returns the one that is in force."""
        self._store = store
        self._in_force = config
        self._config = config()

    def look(self, machine: Machine, now_utc_s: float) -> Looked:
        """Judge a source's days, and propose, keep or withdraw a limit.

        Raises:
            StoreError: The store cannot be asked, or does not take it.
            CalibrationError: The proposed limit cannot be written.
        """
        self._config = config = self._in_force()
        settings = next(
            (config.alarm_for(one) for one in config.sources if one.id == machine.source_id), None
        )
        budget = (settings or config.alarm).false_alarms_per_week
        present = present_of(machine, budget, config.state_dir)
        periods = self._periods(machine.source_id, present.basis, now_utc_s)
        edges_hz = group_edges_hz(band_edges_hz(machine.ear.frontend.parameters))
        case = Case(periods, present.calibration, asked_of(self._config), now_utc_s, edges_hz)
        judgement = judged(case)
        found = self._proposal(machine, present, judgement, case)
        recent = [one for one in periods if one.start_utc_s >= now_utc_s - 3 * DAY_S]
        proposal = found if isinstance(found, Proposal) else None
        facts = _facts(judgement, present, self._config.drift.evidence_max_days, now_utc_s)
        if proposal is not None:
            total = [total_words(proposal)] * bool(proposal.total.steps)
            words = [
                *proposal_words(proposal)[:3],
                *total,
                *facts.words.split("; ")[-1:] * facts.evidence_old,
            ]
            facts = replace(
                facts,
                words="; ".join(words),
                proposal=proposal.id,
                first_limit_a_week=_rounded(proposal.total.at_first.a_week),
            )
        elif isinstance(found, Declined):
            facts = replace(
                facts,
                withheld=declined_words(found),
                declined_by=found.who,
                declined_utc_s=found.at_utc_s,
                declined_why=found.why,
            )
        elif isinstance(found, str):
            facts = replace(facts, withheld=found)
        return Looked(facts, recent, proposal)

    def _proposal(
        self, machine: Machine, present: Present, judgement: Judgement, case: Case
    ) -> Proposal | Declined | str | None:
        """Return what is proposed, why nothing is, or None where nothing has moved; and have it stored."""
        source_id, database, now_utc_s = machine.source_id, self._store.database, case.now_utc_s
        row = proposal_of(database, source_id)
        found: Proposal | Declined | str | None = None
        if judgement.state is DriftState.DRIFTING:
            found = self._wanted(machine, present, judgement, case.periods, now_utc_s)
        known = None if row is None else proposal_from(row)
        if isinstance(found, Proposal):
            declined = declined_of(database, source_id)
            # what was proposed since somebody declined stands, whatever the next day says of it
            if declined is not None and holds_back(declined, found, case):
                stands = known is not None and was_proposed_since(declined, known, found)
                found = found if stands else declined
        if isinstance(found, Proposal):
            if known is not None and _still_holds(known, present, now_utc_s):
                return known  # what somebody is looking at stays what it is
            write_proposed(self._config.state_dir, source_id, found.calibration)
            put_proposal(database, row_of(found))
            return found
        if row is not None:
            drop_proposal(database, source_id)
        remove_proposed(self._config.state_dir, source_id)  # a kill may have left it where the row had gone
        return found

    def _wanted(
        self,
        machine: Machine,
        present: Present,
        judgement: Judgement,
        periods: Sequence[Period],
        now_utc_s: float,
    ) -> Proposal | str:
        if machine.alarm.snapshot.event_id is not None:
            return f"event {machine.alarm.snapshot.event_id} is open: see to it and label it first"
        since_utc_s = (now_utc_s // DAY_S - LATELY_DAYS) * DAY_S  # where the oldest day may begin
        events = labelled_since(self._store, machine.source_id, since_utc_s)
        hop_s = present.calibration.hop_s
        evidence = evidence_of(periods, events, asked_of(self._config), hop_s=hop_s, now_utc_s=now_utc_s)
        if isinstance(evidence, str):
            return evidence
        return proposed(present, evidence, judgement, now_utc_s)

    def _periods(self, source_id: str, basis: str, now_utc_s: float) -> list[Period]:
        """Return all that is known, after folding what is old."""
        database = self._store.database
        rows = periods_of(database, source_id, basis)
        old = now_utc_s // DAY_S * DAY_S - FOLD_AFTER_DAYS * DAY_S
        starts = {
            row.start_utc_s // SHIFT_S for row in rows if row.span_s == HOUR_S and row.start_utc_s < old
        }
        gone = [row for row in rows if row.start_utc_s // SHIFT_S in starts]
        if not gone:
            return [_period(row) for row in rows]
        shifts = folded([_period(row) for row in gone])
        fold_periods(database, gone, [row_of_period(source_id, basis, one) for one in shifts])
        stay = [_period(row) for row in rows if row.start_utc_s // SHIFT_S not in starts]
        return sorted([*shifts, *stay], key=lambda one: one.start_utc_s)


def _period(row: PeriodRow) -> Period:
    return period_of(row.start_utc_s, row.span_s, row.body)


def _still_holds(known: Proposal, present: Present, now_utc_s: float) -> bool:
    age_s = now_utc_s - known.made_utc_s
    same = (known.basis, known.budget) == (present.basis, present.budget)
    return same and 0.0 <= age_s < GOOD_FOR_DAYS * DAY_S


def _facts(judgement: Judgement, present: Present, old_days: float, now_utc_s: float) -> DriftFacts:
    fitted_utc_s = present.calibration.fitted_utc_s
    dated = fitted_utc_s >= CLOCK_SET_UTC_S
    age_days = max(0.0, (now_utc_s - fitted_utc_s) / DAY_S) if dated else None
    old = age_days is not None and age_days > old_days
    words = judgement_words(judgement, present.scale)
    if old:
        words += f"; {age_words(age_days, present.calibration.exposure_h, old=True)}"
    return DriftFacts(
        state=judgement.state,
        words=words,
        median=None if judgement.now is None else _rounded(present.scale * judgement.now.median),
        median_then=None if judgement.then is None else _rounded(present.scale * judgement.then.median),
        psi=None if judgement.likeness is None else _rounded(judgement.likeness.psi),
        evidence_age_days=None if age_days is None else round(age_days, 1),
        evidence_hours=round(present.calibration.exposure_h, 2),
        evidence_old=old,
        limit_steps=0 if present.chain is None else len(present.chain.steps),
        limit_of_first=None
        if present.chain is None
        else _rounded(present.chain.limit_of(present.calibration, present.budget)),
    )


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
