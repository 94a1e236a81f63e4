"""Makes another version of a machine's bundle live while the daemon listens, when an operator asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engines.errors import CodedError
from monitor.bundles.choice import is_managed, way_to_managed
from monitor.bundles.library import Library, check_version
from monitor.bundles.roles import By, Roles
from monitor.bundles.trust import trust_of
from monitor.clock import utc_text
from monitor.config import Config
from monitor.desk.refused import nothing_changed, taken_out
from monitor.desk.reload import Plan, Reloader
from monitor.errors import CommandError, LibraryError
from monitor.operators import Origin
from monitor.prepared import nothing
from monitor.promotion.gate import check_promotion, judged_elsewhere
from monitor.worded import worded


@dataclass(frozen=True, slots=True)
class Swap:
    """One promotion or rollback."""

    source_id: str
    """Of which source."""
    action: Literal["promote", "rollback"]
    """The candidate becomes live, or the version before does."""
    by: By
    """Who asked for it."""
    record: Callable[[Library], None]
    """Puts what the library says of its changes on record, where that was not done."""
    complain: Callable[[str], None]
    """Told when what was not done stays written."""
    despite: str | None = None
    """Why a candidate is promoted that is not better; None: then it is not, where the policy asks."""

    def plan(self, reloader: Reloader) -> Plan:
        """Open the version beside the one in use, and say what would change.

        Raises:
            CommandError: It is not trusted, does not fit or is not there: nothing has changed.
        """
        try:
            return self._plan(reloader)
        except CommandError:
            raise
        except CodedError as error:
            raise CommandError(nothing_changed(error)) from error

    def _plan(self, reloader: Reloader) -> Plan:
        config = reloader.config
        library = Library(config.state_dir, self.source_id)
        before = library.roles()
        if not self._is_managed(config):
            return self._plan_first(config, library, before)
        _check_not_done(before, self.action)
        if self.action == "promote":
            version, _ = before.candidate, before.promoted(None, self.by)
        else:
            version, _ = before.previous, before.rolled_back(None, self.by)
        folder = library.version_folder(str(version))
        key = trust_of(config.bundles).check_version(folder, self.source_id)
        check_version(folder)  # before the comparison, which takes a while
        compared = self._compared(config) if self.action == "promote" else ""
        kept: list[Roles] = []
        prepared = reloader.prepared_swap({self.source_id: folder})
        signed = "no signature was asked for" if key is None else f"signed by key {key}"
        told = "; ".join(words for words in (*prepared.news, compared) if words)
        return Plan(
            f"{before.live or 'nothing'} -> {version}, {signed}" + (f"; {told}" if told else ""),
            apply=prepared.apply,
            follow=lambda: self._follow(library, prepared.follow),
            drop=prepared.drop,
            keep=lambda: self._keep(library, str(version), key, kept),
            take_back=lambda: self._take_back(library, kept[-1]),
        )

    def _compared(self, config: Config) -> str:
        """Ask the gate, by this thread, which may take its time; sound is scored in another process."""
        return check_promotion(
            config,
            self.source_id,
            despite=self.despite,
            by_policy=self.by.origin == Origin.DAEMON.value,
            judge=judged_elsewhere,
        )

    def _is_managed(self, config: Config) -> bool:
        source = next((one for one in config.sources if one.id == self.source_id), None)
        if source is None:
            raise CommandError(taken_out(self.source_id))
        return is_managed(source)

    def _plan_first(self, config: Config, library: Library, before: Roles) -> Plan:
        """Make the first version live in the library alone, so that a reload to `managed` leaves no gap."""
        remedy = way_to_managed(self.source_id, config) or ""
        if self.action != "promote" or before.live is not None:
            raise CommandError(
                worded(
                    "judged-by-a-named-bundle",
                    "the configuration says which bundle judges {source}, not its library; {remedy}",
                    source=self.source_id,
                    remedy=remedy,
                )
            )
        version = before.promoted(None, self.by).live
        folder = library.version_folder(str(version))
        kept: list[Roles] = []
        check_version(folder)
        key = trust_of(config.bundles).check_version(folder, self.source_id)
        return Plan(
            f"nothing -> {version} in the library of {self.source_id}; it judges nothing yet, for the "
            f"configuration says which bundle does: {remedy}, then it judges from the next window on",
            apply=nothing,
            follow=lambda: self.record(library),
            keep=lambda: self._keep(library, str(version), key, kept),
            take_back=lambda: self._take_back(library, kept[-1]),
        )

    def _keep(self, library: Library, version: str, key: str | None, kept: list[Roles]) -> None:
        """Change the roles, and note in `kept` what they were: others may have changed them meanwhile."""
        try:
            kept.append(library.roles())
            if self.action == "promote":
                library.promote(self.by, candidate=version, key=key)
            else:
                library.roll_back(self.by, previous=version, key=key)
        except LibraryError as error:
            raise CommandError(nothing_changed(error)) from error

    def _take_back(self, library: Library, before: Roles) -> None:
        try:
            library.restore(before)
        except LibraryError as error:
            self.complain(
                f"a {self.action} was not done, and the library says that it was: {error}; the next reload "
                "would do it"
            )

    def _follow(self, library: Library, follow: Callable[[], None]) -> None:
        self.record(library)
        follow()


def _check_not_done(roles: Roles, action: str) -> None:
    """Tell whoever was a little slower who was faster.

    Raises:
        CommandError: It has just been done, and there is nothing to do it with again.
    """
    last = roles.changes[-1] if roles.changes else None
    left = roles.candidate if action == "promote" else roles.previous
    if left is not None or last is None or last.action != action:
        return
    facts = {"version": last.version_to, "who": last.by.actor, "at": utc_text(last.by.at_utc_s)}
    if action == "promote":
        raise CommandError(
            worded(
                "promoted-already",
                "nothing was changed: {version} is live, which {who} has promoted, and no other candidate "
                "waits (asked for at {at})",
                **facts,
            )
        )
    raise CommandError(
        worded(
            "rolled-back-already",
            "nothing was changed: {version} is live, which {who} has rolled back to, and there is none "
            "before it (asked for at {at})",
            **facts,
        )
    )
