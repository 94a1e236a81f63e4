"""A source's candidate beside its live bundle, as the page shows it: what was found, and where to listen."""

from __future__ import annotations

from dataclasses import dataclass

from engines.bundle import read_manifest
from engines.errors import BundleError
from monitor.bundles.library import Library as Versions
from monitor.bundles.roles import Change, Roles
from monitor.errors import LibraryError
from monitor.promotion.disagreements import disagreements
from monitor.promotion.document import kept_comparison
from monitor.promotion.records import Comparison, Disagreement, Verdict
from monitor.store import Store
from monitor.store.shadow_clips import disputes_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """The versions of a source, and what is known of them."""

    live: str | None
    """The version that judges; None: none is."""
    candidate: str | None
    """The version that wants to; None: there is none."""
    previous: str | None
    """What a rollback would bring back; None: there is nothing to go back to."""
    promoted: Change | None
    """The promotion by which the live one judges; None: nobody promoted it, or somebody went back to it."""
    went_back: Change | None
    """The last rollback, if what it took out is kept without a role; None: there was none, or it is not."""
    found: tuple[Comparison, Verdict] | None
    """What was last found of these two; None: they were not compared yet."""
    disagreements: tuple[Disagreement, ...]
    """Where to listen, what nobody has labelled first."""


def candidate_of(store: Store, source_id: str) -> Candidate | None:
    """Return what is known of a source's versions; None: it has none, or they cannot be read.

    Raises:
        StoreError: The store cannot be read.
    """
    versions = Versions(store.state_dir, source_id)
    try:
        roles = versions.roles()
        if not roles.installed:
            return None
        if roles.live is None or roles.candidate is None:
            known = (roles.live, roles.candidate, roles.previous, _promoted(roles), _went_back(roles))
            return Candidate(*known, None, ())
        live_bundle_id = read_manifest(versions.version_folder(roles.live)).bundle_id
    except (LibraryError, BundleError):
        return None
    disputes = disputes_of(
        store.database, source_id, candidate=roles.candidate, live_bundle_id=live_bundle_id
    )
    return Candidate(
        live=roles.live,
        candidate=roles.candidate,
        previous=roles.previous,
        promoted=_promoted(roles),
        went_back=_went_back(roles),
        found=kept_comparison(store.state_dir, source_id, live=roles.live, candidate=roles.candidate),
        disagreements=disagreements(store, source_id, disputes),
    )


def _last_change(roles: Roles) -> Change | None:
    return next((one for one in reversed(roles.changes) if one.action != "install"), None)


def _promoted(roles: Roles) -> Change | None:
    last = _last_change(roles)
    return last if last is not None and last.action == "promote" and last.version_to == roles.live else None


def _went_back(roles: Roles) -> Change | None:
    last = _last_change(roles)
    if last is None or last.action != "rollback":
        return None
    is_kept = last.version_from in roles.installed and last.version_from not in roles.named
    return last if is_kept else None
