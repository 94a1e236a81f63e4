"""Normal sound has moved; a limit is proposed, accepted by a person, judges at once, and is taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from drift_days import begin_with_days
from fixtures_live import DEMO, LiveDaemon, copy_bundle, simulated
from fixtures_verbs import ran

from engines.bundle import open_bundle
from monitor.calibration import load_calibration
from monitor.drift.judgement import DriftState
from monitor.messages import AlarmChange, AlarmState, ChangeReason
from monitor.store import Label
from monitor.store.records import AuditEntry, Rating

Live = Callable[..., LiveDaemon]
REPLAY = {"replay": {"enabled": True}}


def unsealed(folder: Path) -> Path:
    """The demo with its calibration beside it, as a learned bundle has it, and not among its sealed files."""
    manifest = copy_bundle(DEMO / "ae", folder) / "manifest.json"
    tree = json.loads(manifest.read_text())
    del tree["files"]["calibration.json"]
    manifest.write_text(json.dumps(tree))
    return folder


@pytest.fixture
def moved(live: Live, tmp_path: Path) -> LiveDaemon:
    """A daemon of two sources, by a named and by a managed bundle, after three weeks of drift."""
    bundle = open_bundle(DEMO / "ae")
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    sources = [
        # at the rate that the demo was made from: at another one it alarms, and nothing may be proposed then
        {**simulated("pump-1", sample_rate_hz=48_000), "bundle": str(DEMO / "ae")},
        {**simulated("pump-2", sample_rate_hz=48_000, seed=2), "bundle": "managed"},
    ]
    folder = tmp_path / "live0"
    (folder / "state").mkdir(parents=True)
    path = folder / "config.yaml"
    path.write_text(json.dumps({"state_dir": str(folder / "state"), "sources": sources}))
    assert 0 == ran("bundle", "install", "pump-2", unsealed(tmp_path / "ae"), "--config", path).code
    assert 0 == ran("promote", "pump-2", "--config", path, "--despite", "the first one").code
    begin_with_days(folder / "state", ["pump-1", "pump-2"], calibration)
    return live(*sources, **REPLAY, drift={"max_total": 1.01})


def limit_of(daemon: LiveDaemon, source_id: str) -> float:
    machine = daemon.daemon._roster.get(source_id)
    assert machine is not None
    return machine.scorer.limit_raw


def proposal_of(daemon: LiveDaemon, source_id: str) -> str:
    def facts() -> str | None:
        drift = daemon.facts()[source_id].drift
        return None if drift is None else drift.proposal

    daemon.wait(facts, f"a proposal to {source_id}")
    drift = daemon.facts()[source_id].drift
    assert drift is not None
    assert DriftState.DRIFTING is drift.state
    return str(drift.proposal)


def say_of_an_event(daemon: LiveDaemon, source_id: str, rating: Rating) -> None:
    """Label the event that was an hour ago; it is there as soon as somebody says something of it."""
    store, machine, event_id = daemon.daemon._store, daemon.daemon._roster.get(source_id), f"{source_id}-past"
    assert machine is not None
    if store.event(event_id) is None:
        normal, at_utc_s = AlarmState.NORMAL, time.time() - 3600.0
        change = AlarmChange(
            source_id, event_id, normal, normal, ChangeReason.CLEARED, at_utc_s, at_utc_s - 9.0, 2.0,
            warning=False, uncertain=False, active=False,
        )  # fmt: skip
        store.apply([change], snapshot=machine.alarm.snapshot.to_tree(), bundle_id=None)
    store.add_label(Label(event_id, rating, "bert", time.time()))


def test_from_a_drift_to_another_limit_and_back(moved: LiveDaemon) -> None:
    proposals = {name: proposal_of(moved, name) for name in ("pump-1", "pump-2")}
    before = {name: limit_of(moved, name) for name in proposals}
    shown = ran("drift", "pump-1", "--config", moved.path)
    assert 0 == shown.code, shown.err
    assert "normal sound has moved: median score 0." in shown.out
    assert f"wheeltapper recalibrate pump-1 {proposals['pump-1']}" in shown.out
    assert "the scores cannot tell" in shown.out
    figures = json.loads(ran("drift", "pump-1", "--config", moved.path, "--json").out)
    assert 0.25 < figures["judgement"]["likeness"]["low"]
    assert 4.0 == pytest.approx(figures["judgement"]["bands"][0]["change_db"], abs=0.4)
    assert 1.0 < figures["proposal"]["at_present"]["low"]

    outdated = ran("recalibrate", "pump-1", "0123456789ab", "--config", moved.path)
    assert (1, True) == (outdated.code, "is outdated" in outdated.out), outdated.out + outdated.err
    assert before["pump-1"] == limit_of(moved, "pump-1"), "a limit never changes by itself"

    say_of_an_event(moved, "pump-2", "anomaly")
    refused = ran("recalibrate", "pump-2", proposals["pump-2"], "--config", moved.path)
    assert (1, True) == (refused.code, "labelled an anomaly" in refused.out), refused.out + refused.err
    say_of_an_event(moved, "pump-2", "none")

    far = ran("recalibrate", "pump-1", proposals["pump-1"], "--config", moved.path, "--note", "summer")
    assert (1, True) == (far.code, "more than drift.max_total 1.01" in far.out), far.out + far.err
    for name, proposal in proposals.items():
        done = ran(
            "recalibrate", name, proposal, "--config", moved.path, "--actor", "anna", "--despite", "summer"
        )
        assert 0 == done.code, done.out + done.err
        moved.wait(lambda name=name: limit_of(moved, name) > 1.02 * before[name], "another limit")  # type: ignore[misc]
        assert "by 1 accepted step" in ran("drift", name, "--config", moved.path).out
    again = ran("recalibrate", "pump-1", proposals["pump-1"], "--config", moved.path)
    assert (1, True) == (again.code, "outdated" in again.out), "what is in force is not accepted again"

    for words in (("recalibrate", "pump-1", "--undo"), ("rollback", "pump-2")):
        done = ran(*words, "--config", moved.path, "--actor", "bert")
        assert 0 == done.code, done.out + done.err
        moved.wait(lambda name=words[1]: limit_of(moved, name) == before[name], "the limit before")  # type: ignore[misc]
        assert "accepted step" not in ran("drift", words[1], "--config", moved.path).out, "it is taken back"
    assert 0 == moved.facts()["pump-1"].ledger.lost  # type: ignore[union-attr]

    def record() -> list[AuditEntry]:
        return [row for row in reversed(moved.daemon._store.audit(100)) if row.actor in {"anna", "bert"}]

    moved.wait(lambda: len(record()) >= 4, "the record of it")
    rows = record()
    assert [
        ("pump-1", "recalibrate", "done"),
        ("pump-2", "recalibrate", "done"),
        ("pump-1", "recalibrate", "done"),
        ("pump-2", "rollback", "done"),
    ] == [(row.source_id, row.action, row.result) for row in rows]
    assert ["summer", "summer"] == [row.arguments["despite"] for row in rows[:2]]

    # what the terminal installs while the daemon listens is on record before whatever is asked next
    assert (
        0 == ran("bundle", "install", "pump-2", DEMO / "mae", "--config", moved.path, "--actor", "cleo").code
    )
    moved.wait(lambda: moved.daemon._store.audit(1)[0].actor == "cleo", "the install is on record")
