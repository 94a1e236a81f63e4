"""Puts a limit into force that was proposed, or the one before it, when an operator accepts it by its id."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engines.errors import CodedError
from monitor.bundles.choice import is_managed
from monitor.bundles.library import Library
from monitor.bundles.roles import By, Roles
from monitor.bundles.trail import calibration_digest
from monitor.bundles.trust import trust_of
from monitor.calibration import Calibration, load_calibration
from monitor.config import Config, SourceConfig
from monitor.desk.refused import nothing_changed, taken_out
from monitor.desk.reload import Plan, Reloader
from monitor.drift.acceptance import acceptable, check_no_alarm, check_total, check_way
from monitor.drift.chain_file import chain_of, with_step, write_chain
from monitor.drift.fitting import few
from monitor.drift.own_limit import Undo, before_path, bring_back, put_limit
from monitor.drift.place import proposal_path, remove_proposed
from monitor.drift.proposal import Proposal
from monitor.errors import CalibrationError, CommandError, LibraryError, StoreError
from monitor.machine import Machine
from monitor.operators import Origin
from monitor.roster import Roster
from monitor.store import Store
from monitor.store.drift import drop_proposal
from monitor.worded import worded

BEFORE = "before"
"""In place of an id: the limit that the last recalibration took the place of."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """One change of a limit."""

    source_id: str
    """Of which source."""
    proposal_id: str
    """Of what was shown, or BEFORE."""
    by: By
    """Who asked for it."""
    roster: Roster
    """Knows what judges now, and whether an alarm is open."""
    store: Store
    """Has the proposal, and what was said of events."""
    record: Callable[[Library], None]
    """Puts what a library says of its changes on record, where that was not done."""
    complain: Callable[[str], None]
    """Told when what was not done stays written."""
    despite: str | None = None
    """Why a limit is raised further than drift.max_total; None: it is not."""

    def plan(self, reloader: Reloader) -> Plan:
        """Open the limit beside the one in use, and say what would change.

        Raises:
            CommandError: It is outdated or not trusted, an alarm is open, or it does not fit; nothing has
                changed.
        """
        try:
            return self._plan(reloader)
        except CommandError:
            raise
        except CodedError as error:
            raise CommandError(nothing_changed(error)) from error

    def _plan(self, reloader: Reloader) -> Plan:
        config = reloader.config
        check_way(Origin(self.by.origin), "recalibrate", by_mqtt=config.drift.by_mqtt)
        source = next((one for one in config.sources if one.id == self.source_id), None)
        if source is None:
            raise CommandError(taken_out(self.source_id))
        if self.proposal_id == BEFORE:
            return self._plan_of_before(reloader, source)
        proposal = self._checked(config)
        if is_managed(source):
            return self._plan_of_version(reloader, proposal)
        return self._plan_of_file(reloader, proposal)

    def _checked(self, config: Config) -> Proposal:
        proposal = acceptable(self.store, self._machine(), self.proposal_id, self.by.at_utc_s)
        check_total(proposal, config.drift.max_total, self.despite)
        return proposal

    def _write_step(self, config: Config, calibration: Calibration) -> None:
        """Remember from which limit this one came, before it judges."""
        chain = chain_of(config.state_dir, self.source_id, self._machine().calibration)
        write_chain(config.state_dir, self.source_id, with_step(chain, calibration))

    def _machine(self) -> Machine:
        machine = self.roster.newest(self.source_id)
        if machine is None:
            raise CommandError(taken_out(self.source_id))
        check_no_alarm(machine)
        return machine

    def _signed(self, proposal: Proposal, config: Config) -> Path:
        """Return the file of the proposed limit, which is the one that was shown, and trusted.

        Raises:
            CommandError: It is another one.
            UntrustedError: Keys are configured, and none of them has signed it; the text says what to do.
            CalibrationError: It cannot be read.
        """
        path, bundle = proposal_path(config.state_dir, self.source_id), self._machine().ear.bundle
        trust_of(config.bundles).check_calibration(path, bundle, self.source_id)
        found = load_calibration(path, bundle_id=bundle.bundle_id)
        if calibration_digest(found) != calibration_digest(proposal.calibration):
            raise CommandError(
                worded(
                    "not-what-was-proposed",
                    "{path}: is not the limit that was proposed; wait for the next proposal",
                    path=str(path),
                )
            )
        return path

    def _plan_of_version(self, reloader: Reloader, proposal: Proposal) -> Plan:
        """For a managed source: the live bundle with the proposed limit is another version."""
        config = reloader.config
        library, trust = Library(config.state_dir, self.source_id), trust_of(config.bundles)
        path, before = self._signed(proposal, config), library.roles()
        version = library.add(
            library.live_folder(),
            calibration=path,
            check=partial(trust.check_arrival, source_id=self.source_id),
        )
        after = before.recalibrated(version.name, version.key, self.by)
        prepared = reloader.prepared_swap({self.source_id: version.folder})
        kept: list[Roles] = []

        def keep() -> None:
            self._checked(config)
            try:
                kept.append(library.roles())
                self._write_step(config, proposal.calibration)
                library.recalibrate(self.by, version, live=before.live)
            except (LibraryError, CalibrationError, StoreError) as error:
                raise CommandError(nothing_changed(error)) from error

        def follow() -> None:
            self.record(library)
            self._withdraw(config)
            prepared.follow()

        return Plan(
            f"{before.live} -> {after.live}: {_told(proposal)}",
            apply=prepared.apply,
            follow=follow,
            drop=prepared.drop,
            keep=keep,
            take_back=lambda: self._undo(lambda: library.restore(kept[-1])),
        )

    def _plan_of_file(self, reloader: Reloader, proposal: Proposal) -> Plan:
        """For a source with a named bundle: its own limit on this box."""
        config = reloader.config
        if trust_of(config.bundles).asks:
            raise CommandError(
                worded(
                    "limit-must-be-signed",
                    "bundles.trusted_keys asks for a signature: sign {path} (`wheeltapper bundle sign FILE "
                    "--key KEY`) and put both files into the folder calibration, then reload; or set bundle: "
                    "managed, where a signed proposal can be accepted",
                    path=str(proposal_path(config.state_dir, self.source_id)),
                )
            )
        content = self._signed(proposal, config).read_bytes()

        def put() -> Undo:
            self._write_step(config, proposal.calibration)
            return put_limit(config.state_dir, self.source_id, content)

        return self._plan_of_limit(
            reloader, proposal.calibration, _told(proposal), check=lambda: self._checked(config), put=put
        )

    def _plan_of_before(self, reloader: Reloader, source: SourceConfig) -> Plan:
        config = reloader.config
        if is_managed(source):
            raise CommandError(
                worded(
                    "limit-of-a-version",
                    "sources.{source}.bundle is managed, so that a limit belongs to a version; use rollback: "
                    "`wheeltapper rollback {source}`",
                    source=self.source_id,
                )
            )
        machine = self._machine()
        bundle, path = machine.ear.bundle, before_path(config.state_dir, self.source_id)
        if not path.is_file():
            raise CommandError(
                worded(
                    "no-limit-before",
                    "{source}: there is no limit from before to go back to",
                    source=self.source_id,
                )
            )
        path = path if path.stat().st_size else bundle.calibration_path
        trust_of(config.bundles).check_calibration(path, bundle, self.source_id)
        return self._plan_of_limit(
            reloader,
            load_calibration(path, bundle_id=bundle.bundle_id),
            "the limit before judges again",
            check=self._machine,
            put=lambda: bring_back(config.state_dir, self.source_id),
        )

    def _plan_of_limit(
        self,
        reloader: Reloader,
        calibration: Calibration,
        told: str,
        *,
        check: Callable[[], object],
        put: Callable[[], Undo],
    ) -> Plan:
        config = reloader.config
        prepared = reloader.prepared_swap({}, limits={self.source_id: calibration})
        undo: list[Undo] = []

        def keep() -> None:
            check()
            try:
                undo.append(put())
            except CalibrationError as error:
                raise CommandError(nothing_changed(error)) from error

        def follow() -> None:
            self._withdraw(config)
            prepared.follow()

        return Plan(
            told,
            apply=prepared.apply,
            follow=follow,
            drop=prepared.drop,
            keep=keep,
            take_back=lambda: self._undo(undo[-1]),
        )

    def _withdraw(self, config: Config) -> None:
        """Propose nothing any more: what was proposed was for the limit before. If it stays it is refused."""
        with contextlib.suppress(StoreError):
            drop_proposal(self.store.database, self.source_id)
        remove_proposed(config.state_dir, self.source_id)

    def _undo(self, undo: Callable[[], None]) -> None:
        try:
            undo()
        except (LibraryError, CalibrationError, StoreError) as error:
            self.complain(
                f"a recalibration was not done, and the disk says that it was: {error}; the next reload "
                "would do it"
            )


def _told(proposal: Proposal) -> str:
    at, after, steps = proposal.at_present, proposal.promised, proposal.total.steps + 1
    return (
        f"the limit of {proposal.source_id} is {proposal.limit:.2f} of the one before, made from "
        f"{proposal.hours:.0f} h of sound; false alarms a week to be expected: {after.a_week:g} in place of "
        f"{few(at.a_week)}; {proposal.total.proposed:.2f} of the one that was learned, by "
        f"{steps} step{'s' * (steps != 1)}"
    )
