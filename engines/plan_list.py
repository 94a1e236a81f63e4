"""Looks over the cache of plans as a whole: what is in it, in which state, and what may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.errors import PlanCacheError, PlanQuarantinedError
from engines.plan_lock import build_lock
from engines.plan_owner import refusal
from engines.plan_record import PlanRecord, record_from_file
from engines.plans import PlanCache
from engines.runtime import say_nothing

PLAN_SUFFIXES = (".json", ".plan")
READY, QUARANTINED, DAMAGED = "ready", "quarantined", "damaged"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan as it lies in the cache."""

    stem: str
    """The name of its files, without suffix."""
    record: PlanRecord | None
    """Its sidecar; None: there is none that can be read."""
    state: str
    """READY, QUARANTINED or DAMAGED."""
    why: str
    """Why it is not ready; empty when it is."""


def stored_plans(folder: Path) -> list[StoredPlan]:
    """Return every plan of a cache, oldest first; none when there is no such folder.

    Raises:
        PlanCacheError: The folder is another user's, or others may write to it.
    """
    if not _is_there(folder):
        return []
    cache = PlanCache(folder)
    stems = {path.stem for path in folder.iterdir() if path.suffix in PLAN_SUFFIXES}
    plans = [_stored_plan(cache, stem) for stem in stems]
    return sorted(plans, key=lambda plan: (plan.record.built_utc_s if plan.record else 0.0, plan.stem))


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except PermissionError as error:
        raise refusal(folder, error) from error


def _stored_plan(cache: PlanCache, stem: str) -> StoredPlan:
    try:
        record = record_from_file(cache.folder / f"{stem}.json")
    except (OSError, ValueError) as error:
        return StoredPlan(stem, None, DAMAGED, f"its sidecar cannot be read ({error})")
    if record.key.stem != stem:
        return StoredPlan(stem, None, DAMAGED, "its sidecar is of another plan")
    try:
        kept = cache.load(record.key)
    except PlanQuarantinedError:
        return StoredPlan(stem, record, QUARANTINED, record.quarantined)
    return StoredPlan(stem, record, READY if kept.record else DAMAGED, kept.why)


def prune_plans(
    folder: Path, why_goes: Callable[[StoredPlan], str], *, dry: bool = False
) -> list[tuple[str, str]]:
    """Remove what `why_goes` has a reason for, and what was never finished; return names with reasons.

    A plan that a process builds at this moment stays, and so does one that was built anew while this looked
    over the others: what counts is the reason that is found under the plan's lock. `dry`: only say what would
    go.

    Raises:
        PlanCacheError: The folder cannot be used.
    """
    if not _is_there(folder):
        return []
    cache = PlanCache(folder)

    def why_plan(stem: str) -> str:
        plan = _stored_plan(cache, stem)
        return plan.why if plan.state == DAMAGED else why_goes(plan)

    def why_lock(stem: str) -> str:
        unfinished = not any((folder / (stem + suffix)).exists() for suffix in PLAN_SUFFIXES)
        return "of a build that was not finished" if unfinished else ""

    stems = [plan.stem for plan in stored_plans(folder)]
    plans = [(stem, _removed(cache, stem, why_plan, dry=dry)) for stem in stems]
    locks = [
        (lock.name, _removed(cache, lock.stem, why_lock, dry=dry)) for lock in sorted(folder.glob("*.lock"))
    ]
    return [(name, reason) for name, reason in plans + locks if reason]


def _removed(cache: PlanCache, stem: str, why: Callable[[str], str], *, dry: bool) -> str:
    """Remove the files of a stem for which there is a reason, and return it; empty: they stay."""
    reason = why(stem)
    if dry or not reason:
        return reason
    try:
        with build_lock(cache.folder / f"{stem}.lock", say=say_nothing, wait_s=0.0):
            reason = why(stem)
            if reason:
                _unlink(cache.folder, stem)
    except PlanCacheError:
        return ""  # it is being built
    return reason


def _unlink(folder: Path, stem: str) -> None:
    """Remove all files of a stem; the lock last, for without it the next builder may begin."""
    plan = (folder / (stem + suffix) for suffix in PLAN_SUFFIXES)
    for path in [*plan, *folder.glob(f"{stem}.*.part"), folder / f"{stem}.lock"]:
        path.unlink(missing_ok=True)
