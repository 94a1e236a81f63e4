"""Puts a bundle that was learned into the library of its source, where that needs no signature."""

from __future__ import annotations

from functools import partial

from engines.bundle import Bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.bundles.trust import trust_of
from monitor.bundles.version_files import version_name
from monitor.config import Config, SourceConfig


def candidate_of(bundle: Bundle, config: Config, chosen: SourceConfig, by: By) -> str | None:
    """Return the name of the version that the bundle is, installed as the candidate now or before.

    None: keys are configured, and it waits for a signature. Doing it twice changes nothing.

    Raises:
        LibraryError, BundleError, StoreError: It cannot be put there.
    """
    if trust_of(config.bundles).asks:
        return None
    library, name = Library(config.state_dir, chosen.id), version_name(bundle)
    if name in library.roles().named:
        return name
    version = library.install(
        bundle.folder,
        by,
        keep=config.bundles.keep_versions,
        check=partial(trust_of(config.bundles).check_arrival, source_id=chosen.id),
    )
    return version.name
