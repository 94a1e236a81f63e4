"""The versions of one machine's bundles on this box, side by side, and the document that names the live one.

    <state_dir>/bundles/<source>/bundles.json      the roles (`monitor.bundles.roles`), replaced in one step
    <state_dir>/bundles/<source>/versions/<name>/  a bundle with its calibration.json and the signatures
    <state_dir>/bundles/<source>/.incoming/        what an install copies, until it is whole
    <state_dir>/bundles/<source>/.lock             held by whoever changes any of these

A version is named by its bundle and by what lies in its files, so that the same bundle with another
calibration is another version. A version's files never change. A kill at any moment leaves the old roles or
the new ones, and at most files that the next install removes.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from engines.bundle import open_bundle
from engines.errors import BundleError, CodedError
from monitor.bundles.roles import By, Roles, live_already, roles_from_tree, tree_of_roles
from monitor.bundles.version_files import copy_bundle, disk_errors, give_away, locked, version_name
from monitor.calibration import load_calibration
from monitor.config.section import NAME
from monitor.errors import LibraryError
from monitor.store.files import sync_folder, write_whole
from monitor.worded import Worded, replaced, worded, wording_of

FOLDER = "bundles"
DOCUMENT = "bundles.json"
VERSIONS = "versions"
INCOMING = ".incoming"
LOCK = ".lock"
KEEP_VERSIONS = 5
"""Besides those with a role, so many are kept unless the configuration says otherwise."""
MAX_DOCUMENT_BYTES = 1_000_000

Check = Callable[[Path, Path], str | None]
"""Given a copy of a bundle and the folder that it is of: the id of the key that signed it, None where none is
asked for. May raise."""


def no_check(_copy: Path, _given: Path) -> str | None:
    """Ask for no signature."""
    return None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a machine's bundle, checked when it was opened."""

    name: str
    """Of its folder."""
    folder: Path
    """Where it lies: any command that takes a bundle takes it."""
    key: str | None
    """The id of the key that signed it; None: no signature was asked for."""


def check_version(folder: Path) -> None:
    """Hold every file of a version against its digest, and the small ones against the version's name.

    Raises:
        BundleError: It is no bundle, or a file differs from the manifest.
        LibraryError: Its manifest, calibration or a signature is not what was installed.
    """
    found = version_name(open_bundle(folder))
    if found != folder.name:
        raise LibraryError(
            worded(
                "version-changed",
                "{folder}: its files were changed since it was installed (they make it {found}); install the "
                "bundle anew from where it came",
                folder=str(folder),
                found=found,
            )
        )


