"""Puts a bundle that was learned in its place, whole, and says what to do next."""

from __future__ import annotations

import getpass
import secrets
import shlex
import shutil
import time
from pathlib import Path

from engines.bundle import Bundle, open_bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By, Roles
from monitor.bundles.trust import trust_of
from monitor.bundles.version_files import version_name
from monitor.config import Config, SourceConfig
from monitor.errors import RecordError
from monitor.learning.candidate import candidate_of
from monitor.operators import Origin
from monitor.store.files import PART, disk_errors, sync_folder


def put_in_place(
    bundle: Bundle, config: Config, chosen: SourceConfig, out: Path | None, *, note: str = "wheeltapper learn"
) -> list[str]:
    """Make the bundle the source's candidate, or put it at `out`; return what to do next, as lines.

    `note` stands in the library beside it: who made it.

    Where keys are configured an unsigned bundle is no candidate yet: the lines say how to make it one.
    Doing it twice changes nothing.

    Raises:
        LibraryError, BundleError, StoreError: It cannot be put there.
        RecordError: Something else is at `out`.
    """
    if out is not None:
        _copy(bundle, out.absolute())
        return [
            f"bundle     {out}",
            f"next       set `bundle: {out.absolute()}` at source {chosen.id} in config.yaml, then reload",
        ]
    if trust_of(config.bundles).asks:
        folder = shlex.quote(str(bundle.folder))
        return [
            f"bundle     {bundle.folder}",
            f"next       where the key is: wheeltapper bundle sign {folder} --key KEY --source {chosen.id}",
            f"           then wheeltapper bundle install {chosen.id} {folder}, and promote as below",
            _promote(chosen),
        ]
    library = Library(config.state_dir, chosen.id)
    before = library.roles().named
    by = By(getpass.getuser(), Origin.TERMINAL.value, time.time(), f"terminal-{secrets.token_hex(8)}", note)
    name = candidate_of(bundle, config, chosen, by)
    where = ", installed before" if name in before else f" in {config.state_dir / 'bundles' / chosen.id}"
    roles = library.roles()
    if name != roles.candidate:
        role = "judges already" if name == roles.live else "is the one before, which a rollback brings back"
        return [f"version    {name}{where}; it {role}"]
    return [f"candidate  {name}{where}", *_beside(config, chosen, roles), _promote(chosen)]


def _beside(config: Config, chosen: SourceConfig, roles: Roles) -> list[str]:
    """Return what comes before a promotion, where another bundle is live."""
    if roles.live is None or chosen.bundle != "managed":
        return []
    told = "a daemon lets it judge beside the live one, for evidence alone; " if config.shadow.enabled else ""
    return [f"next       {told}wheeltapper compare {chosen.id}"]


def _promote(chosen: SourceConfig) -> str:
    first = (
        "" if chosen.bundle == "managed" else f"set `bundle: managed` at source {chosen.id} in config.yaml; "
    )
    return f"next       {first}wheeltapper promote {chosen.id}: it raises no alarm until then"


def _copy(bundle: Bundle, out: Path) -> None:
    if out.exists():
        if version_name(open_bundle(out)) == version_name(bundle):
            return
        raise RecordError(f"--out {out}: is there already; give another place")
    part = out.with_name(out.name + PART)
    with disk_errors(out):
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(bundle.folder, part)
        part.rename(out)
        sync_folder(out.parent)
