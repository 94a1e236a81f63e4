"""A managed source without any version is heard and told as not judged, until its first is promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fixtures_live import DEMO, LiveDaemon, copy_bundle, simulated
from fixtures_verbs import ran

from engines.bundle import open_bundle
from monitor.messages import AlarmState, ChangeReason, Quality

Live = Callable[..., LiveDaemon]
SOURCE = {**simulated("pump-1"), "bundle": "managed"}


@pytest.fixture
def keys(tmp_path: Path) -> Mapping[str, Any]:
    """Sections of a configuration that trusts `plant`, whose private key lies in tmp_path."""
    ran("bundle", "keygen", tmp_path / "plant")
    public = tmp_path / "plant.pub"
    return {
        "bundles": {"trusted_keys": [{"name": "plant", "file": str(public)}]},
        "replay": {"enabled": True},
    }


def put_in(tmp_path: Path, daemon: LiveDaemon) -> None:
    folder = copy_bundle(DEMO / "ae", tmp_path / "signed")
    ran("bundle", "sign", folder, "--key", tmp_path / "plant")
    installed = ran("bundle", "install", "pump-1", folder, "--config", daemon.path)
    assert 0 == installed.code, installed.err


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
    assert [ChangeReason.BUNDLE_LIVE, ChangeReason.CERTAIN] == reasons[:2]
    rows = [row for row in daemon.daemon._store.audit(20, source_id="pump-1") if row.action == "bundle"]
    assert [(None, ae)] == [(row.arguments["from"], row.arguments["to"]) for row in rows]


def test_a_source_that_is_judged_is_not_left_unjudged_by_a_reload(live: Live) -> None:
    daemon = live({**SOURCE, "bundle": str(DEMO / "ae")})
    reply = daemon.reload(SOURCE, simulated("other"))
    assert ("refused", True) == (reply["result"], "no version is live yet" in reply["reason"]), reply
    joined = daemon.reload({**SOURCE, "bundle": str(DEMO / "ae")}, {**SOURCE, "id": "pump-2"})
    assert "done" == joined["result"], joined
    daemon.hear("pump-2", 1)
    assert Quality.UNLEARNED is daemon.of("pump-2")[-1].span.quality
    assert Quality.UNLEARNED is not daemon.of("pump-1")[-1].span.quality
