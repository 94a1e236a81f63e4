"""Which bundle judges which source: the folder that the configuration names, or the live version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.bundles.library import Library, check_version
from monitor.config import Config, SourceConfig

MANAGED = "managed"
"""In place of a folder: the live version of the source's library."""


def is_managed(source: SourceConfig) -> bool:
    """Say whether a source's bundle is promoted and rolled back, in place of being named."""
    return source.bundle == MANAGED


def folder_of(source: SourceConfig, config: Config) -> Path | None:
    """Return the folder of the bundle that judges a source; None: the embedded demo.

    Raises:
        LibraryError: It is managed, and no version is live.
    """
    if is_managed(source):
        return Library(config.state_dir, source.id).live_folder()
    named = config.engine.bundle if source.bundle is None else source.bundle
    return None if named is None else Path(named)


def is_unlearned(source: SourceConfig, config: Config) -> bool:
    """Say whether a source waits for its first bundle: it is managed, and none was promoted yet.

    Raises:
        LibraryError: Its library cannot be read.
    """
    return is_managed(source) and Library(config.state_dir, source.id).roles().live is None


def chosen_bundles(config: Config, instead: Mapping[str, Path] | None = None) -> Mapping[str, Path | None]:
    """Return the folder for every source, by its id; of a source in `instead` that one.

    Sources that wait for their first bundle are absent.

    Raises:
        LibraryError: A version's files were changed, or a library cannot be read.
        BundleError: A version's files are damaged.
    """
    chosen: dict[str, Path | None] = {}
    for source in config.sources:
        instead_of = (instead or {}).get(source.id)
        if instead_of is None and is_unlearned(source, config):
            continue
        folder = instead_of or folder_of(source, config)
        if is_managed(source) and folder is not None:
            check_version(folder)
        chosen[source.id] = folder
    return chosen
