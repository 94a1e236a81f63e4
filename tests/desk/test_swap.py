"""A promotion that cannot be says so before anything is compared, and who was faster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
from fixtures_live import DEMO
from promotion_rig import with_limit

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.config import parse_config
from monitor.desk import swap
from monitor.desk.reload import Plan
from monitor.desk.swap import Swap
from monitor.errors import CommandError
from monitor.prepared import Prepared, nothing

ADA, BOB = (By(name, "page", 1_790_000_000.0, f"c-{name}") for name in ("ada", "bob"))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    def compare(*_asked: object) -> None:
        raise AssertionError("nothing is to be compared")

    monkeypatch.setattr(swap, "judged_elsewhere", compare)
    library = Library(tmp_path, "pump")
    library.install(DEMO / "mae", ADA)
    library.promote(ADA)
    library.install(DEMO / "ae", ADA)
    return library


def plan_of(action: Literal["promote", "rollback"], library: Library) -> Plan:
    config = parse_config(
        f"state_dir: {library.state_dir}\nsources: [{{id: pump, kind: simulated, bundle: managed}}]",
        name="test",
    )
    reloader = SimpleNamespace(config=config, prepared_swap=lambda _folders: Prepared(nothing))
    swap_of = Swap("pump", action, BOB, record=lambda _library: None, complain=lambda _words: None)
    return swap_of.plan(cast("Any", reloader))


def asked(library: Library, action: Literal["promote", "rollback"] = "promote") -> str:
    with pytest.raises(CommandError) as refused:
        plan_of(action, library)
    return str(refused.value)


def test_who_presses_second_hears_who_was_first(library: Library) -> None:
    version = library.roles().candidate
    library.promote(ADA)
    at = "(asked for at 2026-09-21 14:13:20 UTC)"
    words = f"{version} is live, which ada has promoted, and no other candidate waits {at}"
    assert f"nothing was changed: {words}" == asked(library)
    back = library.roll_back(ADA).live
    assert "has no candidate to promote" in asked(library)
    words = f"{back} is live, which ada has rolled back to, and there is none before it {at}"
    assert f"nothing was changed: {words}" == asked(library, "rollback")


def test_a_version_whose_files_were_changed_is_refused_before_it_is_compared(library: Library) -> None:
    folder = library.version_folder(str(library.roles().candidate))
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    assert "model.onnx" in asked(library)


def test_what_is_taken_back_takes_nothing_with_it_that_came_while_it_was_looked_into(
    library: Library, tmp_path: Path
) -> None:
    library.promote(ADA)
    before = library.roles()
    plan = plan_of("rollback", library)
    newer = library.install(with_limit(DEMO / "ae", tmp_path / "newer", 2.0), ADA).name
    plan.keep()
    assert before.previous == library.roles().live
    plan.take_back()
    after = library.roles()
    assert (before.live, before.previous, newer) == (after.live, after.previous, after.candidate)
