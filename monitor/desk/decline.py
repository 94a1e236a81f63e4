"""Withdraws a limit that was proposed, when somebody who knows the machine says that it is not wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from monitor.bundles.roles import By
from monitor.desk.refused import nothing_changed, taken_out
from monitor.desk.reload import Plan, Reloader
from monitor.drift.acceptance import check_way, standing
from monitor.drift.declining import again_words
from monitor.errors import CommandError, StoreError
from monitor.operators import Origin
from monitor.prepared import nothing
from monitor.publish.lines import plain
from monitor.roster import Roster
from monitor.store import Store
from monitor.store.declined import Declined


@dataclass(frozen=True, slots=True)
class Decline:
    """One proposal that somebody does not want. No limit changes by it."""

    source_id: str
    """Of which source."""
    proposal_id: str
    """Of what was shown."""
    why: str
    """In words, for whoever looks next."""
    by: By
    """Who says so."""
    roster: Roster
    """Knows what judges now."""
    store: Store
    """Has the proposal."""
    look_again: Callable[[str], None]
    """Has a source's normal sound looked into anew, so that it is told everywhere."""

    def plan(self, reloader: Reloader) -> Plan:
        """Say what would change.

        Raises:
            CommandError: It is not what is proposed now, or it came by a way that is closed.
        """
        config = reloader.config
        check_way(Origin(self.by.origin), "decline", by_mqtt=config.drift.by_mqtt)
        machine = self.roster.newest(self.source_id)
        if machine is None:
            raise CommandError(taken_out(self.source_id))
        try:
            proposal = standing(self.store, machine, self.proposal_id)
        except StoreError as error:
            raise CommandError(nothing_changed(error)) from error
        declined = Declined(
            source_id=self.source_id,
            proposal_id=proposal.id,
            basis=proposal.basis,
            budget=proposal.budget,
            factor=proposal.limit,
            first_utc_s=proposal.first_utc_s,
            who=self.by.actor,
            why=plain(" ".join(self.why.split()), letters=len(self.why)),  # terminals tell it, too
            # a clock that was not set must not say that it is long ago
            at_utc_s=max(self.by.at_utc_s, proposal.made_utc_s),
        )

        return Plan(
            f"proposal {proposal.id} is declined, and the limit of {self.source_id} stays; "
            f"{again_words(declined)}",
            apply=nothing,
            # whoever looks removes the file, too: nobody else writes one beside it
            follow=partial(self.look_again, self.source_id),
            save=lambda reply: self.store.decline(declined, reply=reply),
        )
