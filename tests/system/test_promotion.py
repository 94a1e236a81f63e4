"""A bundle is promoted and rolled back while the real daemon judges on, and all of it is on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fixtures_live import DEMO, LiveDaemon, copy_bundle, simulated
from fixtures_verbs import ran
from plant_key import trusting_plant

from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.bundles.trail import record_changes
from monitor.errors import StoreError
from monitor.store import open_store
from monitor.store.records import AuditEntry
from monitor.testing import CapturedLog

Live = Callable[..., LiveDaemon]
HOP = 32 * 512
"""Samples from one window of the demo bundles to the next."""
SOURCE = {**simulated("pump-1"), "bundle": "managed"}


@pytest.fixture
def keys(tmp_path: Path) -> Mapping[str, Any]:
    """The sections of a configuration that trusts `plant`; its private key lies in tmp_path."""
    return trusting_plant(tmp_path)


def signed(tmp_path: Path, kind: str) -> Path:
    folder = copy_bundle(DEMO / kind, tmp_path / f"signed-{kind}")
    assert 0 == ran("bundle", "sign", folder, "--key", tmp_path / "plant").code
    return folder


def library_of(folder: Path) -> Library:
    return Library(folder / "state", "pump-1")


def begun(live: Live, tmp_path: Path, keys: Mapping[str, Any]) -> LiveDaemon:
    """A daemon whose live bundle was installed and promoted before it began."""
    folder = tmp_path / "live0"
    folder.mkdir()
    (folder / "state").mkdir()
    path = folder / "config.yaml"
    path.write_text(json.dumps({"state_dir": str(folder / "state"), **keys, "sources": [SOURCE]}))
    assert 0 == ran("bundle", "install", "pump-1", signed(tmp_path, "mae"), "--config", path).code
    done = ran("promote", "pump-1", "--config", path, "--actor", "bert")
    assert (0, True) == (done.code, "from the next start on" in done.out), done.err
    return live(SOURCE, **keys)


def test_promoted_and_rolled_back_without_losing_a_sample(
    live: Live, tmp_path: Path, keys: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hold_up(*_asked: object, **_keys: object) -> None:
        raise AssertionError("a daemon compares in a process of its own")

    monkeypatch.setattr("monitor.promotion.gate.judged", hold_up)
    daemon = begun(live, tmp_path, keys)
    config = daemon.path
    mae, ae = (open_bundle(DEMO / name).bundle_id for name in ("mae", "ae"))
    daemon.hear("pump-1", 2)

    installed = ran("bundle", "install", "pump-1", signed(tmp_path, "ae"), "--config", config)
    assert (0, True) == (installed.code, "judges nothing until" in installed.out), installed.err
    daemon.wait(
        lambda: 2 == [row.action for row in daemon.daemon._store.audit(100)].count("install"),
        "the install to be on record",
    )
    promoted = ran("promote", "pump-1", "--config", config, "--actor", "anna", "--note", "hears more")
    assert 0 == promoted.code, promoted.out + promoted.err
    assert f"judged by bundle {ae}" in promoted.out
    assert "it is too early to tell whether the candidate is better: both have judged" in promoted.out
    daemon.wait(lambda: daemon.of("pump-1")[-1].bundle_id == ae, "the candidate to judge")
    daemon.hear("pump-1", 2)
    rolled = ran("rollback", "pump-1", "--config", config, "--actor", "anna", "--note", "deaf to belts")
    assert 0 == rolled.code, rolled.out + rolled.err
    daemon.wait(lambda: daemon.of("pump-1")[-1].bundle_id == mae, "the one before to judge")
    daemon.hear("pump-1", 2)

    scores = daemon.of("pump-1")
    assert [(mae, ae), (ae, mae)] == [
        (a.bundle_id, b.bundle_id) for a, b in pairwise(scores) if a.bundle_id != b.bundle_id
    ]
    assert {HOP} == {b.span.first_sample - a.span.first_sample for a, b in pairwise(scores)}
    ledger = daemon.facts()["pump-1"].ledger
    assert ledger is not None
    assert ledger.balances
    assert 0 == ledger.lost
    assert "done" == daemon.reload(SOURCE)["result"]
    assert mae == daemon.facts()["pump-1"].bundle_id, "a reload keeps to what was rolled back to"

    def record() -> list[AuditEntry]:
        return [row for row in reversed(daemon.daemon._store.audit(100)) if row.action != "reload"]

    daemon.wait(lambda: len(record()) >= 8, "the record, which is written behind the change itself")
    rows = record()
    key = json.loads((tmp_path / "signed-ae" / "manifest.sig").read_text())["key"]
    assert [
        ("install", "terminal", None),
        ("promote", "terminal", None),
        ("bundle", "daemon", "started"),
        ("install", "terminal", None),
        ("promote", "terminal", "anna"),
        ("bundle", "daemon", "took over"),
        ("rollback", "terminal", "anna"),
        ("bundle", "daemon", "took over"),
    ] == [(str(r.action), r.origin.value, r.reason if r.action == "bundle" else _anna(r.actor)) for r in rows]
    swaps = [row.arguments for row in rows if row.action == "bundle"]
    assert [(None, mae, key), (mae, ae, key), (ae, mae, key)] == [
        (row["from"], row["to"], row["key"]) for row in swaps
    ]
    assert {"note": "hears more"} == rows[4].arguments
    assert f"signed by key {key}" in str(rows[4].reason)
    told = ran("audit", "--state-dir", daemon.folder / "state").out
    assert "promote note=hears more  anna by terminal  done: mae-" in told
    assert "rollback note=deaf to belts  anna by terminal  done: ae-" in told
    assert "anna by terminal: deaf to belts" in ran("bundle", "list", "pump-1", "--config", config).out
    assert 0 == daemon.stop()


def _anna(actor: str | None) -> str | None:
    return actor if actor == "anna" else None


def test_what_is_not_trusted_or_cannot_be_stored_is_not_done(
    live: Live, tmp_path: Path, keys: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = begun(live, tmp_path, keys)
    library = library_of(daemon.folder)
    live_before = library.roles().live
    unsigned = ran("bundle", "install", "pump-1", DEMO / "ae", "--config", daemon.path)
    assert (2, True) == (unsigned.code, "bundle-untrusted" in unsigned.err)
    assert f"wheeltapper bundle sign {DEMO / 'ae'} --key FILE" in unsigned.err
    assert library.roles().candidate is None

    ran("bundle", "install", "pump-1", signed(tmp_path, "ae"), "--config", daemon.path)
    candidate = library.version_folder(str(library.roles().candidate))
    with (candidate / "manifest.json").open("a") as file:
        file.write("\n")
    refused = ran("promote", "pump-1", "--config", daemon.path)
    assert (1, True) == (refused.code, "was changed since plant" in refused.out), refused.out + refused.err
    assert live_before == library.roles().live

    none = ran("rollback", "pump-1", "--config", daemon.path)
    assert (1, True) == (none.code, "no version to go back to" in none.out)
    # what the store cannot keep is not done
    (candidate / "manifest.json").write_bytes((tmp_path / "signed-ae" / "manifest.json").read_bytes())
    before = library.roles()

    def refuse(_reply: object) -> None:
        raise StoreError("the disk refuses")

    with monkeypatch.context() as broken:
        broken.setattr(daemon.daemon._store, "save_reply", refuse)
        refused = ran("promote", "pump-1", "--config", daemon.path)
    assert (1, True) == (refused.code, "the disk refuses" in refused.out), refused.out + refused.err
    assert (before.live, before.candidate) == (library.roles().live, library.roles().candidate)
    assert 0 == ran("promote", "pump-1", "--config", daemon.path).code
    assert 0 == daemon.stop()


def test_a_promotion_right_before_a_kill_is_on_record_after_the_next_start(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    library = Library(state, "pump-1")
    version = library.install(DEMO / "ae", By("bert", "terminal", 1.8e9, "c-0"))
    library.promote(By("anna", "mqtt", 1.8e9, "c-1"), candidate=version.name)
    with closing(open_store(state)) as store:
        for _ in range(2):
            record_changes(store, library, CapturedLog())
        rows = store.audit(100)
    assert [("promote", "anna", version.name), ("install", "bert", version.name)] == [
        (row.action, row.actor, row.arguments["to"]) for row in rows
    ]


def test_a_managed_source_without_a_version_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"state_dir": str(tmp_path / "state"), "sources": [SOURCE]}))
    checked = ran("check", "--config", path)
    assert (0, True) == (
        checked.code,
        "learn one: on the page (Learn); then wheeltapper promote pump-1" in checked.out,
    ), checked.err
