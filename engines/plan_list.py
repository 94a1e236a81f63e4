"""Looks over the cache of plans as a whole: what is in it, in which state, and what may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.errors import PlanCacheError, PlanQuarantinedError
from engines.plan_lock import build_lock
from engines.plan_record import PlanRecord, record_from_file
from engines.plans import PlanCache
from engines.runtime import say_nothing

SUFFIXES = (".json", ".plan", ".lock")
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
        PlanCacheError: Others may write to the folder.
    """
    if not folder.is_dir():
        return []
    cache = PlanCache(folder)
    stems = {path.stem for path in folder.iterdir() if path.suffix in {".plan", ".json"}}
    plans = [_stored_plan(cache, stem) for stem in stems]
    return sorted(plans, key=lambda plan: (plan.record.built_utc_s if plan.record else 0.0, plan.stem))


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

    A plan that a process builds at this moment stays. `dry`: only say what would go.

    Raises:
        PlanCacheError: The folder cannot be used.
    """
    gone = []
    for plan in stored_plans(folder):
        reason = plan.why if plan.state == DAMAGED else why_goes(plan)
        if reason and _remove(folder, plan.stem, dry=dry):
            gone.append((plan.stem, reason))
    if folder.is_dir():
        known = {plan.stem for plan in stored_plans(folder)}
        locks = [lock for lock in sorted(folder.glob("*.lock")) if lock.stem not in known]
        removed = [lock.name for lock in locks if _remove(folder, lock.stem, dry=dry)]
        gone += [(name, "of a build that was not finished") for name in removed]
    return gone


def _remove(folder: Path, stem: str, *, dry: bool) -> bool:
    if dry:
        return True
    try:
        with build_lock(folder / f"{stem}.lock", say=say_nothing, wait_s=0.0):
            for path in [*(folder / (stem + suffix) for suffix in SUFFIXES), *folder.glob(f"{stem}.*.part")]:
                path.unlink(missing_ok=True)
    except PlanCacheError:
        return False  # it is being built
    return True
