"""What stands against accepting or declining a proposal.

Against both: that it is another one than was shown. Against accepting it: its age, an open alarm, a fault
among its evidence.
"""

from __future__ import annotations

from monitor.drift.counting import basis_of
from monitor.drift.likeness import DAY_S
from monitor.drift.proposal import GOOD_FOR_DAYS, Proposal, goes_too_far, proposal_from
from monitor.drift.said import labelled_since
from monitor.drift.words import day_of, total_words
from monitor.errors import CommandError
from monitor.machine import Machine
from monitor.operators import AFAR, Origin
from monitor.store import Store
from monitor.store.declined import declined_of
from monitor.store.drift import proposal_of
from monitor.worded import worded


def check_way(origin: Origin, action: str, *, by_mqtt: bool) -> None:
    """Refuse an action from afar where the box is set up so.

    Raises:
        CommandError: It came by MQTT or Sparkplug, and drift.by_mqtt is false.
    """
    if origin in AFAR and not by_mqtt:
        raise CommandError(
            worded(
                "drift-not-by-mqtt",
                "{action} is for the page or a terminal on this box, where one sees who asks; "
                "drift.by_mqtt: true lets it come by MQTT too",
                action=action,
            )
        )


def check_no_alarm(machine: Machine) -> None:
    """Refuse while an event is open.

    Raises:
        CommandError: One is.
    """
    event_id = machine.alarm.snapshot.event_id
    if event_id is not None:
        raise CommandError(
            worded(
                "event-is-open",
                "event {event} is open: acknowledge it, say what it was, and look at the machine before its "
                "limit is changed",
                event=event_id,
            )
        )


def check_total(proposal: Proposal, most: float, despite: str | None) -> None:
    """Refuse a limit that would have been raised too far in all, unless somebody says why.

    Raises:
        CommandError: Together with the steps before it, it goes beyond `most`, in units of the first limit.
    """
    if despite is not None or not goes_too_far(proposal, most):
        return
    raise CommandError(
        worded(
            "limit-goes-too-far",
            "{total}; more than drift.max_total {most} is rather a fault, or a machine that the model does "
            "not know: look at it, then learn or retrain (docs/retraining.md), or say why the limit is "
            'raised even so: wheeltapper recalibrate {source} {proposal} --despite "..." (command '
            "recalibrate, key despite)",
            total=total_words(proposal),
            most=most,
            source=proposal.source_id,
            proposal=proposal.id,
        )
    )


def standing(store: Store, machine: Machine, proposal_id: str) -> Proposal:
    """Return what is proposed to a machine's source, if it still is what somebody was shown.

    Raises:
        CommandError: It is not.
        StoreError: The store cannot be asked.
    """
    source_id = machine.source_id
    row = proposal_of(store.database, source_id)
    if row is None or row.proposal_id != proposal_id:
        there = (
            worded("nothing-proposed", "nothing is proposed")
            if row is None
            else worded("another-proposed", "{proposal} is what is proposed now", proposal=row.proposal_id)
        )
        last = declined_of(store.database, source_id)
        if last is not None and last.proposal_id == proposal_id:
            there = worded(
                "declined-already",
                "{who} declined it on {day} ({why}), and {there}",
                who=last.who,
                day=day_of(last.at_utc_s),
                why=last.why,
                there=there,
            )
        raise CommandError(
            worded(
                "proposal-outdated",
                "proposal {proposal} of {source} is outdated: {there}; look at it with `wheeltapper drift "
                "{source}` first",
                proposal=proposal_id,
                source=source_id,
                there=there,
            )
        )
    proposal = proposal_from(row)
    if proposal is None:
        raise CommandError(
            worded(
                "proposal-of-other-software",
                "the proposal was made by other software; wait for the next one, a day at most",
            )
        )
    if basis_of(machine) != proposal.basis:
        raise CommandError(
            worded(
                "proposal-of-another-limit",
                "the proposal is outdated: another bundle or another limit judges by now than the one that "
                "its evidence was judged by",
            )
        )
    return proposal


def acceptable(store: Store, machine: Machine, proposal_id: str, at_utc_s: float) -> Proposal:
    """Return what is proposed to a machine's source, if it may be accepted.

    Raises:
        CommandError: It is not what somebody was shown, or something stands against it.
        StoreError: The store cannot be asked.
    """
    proposal = standing(store, machine, proposal_id)
    check_no_alarm(machine)
    age_days = (at_utc_s - proposal.made_utc_s) / DAY_S
    if age_days > GOOD_FOR_DAYS:
        raise CommandError(
            worded(
                "proposal-too-old",
                "the proposal is {days} days old, more than {most}; the next one is made from newer sound, "
                "within a day",
                days=round(age_days),
                most=GOOD_FOR_DAYS,
            )
        )
    _check_events(store, proposal)
    return proposal


def _check_events(store: Store, proposal: Proposal) -> None:
    events = labelled_since(store, proposal.source_id, proposal.first_utc_s)
    faults = [one.told for one in events if one.may_be_fault]
    if faults:
        raise CommandError(
            worded(
                "fault-in-evidence",
                "{fault}; it lies in the evidence, and a limit made from it could hide that fault",
                fault=faults[-1],
            )
        )
