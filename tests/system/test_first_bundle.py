"""A managed source without any version is heard and told as not judged, until its first is promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_live import DEMO, LiveDaemon, copy_bundle, simulated
from fixtures_verbs import ran
from plant_key import trusting_plant

from engines.bundle import open_bundle
from monitor.messages import AlarmState, ChangeReason, Quality

Live = Callable[..., LiveDaemon]
SOURCE = {**simulated("pump-1"), "bundle": "managed"}


@pytest.fixture
def keys(tmp_path: Path) -> Mapping[str, Any]:
    """Sections of a configuration that trusts `plant`, whose private key lies in tmp_path."""
    return trusting_plant(tmp_path)


def put_in(tmp_path: Path, daemon: LiveDaemon) -> None:
    folder = copy_bundle(DEMO / "ae", tmp_path / "signed")
    ran("bundle", "sign", folder, "--key", tmp_path / "plant")
    installed = ran("bundle", "install", "pump-1", folder, "--config", daemon.path)
    assert 0 == installed.code, installed.err


def judges(daemon: LiveDaemon) -> list[tuple[object, object]]:
    """From which bundle to which one the record says pump-1 went."""
    rows = [row for row in daemon.daemon._store.audit(20, source_id="pump-1") if row.action == "bundle"]
    return [(row.arguments["from"], row.arguments["to"]) for row in rows]


def test_a_first_source_is_heard_and_goes_live_without_an_edit(
    live: Live, tmp_path: Path, keys: Mapping[str, Any]
) -> None:
    daemon = live(SOURCE, **keys)
    daemon.hear("pump-1", 2)

    last, facts = daemon.of("pump-1")[-1], daemon.facts()["pump-1"]
    assert (None, None, Quality.UNLEARNED) == (last.value, last.bundle_id, last.span.quality)
    assert (None, None, AlarmState.SUPPRESSED, True) == (
        facts.bundle_id,
        facts.backend,
        facts.alarm,
        facts.uncertain,
    )
    assert last.span.level_dbfs is not None, "its sound is captured, and its level known"
    status = ran("status", "--state-dir", daemon.folder / "state").out
    assert "not judged, for no bundle is live yet: pump-1" in status
    checked = ran("check", "--config", daemon.path)
    assert (0, True) == (checked.code, "NOTE: no bundle is live yet" in checked.out), checked.err

    put_in(tmp_path, daemon)
    promoted = ran("promote", "pump-1", "--config", daemon.path, "--actor", "anna")
    assert 0 == promoted.code, promoted.out + promoted.err
    ae = open_bundle(DEMO / "ae").bundle_id
    daemon.wait(lambda: daemon.of("pump-1")[-1].value is not None, "the first bundle to judge")
    assert ae == daemon.of("pump-1")[-1].bundle_id == daemon.facts()["pump-1"].bundle_id
    daemon.wait(lambda: not daemon.facts()["pump-1"].uncertain, "certainty")
    assert AlarmState.SUPPRESSED is not daemon.facts()["pump-1"].alarm
    reasons = [one.reason for one in daemon.changes if one.source_id == "pump-1"]
    assert ChangeReason.BUNDLE_LIVE is reasons[0]
    daemon.wait(lambda: judges(daemon), "the record of which bundle judges, written behind the change")
    assert [(None, ae)] == judges(daemon)


NAMED = {**SOURCE, "bundle": str(DEMO / "mae")}
REMEDY = "set sources.pump-1.bundle to managed and reload"
ASKABLE = {"replay": {"enabled": True}}


def installed(daemon: LiveDaemon, *, is_named: bool) -> None:
    put = ran("bundle", "install", "pump-1", DEMO / "ae", "--config", daemon.path)
    assert 0 == put.code, put.err
    assert (REMEDY in put.out) is is_named, put.out


def test_a_named_bundle_gives_way_to_a_managed_one_without_a_gap(live: Live) -> None:
    daemon = live(NAMED, **ASKABLE)
    daemon.hear("pump-1", 1)
    installed(daemon, is_named=True)
    first = ran("promote", "pump-1", "--config", daemon.path, "--actor", "anna")
    assert (0, True) == (first.code, REMEDY in first.out), first.out + first.err
    for action in ("promote", "rollback"):
        again = ran(action, "pump-1", "--config", daemon.path)
        assert (1, True) == (again.code, REMEDY in again.out), again.out + again.err
    reply = daemon.reload(SOURCE)
    assert "done" == reply["result"], reply
    ae = open_bundle(DEMO / "ae").bundle_id
    daemon.wait(lambda: daemon.of("pump-1")[-1].bundle_id == ae, "the library's version to judge")
    assert [] == [one for one in daemon.of("pump-1") if one.span.quality is Quality.UNLEARNED]


def test_a_reload_to_managed_without_a_version_says_that_nothing_judges(live: Live) -> None:
    daemon = live(NAMED, **ASKABLE)
    daemon.hear("pump-1", 1)
    reply = daemon.reload(SOURCE)
    assert ("done", True) == (reply["result"], "is judged by nothing from its next window" in reply["detail"])
    daemon.wait(lambda: daemon.facts()["pump-1"].alarm is AlarmState.SUPPRESSED, "the alarm to be suppressed")
    installed(daemon, is_named=False)
    promoted = ran("promote", "pump-1", "--config", daemon.path)
    assert 0 == promoted.code, promoted.out + promoted.err
    daemon.wait(lambda: daemon.of("pump-1")[-1].value is not None, "the first bundle to judge")

    (daemon.folder / "state" / "bundles" / "pump-1" / "bundles.json").unlink()
    lost = daemon.reload(SOURCE, simulated("other"))
    assert ("refused", True) == (lost["result"], "no version is live yet" in lost["reason"]), lost


def test_without_a_daemon_a_promotion_promises_no_start_that_the_configuration_prevents(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.yaml"
    (tmp_path / "state").mkdir()
    path.write_text(yaml.safe_dump({"state_dir": str(tmp_path / "state"), "sources": [NAMED]}))
    assert 0 == ran("bundle", "install", "pump-1", DEMO / "ae", "--config", path).code
    done = ran("promote", "pump-1", "--config", path)
    assert (0, True, False) == (done.code, REMEDY in done.out, "next start" in done.out), done.out + done.err
