"""The cache of plans trusts only its own user's folder, and what was built last."""

from __future__ import annotations

import json
import os
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
from fixtures_tensorrt import a_key, a_record

from engines.errors import PlanCacheError, PlanQuarantinedError
from engines.plan_lock import build_lock
from engines.plan_owner import user_name
from engines.plans import PlanCache

NOBODY = 3999999999
"""A user that no system has."""


def test_a_folder_of_another_user_is_refused_with_both_users_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "engines"
    PlanCache(folder)
    owner = user_name(os.geteuid())
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(PlanCacheError, match=rf"to {owner}, this is #{NOBODY},.* `sudo -u {owner}` before"):
        PlanCache(folder)


def test_a_folder_that_cannot_be_made_is_told_with_its_owner_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlanCacheError, match=r"engines: Not a directory for .*; make room on its disk, or"):
        PlanCache(tmp_path / "file" / "engines")
    owner = user_name(os.geteuid())
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(PlanCacheError, match=rf"for #{NOBODY}; it lies with {owner}: .* `sudo -u {owner}` "):
        PlanCache(tmp_path / "file" / "engines")


@pytest.mark.parametrize(("mode", "refused"), [(0o755, False), (0o770, True), (0o702, True), (0o720, True)])
def test_a_folder_that_group_or_others_may_write_to_is_refused(
    tmp_path: Path, mode: int, *, refused: bool
) -> None:
    tmp_path.chmod(mode)
    expected = pytest.raises(PlanCacheError, match=rf"\(mode {mode:o}\)") if refused else nullcontext()
    with expected:
        PlanCache(tmp_path)


def test_a_plan_that_cannot_be_written_leaves_nothing_that_looks_like_one(plans_at: Path) -> None:
    cache, key = PlanCache(plans_at), a_key()
    in_the_way = cache.path(key, ".plan") / "in the way"
    in_the_way.mkdir(parents=True)
    with pytest.raises(PlanCacheError, match=r"\.plan: "):
        cache.keep(a_record(key, b"plan"), b"plan")
    assert [in_the_way.parent] == list(plans_at.iterdir()), "no sidecar, for it is written last, and no part"


def test_a_user_without_a_name_is_told_as_sudo_takes_it() -> None:
    assert ("root", f"#{NOBODY}") == (user_name(0), user_name(NOBODY))


def test_a_plan_that_was_built_anew_meanwhile_is_not_quarantined_with_the_old_one(plans_at: Path) -> None:
    cache, key = PlanCache(plans_at), a_key()
    strayed, better = (a_record(key, plan, built_utc_s=s) for plan, s in ((b"old", 1000.0), (b"new", 1001.0)))
    cache.keep(better, b"new")
    cache.quarantine(strayed, "strays")
    assert (b"new", better) == (cache.load(key).plan, cache.load(key).record)


def test_the_one_tolerance_of_an_old_sidecar_is_that_of_each_output(plans_at: Path) -> None:
    cache, key = PlanCache(plans_at), a_key()
    cache.keep(a_record(key, b"plan"), b"plan")
    sidecar = cache.path(key, ".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "tolerance": 0.05}))
    record = cache.load(key).record
    assert record is not None
    assert {"score": 0.05, "error_map": 0.05, "reconstruction": 0.05} == record.tolerance


def test_a_plan_of_before_there_were_recipes_is_still_found(plans_at: Path) -> None:
    cache, key = PlanCache(plans_at), a_key()
    assert "abababababab-fp32-b775319c3e86dd4d" == key.stem, "the name that was given before"
    cache.keep(a_record(key, b"plan"), b"plan")
    sidecar = cache.path(key, ".json")
    tree = json.loads(sidecar.read_text())
    assert 0 == tree["key"].pop("recipe")
    sidecar.write_text(json.dumps(tree))
    assert b"plan" == cache.load(key).plan


def test_another_recipe_has_another_plan(plans_at: Path) -> None:
    cache, old, new = PlanCache(plans_at), a_key(), a_key(recipe=1)
    cache.keep(a_record(old, b"plan"), b"plan")
    assert "there is none yet" == cache.load(new).why
    cache.keep(a_record(new, b"a new plan"), b"a new plan")
    assert (b"plan", b"a new plan") == (cache.load(old).plan, cache.load(new).plan)


@pytest.mark.parametrize(
    ("kept", "built_utc_s"),
    [(None, 0.0), (b"strayed", 1000.0), (b"strayed", 1001.0), (b"older", 999.0), (b"older", 1000.0)],
    ids=["nothing", "the same", "the same, later", "an older one", "one as old"],
)
def test_a_plan_that_strays_is_noted_whatever_was_there_before(
    plans_at: Path, kept: bytes | None, built_utc_s: float
) -> None:
    cache, key = PlanCache(plans_at), a_key()
    if kept is not None:
        cache.keep(a_record(key, kept, built_utc_s=built_utc_s), kept)
    cache.quarantine(a_record(key, b"strayed", built_utc_s=1000.0), "strays by 7")
    assert not cache.path(key, ".plan").exists()
    with pytest.raises(PlanQuarantinedError, match="strays by 7"):
        cache.load(key)


def test_a_plan_is_forgotten_when_whoever_builds_it_is_done(plans_at: Path) -> None:
    cache, key = PlanCache(plans_at), a_key()
    waits = threading.Event()
    forgetting = threading.Thread(
        target=cache.forget, args=(key,), kwargs={"say": lambda _words: waits.set()}
    )
    with build_lock(cache.path(key, ".lock"), say=print):
        forgetting.start()
        assert waits.wait(20.0)
        cache.keep(a_record(key, b"plan"), b"plan")
        assert b"plan" == cache.load(key).plan
    forgetting.join(20.0)
    assert "there is none yet" == cache.load(key).why
    assert [] == list(plans_at.glob("*.plan"))
