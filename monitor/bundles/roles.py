"""Which version of a machine's bundles is live, a candidate, or was live before: one document.

Nothing here touches the disk: a change makes new roles out of old ones, or is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from monitor.errors import LibraryError
from monitor.worded import Worded, worded

SCHEMA = 1
KIND = "wheeltapper-bundles"
CHANGES_MAX = 100
"""So many changes stand in the document; the record of commands goes further back."""


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, by which way, when and why."""

    actor: str
    """As given, not verified."""
    origin: str
    """A value of monitor.operators.Origin."""
    at_utc_s: float
    """By the clock of the box."""
    command_id: str
    """Of the command; another for each change."""
    note: str | None = None
    """Why, if anybody said."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the roles, as the document keeps it."""

    action: str
    """`install`, `promote`, `recalibrate` or `rollback`."""
    version_from: str | None
    """Who had the role before; None: nobody."""
    version_to: str
    """Who has it now: live, or candidate after `install`."""
    key: str | None
    """The id of the key that signed `version_to`; None: no signature was asked for."""
    by: By
    """Who did it."""
    recorded: bool = False
    """Whether it is in the record of commands, too."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of one machine's versions. A version has at most one role."""

    source_id: str
    """Whose they are."""
    live: str | None = None
    """The version that judges; None: none was promoted yet."""
    candidate: str | None = None
    """The version that waits to be promoted."""
    previous: str | None = None
    """What a rollback would make live; None: there is nothing to go back to."""
    installed: tuple[str, ...] = ()
    """Every version that is kept, in the order in which they came."""
    changes: tuple[Change, ...] = ()
    """The last CHANGES_MAX, oldest first."""

    @property
    def named(self) -> frozenset[str]:
        """The versions that have a role: they are never removed."""
        return frozenset(one for one in (self.live, self.candidate, self.previous) if one is not None)

    @property
    def live_since_utc_s(self) -> float | None:
        """Since when the live version judges, as far as the changes go back; None: none is kept.

        A model with another limit is another version, though its bundle has the same id.
        """
        for change in reversed(self.changes):
            if change.action != "install":
                return change.by.at_utc_s
        return self.changes[0].by.at_utc_s if self.changes else None

    def with_candidate(self, version: str, key: str | None, by: By) -> Roles:
        """Return the roles after an install.

        Raises:
            LibraryError: It is live already.
        """
        if version == self.live:
            raise LibraryError(live_already(self.source_id, version))
        changed = replace(
            self,
            candidate=version,
            previous=None if self.previous == version else self.previous,
            installed=(*(one for one in self.installed if one != version), version),
        )
        return _noted(changed, Change("install", self.candidate, version, key, by))

    def promoted(self, key: str | None, by: By) -> Roles:
        """Return the roles after the candidate has become live.

        Raises:
            LibraryError: There is no candidate.
        """
        if self.candidate is None:
            raise LibraryError(
                worded(
                    "no-candidate",
                    "{source}: has no candidate to promote; put one in with `wheeltapper bundle install "
                    "{source} FOLDER`",
                    source=self.source_id,
                )
            )
        changed = replace(self, live=self.candidate, candidate=None, previous=self.live)
        return _noted(changed, Change("promote", self.live, self.candidate, key, by))

    def recalibrated(self, version: str, key: str | None, by: By) -> Roles:
        """Return the roles after `version`, the live bundle with another limit, has become live.

        A candidate goes on being one.

        Raises:
            LibraryError: It is live already, or nothing is.
        """
        if self.live in {None, version}:
            raise LibraryError(
                worded(
                    "no-place",
                    "{source}: {version} cannot take the place of {live}",
                    source=self.source_id,
                    version=version,
                    live=str(self.live),
                )
            )
        changed = replace(
            self,
            live=version,
            candidate=None if self.candidate == version else self.candidate,
            previous=self.live,
            installed=(*(one for one in self.installed if one != version), version),
        )
        return _noted(changed, Change("recalibrate", self.live, version, key, by))

    def rolled_back(self, key: str | None, by: By) -> Roles:
        """Return the roles after the version before has become live; the candidate stays as it is.

        What was live has no role then: a second rollback does not bring it back.

        Raises:
            LibraryError: There is none before.
        """
        if self.previous is None:
            raise LibraryError(
                worded(
                    "no-version-before",
                    "{source}: there is no version to go back to; install and promote the one you want "
                    "(`wheeltapper bundle list {source}` shows which are kept)",
                    source=self.source_id,
                )
            )
        changed = replace(self, live=self.previous, previous=None)
        return _noted(changed, Change("rollback", self.live, self.previous, key, by))

    def with_recorded(self, command_ids: Collection[str]) -> Roles:
        """Return the roles with the changes of these commands known to be on record."""
        changes = tuple(
            replace(one, recorded=True) if one.by.command_id in command_ids else one for one in self.changes
        )
        return replace(self, changes=changes)

    def without(self, versions: frozenset[str]) -> Roles:
        """Return the roles when `versions`, none of which has a role, are kept no longer."""
        return replace(self, installed=tuple(one for one in self.installed if one not in versions))


def live_already(source_id: str, version: str) -> Worded:
    """Return why a version is not installed that judges."""
    return worded(
        "live-already",
        "{source}: {version} is live already; there is nothing to install",
        source=source_id,
        version=version,
    )


def _noted(roles: Roles, change: Change) -> Roles:
    return replace(roles, changes=(*roles.changes, change)[-CHANGES_MAX:])


def tree_of_roles(roles: Roles) -> dict[str, Any]:
    """Return the roles as JSON-able values."""
    return {"kind": KIND, "schema": SCHEMA, **asdict(roles)}


def roles_from_tree(tree: Mapping[str, Any], source_id: str) -> Roles:
    """Rebuild the roles of a source.

    Raises:
        LibraryError: It is of another schema, another source, or a value is missing or impossible.
    """
    if tree.get("kind") != KIND or tree.get("schema") != SCHEMA or tree.get("source_id") != source_id:
        raise LibraryError(
            f"is {tree.get('kind')!r}, schema {tree.get('schema')!r}, of {tree.get('source_id')!r}; this "
            f"software reads {KIND!r}, schema {SCHEMA}, and expects {source_id!r}"
        )
    try:
        changes = tuple(Change(**{**change, "by": By(**change["by"])}) for change in tree["changes"])
        roles = Roles(
            source_id=source_id,
            live=_version(tree["live"]),
            candidate=_version(tree["candidate"]),
            previous=_version(tree["previous"]),
            installed=tuple(str(_version(one)) for one in tree["installed"]),
            changes=changes,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LibraryError(f"is damaged ({error!r})") from error
    return roles


def _version(name: object) -> str | None:
    """Return a version's name; one that leaves the folder of the versions is an error."""
    if name is None:
        return None
    if not isinstance(name, str) or "/" in name or name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is no version")
    return name
