"""A promotion that cannot be says so before anything is compared, and who was faster."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fixtures_live import DEMO

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.config import parse_config
from monitor.desk import swap
from monitor.desk.swap import Swap
from monitor.errors import CommandError

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


def asked(library: Library) -> str:
    config = parse_config(
        f"state_dir: {library.state_dir}\nsources: [{{id: pump, kind: simulated, bundle: managed}}]",
        name="test",
    )
    promotion = Swap("pump", "promote", BOB, record=lambda _library: None, complain=lambda _words: None)
    with pytest.raises(CommandError) as refused:
        promotion.plan(cast("Any", SimpleNamespace(config=config)))
    return str(refused.value)


def test_who_presses_second_hears_who_was_first(library: Library) -> None:
    version = library.roles().candidate
    library.promote(ADA)
    assert (
        f"nothing was changed: ada has promoted {version}, asked for at 2026-09-21 14:13:20 UTC; it is live, "
        "and no other candidate waits"
    ) == asked(library)
    library.roll_back(ADA)
    assert "has no candidate to promote" in asked(library)


def test_a_version_whose_files_were_changed_is_refused_before_it_is_compared(library: Library) -> None:
    folder = library.version_folder(str(library.roles().candidate))
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    assert "model.onnx" in asked(library)
