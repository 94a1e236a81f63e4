"""The two bundles that are compared: opened for a comparison, beside those that judge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.bundle import read_manifest
from monitor.bundles.choice import is_managed
from monitor.bundles.library import Library, check_version
from monitor.bundles.trust import trust_of
from monitor.config import Config, SourceConfig
from monitor.errors import LibraryError
from monitor.promotion.learned import LABELS, Spans, learned_from, recorded_in
from monitor.worded import Worded, worded


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a source's bundle."""

    version: str
    """Its name in the library."""
    folder: Path
    """Where it lies."""
    bundle_id: str
    """Of its model."""
    used: frozenset[str]
    """Ids of the labelled events from which it has learned."""
    recorded: Spans = ()
    """When the sound was recorded that it has learned as normal, so far as it says."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Who is compared with whom."""

    source: SourceConfig
    """Whose they are."""
    live: Side
    """Judges."""
    candidate: Side
    """Wants to."""
    since_utc_s: float | None
    """Since when the live version judges, by the clock of the box; None: not known. What was said before, by
    the same model with another limit or before a rollback, says nothing about these two."""


def sides_of(config: Config, source_id: str) -> Sides:
    """Return the live version of a source and its candidate, both whole and trusted.

    Raises:
        LibraryError: There are not two to compare, or a file is not what was installed.
        CodedError: One of them is damaged, or not signed by whom the configuration trusts.
    """
    source = next((one for one in config.sources if one.id == source_id), None)
    if source is None or not is_managed(source):
        raise LibraryError(
            worded(
                "no-versions",
                "sources.{source}: has no versions to compare; a source with `bundle: managed` has",
                source=source_id,
            )
        )
    library = Library(config.state_dir, source_id)
    roles = library.roles()
    if roles.live is None or roles.candidate is None:
        raise LibraryError(_nothing_to_compare(source_id, has_candidate=roles.candidate is not None))
    return Sides(
        source,
        _side(config, source_id, library.version_folder(roles.live)),
        _side(config, source_id, library.version_folder(roles.candidate)),
        roles.live_since_utc_s,
    )


def _nothing_to_compare(source_id: str, *, has_candidate: bool) -> Worded:
    """Return what is missing for a comparison."""
    if has_candidate:
        return worded(
            "no-live-to-compare",
            "{source}: there is no live version to compare; put one in with `wheeltapper bundle install "
            "{source} FOLDER`, and promote the first",
            source=source_id,
        )
    return worded(
        "no-candidate-to-compare",
        "{source}: there is no candidate to compare; put one in with `wheeltapper bundle install {source} "
        "FOLDER`, and promote the first",
        source=source_id,
    )


def _side(config: Config, source_id: str, folder: Path) -> Side:
    check_version(folder)
    trust_of(config.bundles).check_version(folder, source_id)
    manifest = read_manifest(folder)
    try:
        used, recorded = learned_from(folder), recorded_in(folder)
    except (OSError, ValueError) as error:
        raise LibraryError(f"{folder / LABELS}: cannot be read: {error}; install the bundle anew") from error
    if (used or recorded) and LABELS not in manifest.files:
        raise LibraryError(f"{folder}: its manifest does not name {LABELS}; export the bundle anew")
    return Side(folder.name, folder, manifest.bundle_id, used, recorded)
