"""What is to be found out for a command that another thread looks into: a plan, or why it is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.bundles.trail import record_changes
from monitor.desk.decline import Decline
from monitor.desk.handed import Handed
from monitor.desk.recalibrate import Recalibration
from monitor.desk.refused import for_one_source
from monitor.desk.reloads import Look, plan_of_file
from monitor.desk.swap import Swap
from monitor.errors import CommandError
from monitor.logs import Log
from monitor.promotion.gate import noted
from monitor.publish.commands import Command
from monitor.roster import Roster
from monitor.store import Store
from monitor.worded import worded

DESPITE = {"promote": "the comparison", "recalibrate": "drift.max_total"}
"""What is passed over by the key `despite`, as the note says it."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What such commands have to do with."""

    roster: Roster
    """Knows what judges now."""
    store: Store
    """Has proposals, and the record of commands."""
    log: Log
    """Told what was not done and stays written."""
    look_again: Callable[[str], None] = lambda _source_id: None
    """Has a source's normal sound looked into anew."""

    def of(self, handed: Handed, command: Command) -> Look:
        """Return what finds out what would change.

        Raises:
            CommandError: It was sent to a source and is for the whole box, or the other way about.
        """
        if command.action == "reload":
            if handed.source_id is not None:
                raise CommandError(worded("for-the-box", "reload is for the whole box; send it to the box"))
            return plan_of_file
        if handed.source_id is None:
            raise CommandError(for_one_source(command.action))
        note = noted(command.note, command.despite, what=DESPITE.get(command.action, ""))
        by = By(command.actor, handed.origin.value, time.time(), command.id, note)
        if command.action == "recalibrate":
            return Recalibration(
                handed.source_id,
                str(command.proposal),
                by,
                self.roster,
                self.store,
                record=self._record,
                complain=self.log.error,
                despite=command.despite,
            ).plan
        if command.action == "decline":
            return Decline(
                handed.source_id,
                str(command.proposal),
                str(command.note),
                by,
                self.roster,
                self.store,
                self.look_again,
            ).plan
        return Swap(
            handed.source_id,
            "promote" if command.action == "promote" else "rollback",
            by,
            record=self._record,
            complain=self.log.error,
            despite=command.despite,
        ).plan

    def _record(self, library: Library) -> None:
        record_changes(self.store, library, self.log)
