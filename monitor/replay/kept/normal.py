"""What the page shows of a source's normal sound: a point for each day, and the limit that is proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.drift.judgement import HIGH_SHARE
from monitor.drift.likeness import DAY_S, days_of
from monitor.drift.period import period_of
from monitor.drift.proposal import Proposal, proposal_from
from monitor.drift.said import EventLabel, labelled_since
from monitor.drift.scale import quantile
from monitor.store import AuditEntry, Store
from monitor.store.declined import Declined, declined_of
from monitor.store.drift import newest_basis, periods_of, proposal_of


@dataclass(frozen=True, slots=True)
class NormalDay:
    """One UTC day of normal sound; scores in units of the calibration, 1 is reached about once a week."""

    start_utc_s: float
    """Where it begins."""
    median: float
    """Half of the windows lay below."""
    high: float
    """HIGH_SHARE of them did."""


@dataclass(frozen=True, slots=True)
class Normal:
    """What is known of one source."""

    days: Sequence[NormalDay]
    """Those with sound under the limit that was in force last, oldest first."""
    proposal: Proposal | None
    """The limit that is proposed to it; None: nothing is."""
    basis: str | None
    """The bundle and limit of these days; None: there are none."""
    declined: Declined | None
    """The limit that somebody declined last; None: nobody has."""
    changed: AuditEntry | None
    """When somebody last accepted a limit, or took one back; None: nobody has, or it is long ago."""
    events: Sequence[EventLabel]
    """The events that lie in the evidence of the proposal, oldest first."""


def normal_of(store: Store, source_id: str) -> Normal:
    """Return what the daemon has stored.

    Raises:
        StoreError: The store cannot be read.
    """
    database = store.database
    row, changed = proposal_of(database, source_id), _last_change(store, source_id)
    proposal = None if row is None else proposal_from(row)
    if proposal is not None and _is_accepted(proposal, changed):
        proposal = None
    # after a limit was taken back the one that was heard under last is not yet the one that judges
    basis = newest_basis(database, source_id) if proposal is None else proposal.basis
    rows = [] if basis is None else periods_of(database, source_id, basis)
    days = []
    for day in days_of([period_of(one.start_utc_s, one.span_s, one.body) for one in rows]):
        counts = day.counts.sum(axis=0)
        if day.windows:
            start = float(day.number * DAY_S)
            days.append(NormalDay(start, quantile(counts, 0.5), quantile(counts, HIGH_SHARE)))
    events = [] if proposal is None else labelled_since(store, source_id, proposal.first_utc_s)
    return Normal(days, proposal, basis, declined_of(database, source_id), changed, events)


def _last_change(store: Store, source_id: str) -> AuditEntry | None:
    return store.last_audit("recalibrate", result="done").get(source_id)


def _is_accepted(proposal: Proposal, last: AuditEntry | None) -> bool:
    """Whether somebody has accepted it since it was made; it stays in the store for a moment after that."""
    return last is not None and (
        last.arguments.get("proposal") == proposal.id and last.at_utc_s >= proposal.made_utc_s
    )