class Library:
    """The versions of one source. Any process may use it; `state_dir` is the daemon's."""

    def __init__(self, state_dir: Path, source_id: str) -> None:
        """Touch nothing yet.

        Raises:
            LibraryError: The name is none for a folder.
        """
        if re.fullmatch(NAME, source_id) is None:
            raise LibraryError(
                f"source {source_id!r} is no name for a folder; letters, digits, _ . - are allowed"
            )
        self.source_id = source_id
        self.state_dir = state_dir
        self.folder = state_dir / FOLDER / source_id

    @property
    def versions(self) -> Path:
        """The folder of the versions; there is none before the first install."""
        return self.folder / VERSIONS

    def version_folder(self, version: str) -> Path:
        """Return where a version lies, or would."""
        return self.versions / version

    def roles(self) -> Roles:
        """Return which version has which role; none has when nothing was installed yet.

        Raises:
            LibraryError: The document cannot be read.
        """
        path = self.folder / DOCUMENT
        try:
            with path.open("rb") as file:
                tree = json.loads(file.read(MAX_DOCUMENT_BYTES))
            return roles_from_tree(tree, self.source_id)
        except FileNotFoundError:
            return Roles(self.source_id)
        except (OSError, ValueError, AttributeError) as error:
            raise LibraryError(f"{path}: cannot be read: {error}; {self._remedy}") from error
        except LibraryError as error:
            raise LibraryError(f"{path}: {error}; {self._remedy}") from error

    @property
    def _remedy(self) -> str:
        return "move it away, then install and promote the version that is to judge"

    def live_folder(self) -> Path:
        """Return the folder of the live version.

        Raises:
            LibraryError: None is live, or the document cannot be read.
        """
        live = self.roles().live
        if live is None:
            raise LibraryError(
                worded(
                    "no-live-version",
                    "sources.{source}.bundle managed: no version is live yet; put one in with `wheeltapper "
                    "bundle install {source} FOLDER`, then `wheeltapper promote {source}`",
                    source=self.source_id,
                )
            )
        return self.version_folder(live)

    def install(
        self,
        folder: Path,
        by: By,
        *,
        calibration: Path | None = None,
        keep: int = KEEP_VERSIONS,
        check: Check = no_check,
    ) -> Version:
        """Copy a bundle in, whole or not at all; it is the candidate then. The one that was is kept.

        `calibration` takes the place of the bundle's own. The copy is checked, and old versions beyond
        `keep` are removed, never one with a role.

        Raises:
            BundleError: It is no bundle, or damaged; or what `check` raises.
            CalibrationError: It has no calibration, or one of another bundle.
            LibraryError: It is live already, somebody else changes the library, or the disk refuses.
        """
        with self._lock():
            version = self._taken_in(folder, calibration, check)
            roles = self.roles().with_candidate(version.name, version.key, by)
            self._replace(roles)
            self._prune(roles, keep)
        return version

    def add(self, folder: Path, *, calibration: Path, check: Check = no_check) -> Version:
        """Copy a bundle in with another calibration, without a role: the next install removes it again.

        Raises as install does.
        """
        with self._lock():
            return self._taken_in(folder, calibration, check)

    def recalibrate(self, by: By, version: Version, *, live: str | None) -> Roles:
        """Make `version` live, which `add` has brought, in the place of `live`, with the same model.

        Raises:
            LibraryError: Another one is live by now, the version's files are gone, or the disk refuses.
        """
        if not version.folder.is_dir():
            raise LibraryError(
                worded(
                    "version-removed",
                    "{source}: {version} has been removed by now; ask again",
                    source=self.source_id,
                    version=version.name,
                )
            )
        return self._change(
            worded("the-live-one", "the live one"),
            lambda roles: roles.live,
            live,
            lambda roles: roles.recalibrated(version.name, version.key, by),
        )

    def _taken_in(self, folder: Path, calibration: Path | None, check: Check) -> Version:
        """Copy a bundle to the place of its version and check the copy; the caller has the lock."""
        incoming = self.folder / INCOMING
        shutil.rmtree(incoming, ignore_errors=True)
        try:
            with disk_errors(incoming):
                incoming.mkdir()
                copy_bundle(open_bundle(folder), incoming, calibration)
            bundle = open_bundle(incoming)
            load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
            name = version_name(bundle)
            version = Version(name, self.version_folder(name), _checked(check, incoming, folder))
            if name == self.roles().live:
                raise LibraryError(live_already(self.source_id, name))
            with disk_errors(version.folder):
                self._put(incoming, version.folder)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return version

    def promote(self, by: By, *, candidate: str | None = None, key: str | None = None) -> Roles:
        """Make the candidate live; the one that was live is the previous one then.

        `candidate` is the one that was looked at, None: whichever it is; `key` signed it.

        Raises:
            LibraryError: There is none, it is another one by now, or the disk refuses.
        """
        return self._change(
            worded("the-candidate", "the candidate"),
            lambda roles: roles.candidate,
            candidate,
            lambda roles: roles.promoted(key, by),
        )

    def roll_back(self, by: By, *, previous: str | None = None, key: str | None = None) -> Roles:
        """Make the version live that was live before; `previous` and `key` as for `promote`.

        Raises:
            LibraryError: There is none, it is another one by now, or the disk refuses.
        """
        return self._change(
            worded("the-one-before", "the one before"),
            lambda roles: roles.previous,
            previous,
            lambda roles: roles.rolled_back(key, by),
        )

    def _change(
        self,
        what: Worded,
        present: Callable[[Roles], str | None],
        expected: str | None,
        changed: Callable[[Roles], Roles],
    ) -> Roles:
        """Replace the roles by what becomes of them, if `what` still is the version that was looked at."""
        with self._lock():
            roles = self.roles()
            found = present(roles)
            if expected not in {None, found}:
                raise LibraryError(
                    worded(
                        "another-by-now",
                        "{source}: {what} is {found} by now, not {expected}; ask again",
                        source=self.source_id,
                        what=what,
                        found=str(found),
                        expected=str(expected),
                    )
                )
            after = changed(roles)
            self._replace(after)
        return after

    def changed_ns(self) -> int | None:
        """Return when the roles were written last, as the file says; None: they never were, or are away."""
        try:
            return (self.folder / DOCUMENT).stat().st_mtime_ns
        except OSError:
            return None

    def mark_recorded(self, command_ids: Collection[str]) -> None:
        """Remember that the changes of these commands are on record.

        Raises:
            LibraryError: Somebody else changes the library, or the disk refuses.
        """
        with self._lock():
            self._replace(self.roles().with_recorded(command_ids))

    def restore(self, roles: Roles) -> None:
        """Put roles back as they were, when what they were changed for did not come about.

        Raises:
            LibraryError: The disk refuses.
        """
        with self._lock():
            self._replace(roles)

    def _replace(self, roles: Roles) -> None:
        path = self.folder / DOCUMENT
        content = json.dumps(tree_of_roles(roles), indent=1) + "\n"
        with disk_errors(path):
            write_whole(path, content.encode(), below=self.state_dir)
            give_away(self.folder, like=self.state_dir)

    def _put(self, incoming: Path, folder: Path) -> None:
        """Move a whole copy to its place, unless the same lies there unharmed."""
        folder.parent.mkdir(exist_ok=True)
        if folder.is_dir():
            with contextlib.suppress(BundleError, LibraryError):
                check_version(folder)
                return
            shutil.rmtree(folder)
        incoming.rename(folder)
        sync_folder(folder.parent)

    def _prune(self, roles: Roles, keep: int) -> None:
        """Remove the oldest versions beyond `keep` that have no role, and those that nobody lists."""
        idle = [one for one in roles.installed if one not in roles.named]
        gone = frozenset(idle[: max(0, len(idle) - keep)])
        if gone:
            self._replace(roles.without(gone))
        listed = frozenset(roles.installed) | roles.named
        for folder in self.versions.iterdir():
            if folder.name in gone or folder.name not in listed:
                shutil.rmtree(folder, ignore_errors=True)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return locked(self.folder / LOCK, self.source_id)


def _checked(check: Check, copy: Path, folder: Path) -> str | None:
    """Check a copy, for it is what will judge, and say what is wrong of the folder that it is of."""
    try:
        return check(copy, folder)
    except CodedError as error:
        raise type(error)(replaced(wording_of(error), str(copy), str(folder))) from error
