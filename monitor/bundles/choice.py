"""Which bundle judges which source: the folder that the configuration names, or the live version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engines.bundle import MANIFEST
from engines.errors import BundleError
from monitor.bundles.library import Library, check_version
from monitor.config import Config, SourceConfig
from monitor.worded import Worded, worded

MANAGED = "managed"
"""In place of a folder: the live version of the source's library."""


def is_managed(source: SourceConfig) -> bool:
    """Say whether a source's bundle is promoted and rolled back, in place of being named."""
    return source.bundle == MANAGED


def way_to_managed(source_id: str, config: Config) -> Worded | None:
    """Return what else it takes for a source's live version to judge; None: nothing, it is managed."""
    if any(is_managed(one) for one in config.sources if one.id == source_id):
        return None
    return worded("set-managed", "set sources.{source}.bundle to managed and reload", source=source_id)


def folder_of(source: SourceConfig, config: Config) -> Path | None:
    """Return the folder of the bundle that judges a source; None: the embedded demo.

    Raises:
        LibraryError: It is managed, and no version is live.
    """
    if is_managed(source):
        return Library(config.state_dir, source.id).live_folder()
    named = config.engine.bundle if source.bundle is None else source.bundle
    return None if named is None else Path(named)


def folder_to_open(source: SourceConfig, config: Config) -> Path | None:
    """Return what `folder_of` does, of a folder that the configuration names only if a bundle lies there.

    Raises:
        LibraryError: It is managed, and no version is live.
        BundleError: No bundle lies there; the text names the key that says so.
    """
    folder = folder_of(source, config)
    if is_managed(source) or folder is None or not _is_absent(folder / MANIFEST):
        return folder
    key = "engine.bundle" if source.bundle is None else f"sources.{source.id}.bundle"
    raise BundleError(
        f"{key} is {str(folder)!r}, and there is no bundle here ({MANIFEST} is missing); set it to the "
        "folder of a bundle"
    )


def _is_absent(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # it may be there: whoever opens it tells why it cannot be read
    return False


def is_unlearned(source: SourceConfig, config: Config) -> bool:
    """Say whether a source waits for its first bundle: it is managed, and none was promoted yet.

    Raises:
        LibraryError: Its library cannot be read.
    """
    return is_managed(source) and Library(config.state_dir, source.id).roles().live is None


def way_to_first_bundle(source: SourceConfig, config: Config) -> str:
    """Return what to do so that a source that waits for its first bundle is judged.

    Raises:
        LibraryError: Its library cannot be read.
    """
    if Library(config.state_dir, source.id).roles().candidate is not None:
        return f"a candidate waits: wheeltapper promote {source.id}"
    is_live = source.kind != "file" and getattr(source, "pace", "real_time") != "fast"
    may_record = (
        config.learn.enabled and config.store.for_source(source.audio, source.speech).audio != "never"
    )
    how = "on the page (Learn)" if is_live and may_record else f"wheeltapper learn {source.id} --data FOLDER"
    return f"learn one: {how}; then wheeltapper promote {source.id}"


def chosen_bundles(config: Config, instead: Mapping[str, Path] | None = None) -> Mapping[str, Path | None]:
    """Return the folder for every source, by its id; of a source in `instead` that one.

    Sources that wait for their first bundle are absent.

    Raises:
        LibraryError: A version's files were changed, or a library cannot be read.
        BundleError: A version's files are damaged, or a folder that the configuration names holds none.
    """
    chosen: dict[str, Path | None] = {}
    for source in config.sources:
        instead_of = (instead or {}).get(source.id)
        if instead_of is None and is_unlearned(source, config):
            continue
        folder = instead_of or folder_to_open(source, config)
        if is_managed(source) and folder is not None:
            check_version(folder)
        chosen[source.id] = folder
    return chosen
