"""What stands against accepting a proposal: its age, an open alarm, a fault among its evidence."""

from __future__ import annotations

from monitor.drift.counting import basis_of
from monitor.drift.likeness import DAY_S
from monitor.drift.proposal import GOOD_FOR_DAYS, Proposal, goes_too_far, proposal_from
from monitor.drift.said import labelled_since
from monitor.drift.words import total_words
from monitor.errors import CommandError
from monitor.machine import Machine
from monitor.store import Store
from monitor.store.drift import proposal_of


def check_no_alarm(machine: Machine) -> None:
    """Refuse while an event is open.

    Raises:
        CommandError: One is.
    """
    event_id = machine.alarm.snapshot.event_id
    if event_id is not None:
        raise CommandError(
            f"event {event_id} is open: acknowledge it, say what it was, and look at the machine before its "
            "limit is changed"
        )


def check_total(proposal: Proposal, most: float, despite: str | None) -> None:
    """Refuse a limit that would have been raised too far in all, unless somebody says why.

    Raises:
        CommandError: Together with the steps before it, it goes beyond `most`, in units of the first limit.
    """
    if despite is not None or not goes_too_far(proposal, most):
        return
    raise CommandError(
        f"{total_words(proposal)}; more than drift.max_total {most:g} is rather a fault, or a machine "
        "that the model does not know: look at it, then learn or retrain (docs/retraining.md), "
        f"or say why the limit is raised even so: wheeltapper recalibrate {proposal.source_id} {proposal.id} "
        '--despite "..." (command recalibrate, key despite)'
    )


def acceptable(store: Store, machine: Machine, proposal_id: str, at_utc_s: float) -> Proposal:
    """Return what is proposed to a machine's source, if it still is what somebody was shown.

    Raises:
        CommandError: It is not, or something stands against it.
        StoreError: The store cannot be asked.
    """
    source_id = machine.source_id
    row = proposal_of(store.database, source_id)
    if row is None or row.proposal_id != proposal_id:
        there = "nothing is proposed" if row is None else f"{row.proposal_id} is what is proposed now"
        raise CommandError(
            f"proposal {proposal_id} of {source_id} is outdated: {there}; look at it with "
            f"`wheeltapper drift {source_id}` first"
        )
    proposal = proposal_from(row)
    if proposal is None:
        raise CommandError("the proposal was made by other software; wait for the next one, a day at most")
    check_no_alarm(machine)
    if basis_of(machine) != proposal.basis:
        raise CommandError(
            "the proposal is outdated: another bundle or another limit judges by now than the one that its "
            "evidence was judged by"
        )
    age_days = (at_utc_s - proposal.made_utc_s) / DAY_S
    if age_days > GOOD_FOR_DAYS:
        raise CommandError(
            f"the proposal is {age_days:.0f} days old, more than {GOOD_FOR_DAYS:g}; the next one is made "
            "from newer sound, within a day"
        )
    _check_events(store, proposal)
    return proposal


def _check_events(store: Store, proposal: Proposal) -> None:
    events = labelled_since(store, proposal.source_id, proposal.first_utc_s)
    faults = [one.told for one in events if one.may_be_fault]
    if faults:
        raise CommandError(
            f"{faults[-1]}; it lies in the evidence, and a limit made from it could hide that fault"
        )
