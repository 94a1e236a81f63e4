"""Prune removes what is of no use at the moment of removal, not what was of none when it began to look."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
from fixtures_tensorrt import a_key, a_record

from engines.errors import PlanCacheError
from engines.plan_list import StoredPlan, prune_plans, stored_plans
from engines.plan_lock import build_lock
from engines.plans import PlanCache

KEY = a_key()


@pytest.fixture
def cache(plans_at: Path) -> PlanCache:
    return PlanCache(plans_at)


def test_a_folder_that_may_not_be_looked_into_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: Path) -> bool:  # the tests may be run as root, whom nothing is denied
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", denied)
    for look in (stored_plans, lambda folder: prune_plans(folder, lambda _plan: "")):
        with pytest.raises(PlanCacheError, match=r"engines: Permission denied for \w+; "):
            look(tmp_path / "engines")


def names(cache: PlanCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


def test_a_plan_stays_for_which_there_is_no_reason_once_its_lock_is_held(cache: PlanCache) -> None:
    cache.keep(a_record(KEY, b"plan"), b"plan")
    locked: list[bool] = []

    def why_goes(_plan: StoredPlan) -> str:
        try:
            with build_lock(cache.path(KEY, ".lock"), say=print, wait_s=0.0):
                locked.append(False)
        except PlanCacheError:
            locked.append(True)
        return "" if locked[-1] else "not in use"

    assert [] == prune_plans(cache.folder, why_goes)
    assert [False, True] == locked
    assert b"plan" == cache.load(KEY).plan


def test_a_damaged_plan_stays_that_was_built_anew_while_others_were_looked_at(cache: PlanCache) -> None:
    other = a_key(gpu_name="Thor")
    for key in (other, KEY):
        cache.keep(a_record(key, b"plan"), b"plan")
    cache.path(KEY, ".plan").write_bytes(b"cut")

    def why_goes(plan: StoredPlan) -> str:
        if plan.record is None or plan.record.key == KEY:
            return ""
        cache.keep(a_record(KEY, b"a new plan"), b"a new plan")
        return "not in use"

    assert [(other.stem, "not in use")] == prune_plans(cache.folder, why_goes)
    assert b"a new plan" == cache.load(KEY).plan


def test_a_lock_stays_whose_build_was_finished_just_before_it_was_taken(
    cache: PlanCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.path(KEY, ".lock").touch()
    flock = fcntl.flock

    def flock_after_a_build(lock: int, how: int) -> None:
        cache.keep(a_record(KEY, b"plan"), b"plan")
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", flock_after_a_build)
    assert [] == prune_plans(cache.folder, lambda _plan: "not in use")
    assert {KEY.stem + suffix for suffix in (".json", ".plan", ".lock")} == names(cache)


def test_what_is_being_built_stays(cache: PlanCache) -> None:
    part = cache.path(KEY, ".plan.77.part")
    part.write_bytes(b"half a pl")
    with build_lock(cache.path(KEY, ".lock"), say=print):
        assert [] == prune_plans(cache.folder, lambda _plan: "not in use")
    assert part.exists()
    gone = [(f"{KEY.stem}.lock", "of a build that was not finished")]
    assert gone == prune_plans(cache.folder, lambda _plan: "not in use")
    assert set() == names(cache)
