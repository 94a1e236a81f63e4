"""A box too slow for its sources judges a fair share of each and never says that the rest is normal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]
SLOW_ENGINE = Path(__file__).resolve().parents[1] / "slow_engine"
SOURCES = [f"pump-{number}" for number in range(16)]


@pytest.mark.slow
def test_at_half_the_speed_every_source_is_half_judged_and_uncertain_and_told_so_everywhere(
    mosquitto: Mosquitto,
    make_daemon: Callable[..., DaemonProcess],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> None:
    recorder = make_recorder(mosquitto.port, f"{topic_prefix}/#")
    daemon = make_daemon(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port, "prefix": topic_prefix},
        engine={"queue_windows": 16},
        sources=[{"id": source_id, "kind": "simulated"} for source_id in SOURCES],
    )
    daemon.environment = {"PYTHONPATH": f"{SLOW_ENGINE}:{ROOT}", "SLOW_ENGINE_S": "0.125"}
    daemon.start()

    def late() -> bool:
        found = (daemon.status() or {"sources": []})["sources"]
        return len(found) == len(SOURCES) and all(
            s["dropped_windows"] >= 3 and s["windows"] >= 3 and s["uncertain"] and not s["keeps_up"]
            for s in found
        )

    eventually(late, 90, "every source to have lost some windows")
    status = daemon.status()
    assert status is not None
    assert "can't keep up: " in status["line"]
    assert " % of windows dropped" in status["line"]
    losses = [source["dropped_windows"] for source in status["sources"]]
    assert max(losses) - min(losses) <= 3, "none loses more than its neighbours"
    assert not any(source["keeps_up"] for source in status["sources"])
    cannot = "can't keep up: windows are dropped, and the alarms of their sources are uncertain"
    eventually(lambda: bool(daemon.events(cannot)), 30, "the log to say so")
    (warning,) = daemon.events(cannot)
    assert 16 >= warning["sources_late"] >= 1

    def told_a_share(source_id: str) -> bool:
        told = [heard.document for heard in recorder.on(f"{topic_prefix}/{source_id}/health")]
        # of a box that has just begun, and is slow at that, the first may tell of nothing but losses
        return any(0 < one["dropped_share"] < 1 for one in told if not one["keeps_up"])

    for source_id in SOURCES:
        eventually(partial(told_a_share, source_id), 90, f"the share of {source_id}")
        alarm = {"uncertain": True, "reason": "uncertain"}
        recorder.wait_for(f"{topic_prefix}/{source_id}/alarm", timeout_s=30, **alarm)
        recorder.wait_for(f"{topic_prefix}/{source_id}/event", timeout_s=30, reason="uncertain")
    assert 0 == daemon.stop()

    for source_id in SOURCES:
        scores = [heard.document for heard in recorder.on(f"{topic_prefix}/{source_id}/score")]
        starts = [score["start_s"] for score in scores]
        assert sorted(set(starts)) == starts, "judged or dropped, each once and in order of time"
        given_up = [score for score in scores if score["quality"] == "dropped"]
        assert len(given_up) >= 3
        assert all(score["value"] is None for score in given_up)
        events = [heard.document["reason"] for heard in recorder.on(f"{topic_prefix}/{source_id}/event")]
        assert "certain" not in events, "it does not flip with every window"
        assert 1 == events.count("uncertain")
